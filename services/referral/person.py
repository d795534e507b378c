"""What a person asked for about their own data, as it reaches a case: a pause, its end, an erasure (design, promise 8). Pure."""

from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.cases import CaseErased
from services.referral import clock
from services.referral.case import ERASED, SYSTEM, Case, short_ref
from services.referral.steps import Step, Tombstone

# An event of the application may still be redelivered for as long as intake knows its id.
STUB_KEPT = timedelta(days=731)


def restrict(case: Case | None, now: datetime) -> Step | None:
    """Nothing leaves for an agency and nothing is shown until it is released, unless somebody must act."""
    return _pause(case, True, now)


def release(case: Case | None, now: datetime) -> Step | None:
    return _pause(case, False, now)


def _pause(case: Case | None, restricted: bool, now: datetime) -> Step | None:
    if case is None or case.state == ERASED or case.restricted == restricted:
        return None
    step = Step(case.model_copy(deep=True), sentence="restricted" if restricted else "released")
    step.case.restricted = restricted
    for about in {c.about for c in step.case.clocks} if not step.case.must_act else ():
        (clock.pause if restricted else clock.resume)(step, about, now)
    step.log(now, step.sentence, SYSTEM, "request of the person, UU 27/2022 Ps 41")
    return step


def erase(case: Case | None, application_id: str, at: str, now: datetime) -> Step | None:
    """A stub is left, so that a late message opens no new case. Agencies' queue entries are taken back, alerts end.

    The history goes with the case: it holds reasons. Its last head is published, so that what stands on `case-events` stays
    provable.
    """
    if case is not None and case.state == ERASED:
        return None
    case_id = ids.case_id(application_id)
    stub = Case(
        case_id=case_id, case_ref=short_ref("K", case_id), application_id=application_id,
        office_code=case.office_code if case else "", state=ERASED, level=0, must_act=False, must_review=False,
        assessment_id="", record_version=0, opened_at=case.opened_at if case else now, purge_at=now + STUB_KEPT,
        version=case.version if case else 0,
    )  # fmt: skip
    step = Step(stub, sentence="erased")
    before = case.model_copy(deep=True) if case else None
    for referral in before.referrals if before else ():
        if referral.sent_at is not None:
            step.messages.append((f"queue-{referral.agency_id}", Tombstone(referral.referral_id.encode())))
    for running in before.clocks if before else ():
        clock.settle(step, running, "erased", now)
    head = case.history[-1].hash if case and case.history else None
    erased = CaseErased(case_id=case_id, application_id=application_id, head=head, at=at)
    step.messages.append((CaseErased.TOPIC, erased))
    return step
