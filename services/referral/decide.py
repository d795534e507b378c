"""What people decide on the referrals of a case: approve, release fields, confirm an outcome, ask again, release a hold. Pure."""

from datetime import datetime, timedelta

from services.contracts import ids
from services.referral import clock, consent, entities, move, outcome, send
from services.referral.case import OUT, Actor, Case, Outcome, Referral
from services.referral.move import NotAllowed
from services.referral.place import kabupaten
from services.referral.states import OUTCOMES
from services.referral.steps import Step
from services.referral.tables import ALLOWED, Tables

APPROVERS = ("supervisor", "kakanim")
CONFIRMERS = ("case_officer", "supervisor", "kakanim")
HOLDERS = ("polri", "uptd_ppa")  # who may end a safety hold (agencies.md, section 7)


def approve(
    case: Case, referral_id: str, actor: Actor, reason: str, tables: Tables, now: datetime,
    consent_ref: str | None = None,
) -> Step:  # fmt: skip
    """A supervisor lets one planned referral leave; the case is then referred, and opened before if it was not."""
    step, referral = _about(case, referral_id, actor, APPROVERS, reason, tables)
    move.must_be_unrestricted(case)
    if referral.state != "planned":
        raise NotAllowed(f"the referral is {referral.state}; only a planned one can be approved")
    if referral.consent_needed:
        consent.must_hold(case, consent_ref, referral.agency_id)
    rule = tables.route(referral.route)
    if rule is None:
        raise NotAllowed(f"the rule {referral.route} is not in force any more")
    if tables.agencies[referral.agency_id].role != rule.role:
        raise NotAllowed(f"no {rule.role} is known for this place; name the agency with ask-again")
    referral.consent_ref = consent_ref
    step.log(
        now, "referral_approved", actor, reason.strip(), referral_id=referral_id, agency_id=referral.agency_id
    )  # fmt: skip
    send.send(step, referral, rule.deadline, actor, now, tables, case.assessment_id)
    if step.case.state in ("flagged", "interviewing"):
        step.case.officer = step.case.officer or actor.ref
        move.move_to(step, "case_opened", actor, "a referral was approved", tables, now, passing=True)
    if "referred" in tables.states[step.case.state].next:
        move.move_to(step, "referred", actor, "a referral was approved", tables, now)
    return step


def refuse(case: Case, referral_id: str, actor: Actor, reason: str, tables: Tables, now: datetime) -> Step:
    """A supervisor does not let it leave, or takes back one that left; consent withdrawn is such a reason."""
    step, referral = _about(case, referral_id, actor, APPROVERS, reason, tables)
    if referral.retracted or referral.state not in OUT | {"planned"}:
        raise NotAllowed(f"the referral is {referral.state}; nothing can be taken back")
    send.withdraw(step, referral, actor, reason.strip(), now)
    move.follow(step, tables, now)
    return step


def release_fields(
    case: Case, referral_id: str, groups: list[str], actor: Actor, reason: str, tables: Tables, now: datetime
) -> Step:
    """Answer an agency's wish for more: all, some or none of the groups it asked for. Its clock goes on."""
    step, referral = _about(case, referral_id, actor, CONFIRMERS, reason, tables)
    if referral.state != "need_more_data":
        raise NotAllowed(f"the referral is {referral.state}; no agency waits for fields")
    allowed = ALLOWED.get(tables.agencies[referral.agency_id].role, frozenset()) | {"R9"}
    if outside := set(groups) - (set(referral.wants) & allowed):
        raise NotAllowed(
            f"{', '.join(sorted(outside))} was not asked for or may not leave; asked: {', '.join(referral.wants)}"
        )
    referral.fields = sorted({*referral.fields, *groups})
    referral.entities = entities.named(step.case.facts, referral.fields, referral.entities)
    referral.wants, referral.state, referral.owner = [], "working", referral.agency_id
    clock.end(step, referral_id, "decided", now, "fields")
    clock.resume(step, referral_id, now)
    referral.deadline = next((c.due_at for c in step.case.running(referral_id)), referral.deadline)
    send.queue(step, referral, now)
    step.log(
        now, "fields_released", actor, f"{', '.join(groups) or 'none'}: {reason.strip()}", referral_id=referral_id,
        agency_id=referral.agency_id,
    )  # fmt: skip
    return step


