"""Metrics of referral."""

from prometheus_client import Counter

from services.referral.steps import Step

STEPS = Counter("tppo_referral_steps_total", "Entries of case histories, by action.", ["action"])
CASES = Counter("tppo_referral_cases_total", "Cases that were made, by level.", ["level"])
SENT = Counter(
    "tppo_referral_sent_total", "Referrals that left, by role of the agency and question.", ["agency", "question"]
)
REVEALS = Counter("tppo_referral_reveals_total", "Reads of a referral's personal fields, by result.", ["result"])


def count(step: Step) -> None:
    """What one stored step added."""
    for _, message in step.messages:
        action = getattr(message, "action", None)
        if action:
            STEPS.labels(action).inc()
        if action == "flagged":
            CASES.labels(str(step.case.level)).inc()
        if action == "referral_sent":
            referral = step.case.referral(getattr(message, "referral_id", ""))
            if referral:
                SENT.labels(referral.agency_id.rpartition("-")[0] or referral.agency_id, referral.question).inc()
