"""Clocks of a case: they begin, pause, take their steps once each, and end. Pure; the time is passed in.

A step asks notify to reach somebody (one alert each, promise 10); an ended clock settles what it asked for. What a paused clock
has left, it still has when it goes on.
"""

from datetime import datetime

from services.contracts import ids
from services.contracts.alerts import AlertRequested, AlertSettled
from services.referral.case import Case, Clock
from services.referral.deadline import Deadline, share, shifted
from services.referral.states import ClockRule
from services.referral.steps import Step

Clocks = dict[str, ClockRule]


def begin(
    step: Step, name: str, about: str, deadline: Deadline, now: datetime, clocks: Clocks, *, urgent: bool = False,
    agency: str = "", territory: str | None = None,
) -> Clock:  # fmt: skip
    """Start a clock and take the steps that are due at once."""
    rounds, which = step.case.clock_rounds, f"{about} {name}"
    rounds[which] = rounds.get(which, 0) + 1
    clock = Clock(
        name=name, about=about, round=rounds[which], agency=agency, territory=territory or "", urgent=urgent,
        working=deadline.working_days is not None, started_at=now, due_at=deadline.after(now),
    )  # fmt: skip
    step.case.clocks.append(clock)
    _take(step, clock, now, clocks)
    return clock


def end(step: Step, about: str, reason: str, now: datetime, *names: str) -> None:
    """End the clocks of a case or referral (only those named, if any are) and settle their alerts."""
    for clock in [c for c in step.case.running(about) if not names or c.name in names]:
        step.case.clocks.remove(clock)
        settle(step, clock, reason, now)


def settle(step: Step, clock: Clock, reason: str, now: datetime) -> None:
    """Nobody need be reached for this clock any more."""
    for alert_id in clock.alerts:
        settled = AlertSettled(alert_id=alert_id, reason=reason, at=now.isoformat())
        step.messages.append((AlertSettled.TOPIC, settled))
    clock.alerts = []


def pause(step: Step, about: str, now: datetime) -> None:
    for clock in step.case.running(about):
        clock.paused_at = clock.paused_at or now


def resume(step: Step, about: str, now: datetime) -> None:
    """Go on where it stood: deadline and steps move by the length of the pause."""
    for clock in step.case.running(about):
        if clock.paused_at is not None:
            clock.started_at = shifted(clock.started_at, clock.paused_at, now, working=clock.working)
            clock.due_at = shifted(clock.due_at, clock.paused_at, now, working=clock.working)
            clock.paused_at = None


def due(case: Case, clocks: Clocks) -> datetime | None:
    """When the next step of any clock is to be taken; None when none waits."""
    return min((at for clock in case.clocks for _, at in _ahead(clock, clocks)), default=None)


def take_due(step: Step, now: datetime, clocks: Clocks) -> list[tuple[Clock, str]]:
    """Take every step that is due; which ones, in order."""
    return [(clock, name) for clock in list(step.case.clocks) for name in _take(step, clock, now, clocks)]


def _ahead(clock: Clock, clocks: Clocks) -> list[tuple[str, datetime]]:
    rule = clocks.get(clock.name)
    if rule is None or clock.paused_at is not None:
        return []
    return [
        (name, share(clock.started_at, clock.due_at, each.at, working=clock.working))
        for name, each in rule.steps.items()
        if name not in clock.done
    ]


def _take(step: Step, clock: Clock, now: datetime, clocks: Clocks) -> list[str]:
    names = [name for name, at in _ahead(clock, clocks) if at <= now]
    for name in names:
        clock.done.append(name)
        to = clocks[clock.name].steps[name].to
        if to is not None:
            _ask(step, clock, name, to, now)
    return names


def _ask(step: Step, clock: Clock, name: str, to: str, now: datetime) -> None:
    case = step.case
    referral = case.referral(clock.about)
    alert_id = ids.alert_id(clock.about, clock.round, name if clock.name == "answer" else f"{clock.name} {name}")
    clock.alerts.append(alert_id)
    office = f"kanim-{case.office_code.lower()}"
    request = AlertRequested(
        alert_id=alert_id, to=to.format(agency=clock.agency, office=office, kab=clock.territory or "3301"),
        ref=referral.referral_ref if referral else case.case_ref, deadline=clock.due_at.isoformat(),
        severity="must_act" if clock.urgent else "normal", step=name.removesuffix("_office"), not_to=case.contacts(),
        ring=case.ring(), of_ring=bool(case.rings), requested_at=now.isoformat(),
    )  # fmt: skip
    step.messages.append((AlertRequested.TOPIC, request))