def confirm(
    case: Case, referral_id: str, code: str | None, confidence: int, actor: Actor, reason: str, tables: Tables, now: datetime
) -> Step:  # fmt: skip
    """Confirm the outcome that an answer proposes, or put another; `None` takes a fact without an outcome. Marks go along."""
    step, referral = _about(case, referral_id, actor, CONFIRMERS, reason, tables)
    if referral.state != "answered":
        raise NotAllowed(f"the referral is {referral.state}; only a final answer has an outcome")
    if code is not None and code not in OUTCOMES:
        raise NotAllowed(f"{code} is no outcome; one of: {', '.join(sorted(OUTCOMES))}")
    agency = tables.agencies[referral.agency_id]
    means = tables.code(agency.role, referral.answer_code or "")
    outcome_id = ids.outcome_id(referral_id, len(referral.answers))
    if referral.outcome is not None and referral.outcome.code == (code or "none"):
        raise NotAllowed("this outcome is confirmed already")
    expires = (now + timedelta(days=means.days)).isoformat() if means and means.days else None
    marks = entities.marks(referral, means.mark, expires) if means and means.mark else []
    referral.outcome = Outcome(
        outcome_id=outcome_id, code=code or "none", agency_code=referral.answer_code, confidence=confidence, by=actor.ref,
        role=actor.role, at=now,
    )  # fmt: skip
    outcome.record(
        step, outcome_id, code or "none", confidence, actor, now, agency_id=referral.agency_id,
        agency_code=referral.answer_code, marks=marks,
    )  # fmt: skip
    step.log(
        now, "outcome_confirmed", actor, f"{code or 'none'}: {reason.strip()}", referral_id=referral_id,
        agency_id=referral.agency_id,
    )  # fmt: skip
    return step


def refer(case: Case, question: str, actor: Actor, reason: str, tables: Tables, now: datetime) -> Step:
    """A person asks a question that no rule asked (below level 3 only a person refers, R65); approval is a second step."""
    rule = tables.route(question)
    _may(case, actor, CONFIRMERS, reason, tables)
    if rule is None:
        raise NotAllowed(f"no such question; one of: {', '.join(r.name for r in tables.routes)}")
    place = kabupaten(case.facts, rule.territory)
    agency = tables.agency_for(rule, place)
    if case.referral(ids.referral_id(case.case_id, agency.agency_id, rule.code)) is not None:
        raise NotAllowed("this question is in the case already; ask it again with ask-again")
    step = Step(case.model_copy(deep=True), sentence="planned; a supervisor approves")
    send.plan(
        step, rule, agency, place, now, tables, caused_by=case.assessment_id, automatic=False, actor=actor, why=reason.strip()
    )  # fmt: skip
    return step


def ask_again(
    case: Case, referral_id: str, agency_id: str | None, actor: Actor, reason: str, tables: Tables, now: datetime
) -> Step:
    """A new round of the same question, to the same agency or to another of its kind that a person names."""
    step, referral = _about(case, referral_id, actor, APPROVERS, reason, tables)
    rule, agency = tables.route(referral.route), tables.agencies.get(agency_id or referral.agency_id)
    if rule is None or agency is None or agency.role != rule.role:
        raise NotAllowed(f"name an agency of the directory with the role {rule.role if rule else 'of the question'}")
    if referral.state in OUT:
        raise NotAllowed(f"the referral is {referral.state}; an open question is not asked twice")
    move.must_be_unrestricted(case)
    if rule.consent:
        consent.must_hold(case, referral.consent_ref, agency.agency_id)
    if referral.state == "planned":
        send.withdraw(step, referral, actor, "another agency was named", now)
    again = send.plan(
        step, rule, agency, referral.territory, now, tables, caused_by=case.assessment_id, round_=send.next_round(step.case, rule.code, agency),
        automatic=True, actor=actor, why=reason.strip(),
    )  # fmt: skip
    again.consent_ref = referral.consent_ref
    if "referred" in tables.states[step.case.state].next:
        move.move_to(step, "referred", actor, "a question was asked again", tables, now)
    return step


def release_hold(case: Case, agency_id: str, reason: str, tables: Tables, now: datetime) -> Step:
    """The police or the UPTD PPA end the safety hold of a case they were asked about."""
    if move.closed(case, tables):
        raise NotAllowed(f"the case is {case.state}")
    if tables.agencies[agency_id].role not in HOLDERS:
        raise NotAllowed("only the police or the UPTD PPA release a safety hold")
    if not any(r.agency_id == agency_id and r.sent_at and not r.retracted for r in case.referrals):
        raise NotAllowed("this agency was not asked about this case")
    if not case.safety_hold:
        raise NotAllowed("no safety hold is on the case")
    step = Step(case.model_copy(deep=True), sentence="safety hold released")
    step.case.safety_hold = False
    step.log(now, "hold_released", Actor(ref=agency_id, role="agency"), reason.strip(), agency_id=agency_id)
    return step


def _about(
    case: Case, referral_id: str, actor: Actor, roles: tuple[str, ...], reason: str, tables: Tables
) -> tuple[Step, Referral]:
    step = Step(case.model_copy(deep=True))
    referral = step.case.referral(referral_id)
    if referral is None:
        raise NotAllowed("the case has no such referral")
    _may(case, actor, roles, reason, tables)
    return step, referral


def _may(case: Case, actor: Actor, roles: tuple[str, ...], reason: str, tables: Tables) -> None:
    """What every decision needs: a role that may, a reason, a case that is open."""
    move.must_have_role(actor, roles)
    if not reason.strip():
        raise NotAllowed("a reason is needed")
    if move.closed(case, tables):
        raise NotAllowed(f"the case is {case.state}: nothing leaves it; a supervisor can open it again")
