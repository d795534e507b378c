"""Who has seen an alert of a case: one entry of the history, however often it is told; and what an alert says of a ring."""

from typing import Any

import pytest

from services.contracts.alerts import AlertProgressed, AlertRequested
from services.referral.case import Case
from services.referral.seen import seen
from tests.referral.cases import NOW, THREAT, assessed, sent, step_of


def told(alert_id: str, status: Any = "seen", seq: int = 2) -> AlertProgressed:
    return AlertProgressed(
        alert_id=alert_id,
        seq=seq,
        status=status,
        person_ref="polres-3304-liaison",
        reason="acknowledged by the link",
        at=NOW.isoformat(),
    )


def flagged() -> tuple[Case, str]:
    """A case, and the alert to the police about its referral."""
    step = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT))
    alert = next(a for a in sent(step, AlertRequested) if a.to == "polres-3304")
    return step.case, alert.alert_id


def test_it_is_one_entry_with_the_person_and_the_referral() -> None:
    case, alert = flagged()
    step = seen(case, told(alert), NOW)
    assert step is not None
    entry = step.case.history[-1]
    police = next(r for r in case.referrals if r.agency_id == "polres-3304")
    assert (entry.action, entry.actor, entry.referral_id) == ("alert_seen", "polres-3304-liaison", police.referral_id)
    assert seen(step.case, told(alert), NOW) is None


def test_it_is_not_the_agencys_acknowledgement_and_the_clock_goes_on() -> None:
    case, alert = flagged()
    step = seen(case, told(alert), NOW)
    assert step is not None
    assert [r.state for r in step.case.referrals] == [r.state for r in case.referrals]
    assert step.case.clocks == case.clocks


@pytest.mark.parametrize(
    "status", ["planned", "held", "sent", "failed", "escalated", "settled", "resolved", "handed_over"]
)
def test_other_steps_of_an_alert_are_notifys_alone(status: str) -> None:
    case, alert = flagged()
    assert seen(case, told(alert, status), NOW) is None


def test_that_nobody_acknowledged_stands_in_the_case() -> None:
    case, alert = flagged()
    step = seen(case, told(alert, "exhausted"), NOW)
    assert step is not None
    assert step.case.history[-1].reason == "exhausted: nobody acknowledged the alert"


def test_an_alert_names_the_ring_of_the_applicant() -> None:
    net: dict[str, Any] = {"net": {"ring": {"ring_id": "ring-1"}}}
    step = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT, **net))
    assert {(a.ring, a.of_ring) for a in sent(step, AlertRequested)} == {("ring-1", False)}
    alone = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT))
    assert {(a.ring, a.of_ring) for a in sent(alone, AlertRequested)} == {(None, False)}
