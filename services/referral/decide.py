"""What people decide on a case: approve a referral. And what an agency answers. Pure, as `route`."""

from datetime import datetime

from services.contracts.fields import parse_time
from services.contracts.referrals import ReferralAnswered
from services.referral.case import OPEN, Actor, Case, ReferralState
from services.referral.steps import Step
from services.referral.tables import Tables

APPROVERS = frozenset({"supervisor", "kakanim"})
_AFTER: dict[str, ReferralState] = {
    "acknowledged": "acknowledged",
    "working": "working",
    "need_more_data": "need_more_data",
    "wrong_agency": "need_more_data",
    "final": "answered",
}


class NotAllowed(Exception):
    """The decision breaks a rule; the text says which, and what would be allowed."""


def approve(
    case: Case,
    referral_id: str,
    actor: Actor,
    reason: str,
    tables: Tables,
    now: datetime,
    consent_ref: str | None = None,
) -> Step:
    """A supervisor lets one planned referral leave."""
    step = Step(case.model_copy(deep=True))
    referral = step.case.referral(referral_id)
    if referral is None:
        raise NotAllowed("the case has no such referral")
    if actor.role not in APPROVERS:
        raise NotAllowed(f"the role {actor.role} may not approve; {' or '.join(sorted(APPROVERS))} may")
    if case.restricted and not case.must_act:
        raise NotAllowed(
            "the processing is restricted at the person's request (UU 27/2022 Ps 41); it must be released first"
        )
    if referral.state != "planned":
        raise NotAllowed(f"the referral is {referral.state}; only a planned one can be approved")
    if referral.consent_needed and not consent_ref:
        raise NotAllowed("this agency gets nothing without the consent of the person; name the consent record")
    if not reason.strip():
        raise NotAllowed("a reason is needed")
    rule = next((r for r in tables.routes if r.name == referral.route), None)
    if rule is None:
        raise NotAllowed(f"the rule {referral.route} is not in force any more")
    referral.consent_ref = consent_ref
    step.case.state = "referred"
    step.log(
        now, "referral_approved", actor, reason.strip(), referral_id=referral_id, agency_id=referral.agency_id
    )  # fmt: skip
    step.send(referral, now, rule.deadline.after(now), actor, case.assessment_id)
    return step


def answer(case: Case, answered: ReferralAnswered, agency_id: str, now: datetime) -> Step | None:
    """An agency's word on its own referral; None when it was taken in before. NotAllowed says why not."""
    if answered.answer_id in case.inbox:
        return None
    step = Step(case.model_copy(deep=True))
    referral = step.case.referral(answered.referral_id)
    if referral is None or referral.agency_id != agency_id:
        raise NotAllowed("this agency was not asked this question")
    if referral.state not in OPEN - {"planned"}:
        raise NotAllowed(f"the referral is {referral.state}")
    step.case.inbox.append(answered.answer_id)
    referral.answers.append(
        {
            "answer_id": answered.answer_id,
            "status": answered.status,
            "code": answered.code,
            "at": parse_time(answered.answered_at),
        }
    )
    referral.state = _AFTER[answered.status]
    referral.answer_code = answered.code or referral.answer_code
    referral.version += 1
    if answered.status == "final" and not any(r.state in OPEN for r in step.case.referrals):
        step.case.state = "answered"
    actor = Actor(ref=agency_id, role=answered.answered_by_role or "agency")
    step.log(
        now, "referral_answered", actor, f"{answered.status} {answered.code or ''}".strip(),
        referral_id=referral.referral_id, agency_id=agency_id, caused_by=answered.answer_id,
    )  # fmt: skip
    step.settle(referral, answered.status, now)
    return step
