"""Who has seen an alert of a case, as notify tells it. Not the agency's acknowledgement of the referral. Pure."""

from datetime import datetime

from services.contracts.alerts import AlertProgressed
from services.referral.case import Actor, Case
from services.referral.steps import Step

TOLD = ("seen", "taken", "exhausted")


def seen(case: Case, told: AlertProgressed, now: datetime) -> Step | None:
    """One entry of the history; None when it stands there, or says nothing of a person."""
    known = f"alert {told.alert_id} {told.seq}"
    if told.status not in TOLD or known in case.inbox:
        return None
    clock = next((c for c in case.clocks if told.alert_id in c.alerts), None)
    referral = case.referral(clock.about) if clock else None
    step = Step(case.model_copy(deep=True), sentence=f"alert {told.status}")
    step.case.inbox.append(known)
    who = Actor(ref=told.person_ref or "notify", role="liaison" if told.person_ref else "system")
    reason = told.reason if told.status != "exhausted" else "nobody acknowledged the alert"
    step.log(
        now, "alert_seen", who, f"{told.status}: {reason}", caused_by=told.alert_id,
        referral_id=referral.referral_id if referral else None, agency_id=referral.agency_id if referral else None,
    )  # fmt: skip
    return step
