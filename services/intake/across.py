"""Rules between fields of one event: what each says alone is possible, what they say together is not.

Only contradictions inside one event are refused. An event that needs another may come first, so nothing is asked of others.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from services.contracts.calendar import local_date
from services.contracts.dead_letters import Fault
from services.contracts.envelope import UpstreamEvent
from services.contracts.fields import parse_time
from services.contracts.upstream import UpstreamData
from services.contracts.upstream.after import TipReceived
from services.contracts.upstream.application import ApplicationSubmitted
from services.contracts.upstream.decision import Decision
from services.contracts.upstream.registry import DukcapilVerified, LicenseSnapshot, TravelHistory
from services.intake.messages import fault

EVIDENCE_DAYS = 30  # events.md, section 4: evidence_due_at


def _born_before(event: UpstreamEvent, data: ApplicationSubmitted | DukcapilVerified) -> Iterator[Fault]:
    if data.birth_date and date.fromisoformat(data.birth_date) > local_date(event.happened_at):
        yield fault("data.birth_date", "born_after_event")


def _decided(event: UpstreamEvent, data: Decision) -> Iterator[Fault]:
    if data.outcome != event.type.partition(".")[2]:
        yield fault("data.outcome", "outcome_of_type", expected=event.type.partition(".")[2])
    if data.evidence_due_at:
        wait = parse_time(data.evidence_due_at) - event.happened_at
        if not timedelta(0) <= wait <= timedelta(days=EVIDENCE_DAYS):
            yield fault("data.evidence_due_at", "evidence_due", days=EVIDENCE_DAYS)


def _home_after_leaving(_: UpstreamEvent, data: TravelHistory) -> Iterator[Fault]:
    for place, trip in enumerate(data.trips or ()):
        if trip.departed_at and trip.returned_at and trip.returned_at < trip.departed_at:
            yield fault(f"data.trips.{place}.returned_at", "returned_before")


def _named_after_licence(event: UpstreamEvent, data: LicenseSnapshot) -> Iterator[Fault]:
    if event.subject != f"LIC-{data.license_no}":
        yield fault("subject", "subject_licence")


def _named_after_tip(event: UpstreamEvent, _: TipReceived) -> Iterator[Fault]:
    if not event.subject.startswith("TIP-"):
        yield fault("subject", "subject_tip")


RULES: dict[type[UpstreamData], Callable[..., Iterator[Fault]]] = {
    ApplicationSubmitted: _born_before,
    DukcapilVerified: _born_before,
    Decision: _decided,
    TravelHistory: _home_after_leaving,
    LicenseSnapshot: _named_after_licence,
    TipReceived: _named_after_tip,
}


def across(event: UpstreamEvent, data: UpstreamData) -> list[Fault]:
    """Contradictions of one event; empty for nearly all."""
    rule = RULES.get(type(data))
    return list(rule(event, data)) if rule else []
