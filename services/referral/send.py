"""A referral on its way: planned, sent, sent again with other fields, taken back. Pure.

Planned, it waits for a person and has our supervisor as its owner (R33); sent, the agency is its owner and the answer clock runs.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.contracts import ids
from services.contracts.referrals import ReferralQueued
from services.referral import clock, entities
from services.referral.case import OPEN, SYSTEM, Actor, Case, Referral, short_ref
from services.referral.deadline import Deadline
from services.referral.steps import Step, Tombstone
from services.referral.tables import Agency, Route, Tables

APPROVE_OTHERS, APPROVE_MUST_ACT = Deadline(hours=2), Deadline(minutes=15)


def plan(
    step: Step, rule: Route, agency: Agency, place: str | None, now: datetime, tables: Tables, *, caused_by: str,
    round_: int = 1, automatic: bool | None = None, actor: Actor = SYSTEM, why: str = "",
) -> Referral:  # fmt: skip
    """Put a referral into the case; it leaves at once when nobody has to approve it."""
    case, resolved = step.case, agency.role == rule.role
    referral_id = ids.referral_id(case.case_id, agency.agency_id, rule.code, round_)
    leaves = (rule.mode == "automatic" if automatic is None else automatic) and resolved
    fields = rule.fields if resolved else ["R0"]
    wait = APPROVE_MUST_ACT if case.must_act else APPROVE_OTHERS
    referral = Referral(
        referral_id=referral_id, referral_ref=short_ref("R", referral_id), agency_id=agency.agency_id, territory=place,
        question=rule.code, question_id=rule.question.id, question_en=rule.question.en, route=rule.name, round=round_,
        fields=fields, mode="automatic" if leaves else "on_approval", consent_needed=rule.consent, urgent=rule.urgent,
        state="planned", owner=supervisor(case), deadline=wait.after(now), entities=entities.named(case.facts, fields, {}),
    )  # fmt: skip
    case.referrals.append(referral)
    reason = why or f"route {rule.name}"
    if not resolved:
        reason += f"; no {rule.role} for {place or 'an unknown place'}, a person must resolve"
    step.log(
        now, "referral_planned", actor, reason, referral_id=referral_id, agency_id=agency.agency_id, caused_by=caused_by
    )
    if leaves:
        send(step, referral, rule.deadline, actor, now, tables, caused_by)
    else:
        clock.begin(step, "approval", referral_id, wait, now, tables.clocks, urgent=case.must_act)
    return referral


def send(
    step: Step, referral: Referral, deadline: Deadline, actor: Actor, now: datetime, tables: Tables, caused_by: str
) -> None:
    """The referral leaves: its queue entry, and the answer clock, whose first step tells the agency's liaison."""
    clock.end(step, referral.referral_id, "approved", now)
    referral.state, referral.owner, referral.sent_at = "sent", referral.agency_id, now
    running = clock.begin(
        step, "answer", referral.referral_id, deadline, now, tables.clocks, urgent=referral.urgent,
        agency=referral.agency_id, territory=referral.territory,
    )  # fmt: skip
    referral.deadline = running.due_at
    queue(step, referral, now)
    step.log(
        now, "referral_sent", actor, f"route {referral.route}", referral_id=referral.referral_id,
        agency_id=referral.agency_id, caused_by=caused_by,
    )  # fmt: skip


def queue(step: Step, referral: Referral, now: datetime) -> None:
    """What now stands in the agency's queue."""
    case = step.case
    referral.version += 1
    message = ReferralQueued(
        referral_id=referral.referral_id, referral_ref=referral.referral_ref, case_ref=case.case_ref,
        agency_id=referral.agency_id, question=referral.question, question_id=referral.question_id,
        question_en=referral.question_en, fields=referral.fields, coded=coded(case, referral),
        deadline=referral.deadline.isoformat(), urgent=referral.urgent, issued_at=now.isoformat(),
        record_version=referral.version,
    )  # fmt: skip
    step.messages.append((f"queue-{referral.agency_id}", message))


def withdraw(step: Step, referral: Referral, actor: Actor, reason: str, now: datetime) -> None:
    """Take a referral back: nothing is shown any more, its queue entry goes, its clocks end."""
    if referral.sent_at is not None:
        step.messages.append((f"queue-{referral.agency_id}", Tombstone(referral.referral_id.encode())))
    clock.end(step, referral.referral_id, "withdrawn", now)
    referral.retracted = True
    referral.wants = []
    if referral.state in OPEN:
        referral.state = "withdrawn"
    step.log(
        now, "referral_withdrawn", actor, reason, referral_id=referral.referral_id, agency_id=referral.agency_id
    )  # fmt: skip


def next_round(case: Case, question: str, agency: Agency) -> int:
    """The number that the same question to the same agency would have now."""
    return 1 + max(
        (r.round for r in case.referrals if (r.question, r.agency_id) == (question, agency.agency_id)), default=0
    )


def coded(case: Case, referral: Referral) -> dict[str, Any]:
    """Coded facts that belong to the referral's field groups; nothing of a group it does not have."""
    found: dict[str, Any] = {}
    app = case.facts.get("app", {})
    if "R3" in referral.fields:
        found |= {k: app[k] for k in ("purpose", "dest_countries", "depart_date") if k in app}
    if "R5" in referral.fields:
        found |= {k: app[k] for k in ("agent_license_no",) if k in app}
        found |= {"entities": entities.shown(referral)} if referral.entities else {}
    if "R6" in referral.fields:
        found["indicators"] = sorted(f["id"] for f in case.findings)
    if case.members:
        found["members"] = [short_ref("K", ids.case_id(member)) for member in case.members]
        found["kabupaten"] = case.kabupaten
    if referral.question in OF_QUESTION:
        found |= {k: v for k, v in OF_QUESTION[referral.question](case).items() if v is not None}
    return found


def _organiser(case: Case) -> dict[str, Any]:
    """An organiser and a date, nothing of a person."""
    app = case.facts.get("app", {})
    return {"licence_no": app.get("agent_license_no"), "depart_date": app.get("depart_date")}


def _history(case: Case) -> dict[str, Any]:
    """For another immigration office: the person as a token."""
    return {"subject_token": case.facts.get("app", {}).get("subject_token")}


def _village(case: Case) -> dict[str, Any]:
    """A village and a count, which is hidden below the smallest number that tells nobody's name."""
    many = case.facts.get("net", {}).get("desa", {}).get("people")
    desa = case.facts.get("app", {}).get("domicile_desa_code")
    return {"desa_code": desa, "people": many if many is None or many >= SMALLEST_GROUP else f"<{SMALLEST_GROUP}"}


SMALLEST_GROUP = 10  # privacy-and-safety.md, section 7
# What a question needs beside its field groups: coded, and of nobody by name.
OF_QUESTION: dict[str, Callable[[Case], dict[str, Any]]] = {
    "organiser_licence": _organiser,
    "office_history": _history,
    "village_warning": _village,
}


def supervisor(case: Case) -> str:
    return f"kanim-{case.office_code.lower()}:supervisor"
