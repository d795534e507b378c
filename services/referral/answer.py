"""What an agency answers: taken in once, checked against its own codes, and what follows from it. Pure.

An answer moves its own referral only. Outcome and marks are proposed by its code and confirmed by a person (`decide.confirm`).
"""

from datetime import datetime

from services.contracts.fields import parse_time
from services.contracts.referrals import ReferralAnswered
from services.referral import clock, move, send
from services.referral.case import OUT, SYSTEM, Actor, Case, Referral, ReferralState
from services.referral.deadline import Deadline
from services.referral.move import NotAllowed
from services.referral.steps import Step, Tombstone
from services.referral.tables import ALLOWED, Tables

FIELDS_WAIT = Deadline(hours=4)
_AFTER: dict[str, ReferralState] = {
    "acknowledged": "acknowledged",
    "working": "working",
    "need_more_data": "need_more_data",
    "wrong_agency": "wrong_agency",
    "final": "answered",
}
# An answer that says less than what is known already (it was late) changes nothing but the record of answers.
_ORDER = ("sent", "acknowledged", "working", "need_more_data", "wrong_agency", "answered")


def answer(
    case: Case, answered: ReferralAnswered, agency_id: str, tables: Tables, now: datetime, *, by: Actor | None = None
) -> Step | None:
    """An agency's word on its own referral; None when it was taken in before. NotAllowed says why not.

    `by` is the officer who enters an answer that came on paper.
    """
    if answered.answer_id in case.inbox:
        return None
    step = Step(case.model_copy(deep=True))
    referral = step.case.referral(answered.referral_id)
    if referral is None or referral.agency_id != agency_id or referral.sent_at is None:
        raise NotAllowed("this agency was not asked this question")
    if move.closed(case, tables):
        raise NotAllowed(f"the case is {case.state}")
    if referral.retracted or referral.state not in OUT | {"answered", "expired"}:
        raise NotAllowed(f"the referral is {referral.state}")
    if referral.state == "answered" and answered.status != "final":
        raise NotAllowed("the referral has its final answer; only another final one corrects it")
    _check(answered, referral, tables)
    step.case.inbox.append(answered.answer_id)
    referral.answers.append({
        "answer_id": answered.answer_id, "status": answered.status, "code": answered.code, "marks": answered.marks,
        "at": parse_time(answered.answered_at), "taken_at": now, "evidence_ref": answered.evidence_ref,
        "by_role": answered.answered_by_role, "entered_by": by.ref if by else None,
    })  # fmt: skip
    referral.version += 1
    actor = by or Actor(ref=agency_id, role=answered.answered_by_role or "agency")
    step.log(
        now, "referral_answered", actor, f"{answered.status} {answered.code or ''}".strip() + (" (on paper)" if by else ""),
        referral_id=referral.referral_id, agency_id=agency_id, caused_by=answered.answer_id,
    )  # fmt: skip
    to = _AFTER[answered.status]
    if _says_nothing_new(referral.state, to):
        return step
    clock.resume(step, referral.referral_id, now)
    referral.state = to
    _then(step, referral, answered, tables, now)
    move.follow(step, tables, now)
    return step


def _says_nothing_new(state: ReferralState, to: ReferralState) -> bool:
    """Late or out of order: kept, but the referral stands where it stood. Of an expired one only the end counts."""
    if state == "expired":
        return to not in ("answered", "wrong_agency")
    return _ORDER.index(to) < _ORDER.index(state) or state == to == "need_more_data"


def _check(answered: ReferralAnswered, referral: Referral, tables: Tables) -> None:
    role = tables.agencies[referral.agency_id].role if referral.agency_id in tables.agencies else ""
    if answered.status == "final" and answered.code is None:
        raise NotAllowed(f"a final answer needs a code, one of: {', '.join(codes(tables, role))}")
    if answered.code is not None and tables.code(role, answered.code) is None:
        raise NotAllowed(
            f"{answered.code} is no answer of this kind of agency; its codes are: {', '.join(codes(tables, role))}"
        )
    if unknown := [ref for ref in answered.marks if ref not in referral.entities]:
        known = ", ".join(referral.entities) or "none"
        raise NotAllowed(f"the referral names no {', '.join(unknown)}; it names: {known}")
    if answered.status == "need_more_data":
        allowed = ALLOWED.get(role, frozenset()) | {"R9"}
        if not answered.wants or set(answered.wants) - allowed:
            raise NotAllowed(f"need_more_data names the field groups that are wanted, of: {', '.join(sorted(allowed))}")
        if not set(answered.wants) - set(referral.fields):
            raise NotAllowed(f"the referral has these field groups already: {', '.join(referral.fields)}")


def codes(tables: Tables, role: str) -> list[str]:
    """Answer codes of a role, as a person reads them."""
    shown = []
    for name, means in (tables.answers.get(role, {}) | tables.answers["common"]).items():
        shown.append(name if means.of is None else f"{name}:{'…' if means.of == 'any' else '|'.join(means.of)}")
    return shown


def _then(step: Step, referral: Referral, answered: ReferralAnswered, tables: Tables, now: datetime) -> None:
    about = referral.referral_id
    if answered.status == "final":
        means = tables.code(tables.agencies[referral.agency_id].role, answered.code or "")
        referral.answer_code, referral.proposed = answered.code, means.proposes if means else None
        referral.marked, referral.outcome = answered.marks, None
        referral.owner = send.supervisor(step.case)
        clock.end(step, about, "final", now)
    elif answered.status == "wrong_agency":
        clock.end(step, about, "wrong_agency", now)
        step.messages.append((f"queue-{referral.agency_id}", Tombstone(about.encode())))
        referral.retracted = True
        reroute(step, referral, tables, now, answered.answer_id)
    elif answered.status == "need_more_data":
        referral.wants = sorted(set(answered.wants or ()) - set(referral.fields))
        referral.owner = send.supervisor(step.case)
        for running in step.case.running(about):
            clock.settle(step, running, "need_more_data", now)
        clock.pause(step, about, now)
        clock.begin(step, "fields", about, FIELDS_WAIT, now, tables.clocks, urgent=referral.urgent)
        step.log(
            now, "fields_asked", SYSTEM, ", ".join(referral.wants), referral_id=about, agency_id=referral.agency_id
        )  # fmt: skip
    else:
        for running in step.case.running(about):
            clock.settle(step, running, answered.status, now)


def reroute(step: Step, referral: Referral, tables: Tables, now: datetime, caused_by: str) -> None:
    """The next agency of the role that was not asked yet; without one a person must resolve it."""
    rule = tables.route(referral.route)
    if rule is None:
        return
    asked = frozenset(r.agency_id for r in step.case.referrals if r.question == referral.question)
    agency = tables.agency_for(rule, referral.territory, asked)
    send.plan(
        step,
        rule,
        agency,
        referral.territory,
        now,
        tables,
        caused_by=caused_by,
        why=f"{referral.agency_id} is the wrong agency",
    )
