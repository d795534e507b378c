"""The stages between "its time has come" and "this person is told now". Each lets an alert through or holds it; pure, one reason each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from services.notify import duty
from services.notify.alert import Alert
from services.notify.roster import Roster
from services.notify.silence import Silence, silenced

AN_HOUR = timedelta(hours=1)
LOOK_AGAIN = timedelta(minutes=1)
ROSTER_SOON = timedelta(seconds=15)
Why = Literal["ring", "silence", "quiet", "limit", "channel", "roster", "round"]


@dataclass(frozen=True)
class Look:
    """What the stages may look at; read once a turn."""

    roster: Roster
    silences: Sequence[Silence] = ()
    rings: frozenset[tuple[str, str]] = frozenset()  # (ring, target) with an open alert of the ring itself
    sent: Mapping[str, Sequence[datetime]] = field(default_factory=dict)  # messages of the last hour by person
    shut: Mapping[str, datetime] = field(default_factory=dict)  # channels that fail, and until when they rest
    tokens: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # of a person's phones and addresses; absent: not known yet


@dataclass(frozen=True)
class Hold:
    """Not now."""

    why: Why
    until: datetime
    reason: str


Stage = Callable[[Alert, Look, datetime], Hold | None]


def inhibit(alert: Alert, look: Look, now: datetime) -> Hold | None:
    """While a ring's own alert is open, those of its members wait: one call about 165 people, not 166."""
    if alert.severity == "must_act" or alert.of_ring or (alert.ring or "", alert.to) not in look.rings:
        return None
    return Hold("ring", now + LOOK_AGAIN, "an alert of the whole ring is open")


def silence(alert: Alert, look: Look, now: datetime) -> Hold | None:
    found = silenced(look.silences, alert.to, alert.ref, now)
    if found is None or alert.severity == "must_act":
        return None
    return Hold("silence", found.end, f"silenced by {found.author}")


def quiet(alert: Alert, look: Look, now: datetime) -> Hold | None:
    opens = duty.opens(alert.chain, _person(alert), look.roster, now)
    return Hold("quiet", opens, "outside the hours in which this person may be told") if opens > now else None


def limit(alert: Alert, look: Look, now: datetime) -> Hold | None:
    """At most so many messages an hour; what is above comes together as one."""
    most, sent = alert.chain.per_hour, sorted(look.sent.get(_person(alert), ()))
    if most is None or len(sent) < most:
        return None
    return Hold("limit", sent[-most] + AN_HOUR, f"{len(sent)} messages in this hour; the rest comes together")


def channel(alert: Alert, look: Look, now: datetime) -> Hold | None:
    """All ways to this person rest after failures."""
    ways = look.roster.people[_person(alert)].channels[alert.channel :]
    until = [look.shut.get(way.channel) for way in ways]
    if not until or any(u is None or u <= now for u in until):
        return None
    return Hold("channel", min(u for u in until if u), "every channel to this person fails; it is tried again")


# In this order. The first two look at the alert alone, the others at the person whose turn it is.
OF_ALERT: tuple[Stage, ...] = (inhibit, silence)
OF_PERSON: tuple[Stage, ...] = (quiet, limit, channel)


def first_hold(stages: Sequence[Stage], alert: Alert, look: Look, now: datetime) -> Hold | None:
    return next((hold for stage in stages if (hold := stage(alert, look, now)) is not None), None)


def hold(alert: Alert, by: Hold, now: datetime) -> None:
    """Not now: the next look is when the reason ends."""
    alert.due_at = by.until
    if (
        alert.held != by.why and by.why != "roster"
    ):  # told once, however often it is looked at; some seconds are no news
        alert.log(now, "held", person=alert.person, reason=by.reason)
    alert.held = by.why


def is_contact(alert: Alert, ref: str, look: Look) -> bool | None:
    """Whether a person stands on the case. None: their tokens are not known yet."""
    if not alert.not_to:
        return False
    own = look.tokens.get(ref)
    return None if own is None else not own.isdisjoint(alert.not_to)


def _person(alert: Alert) -> str:
    if alert.person is None:
        raise ValueError("nobody's turn")
    return alert.person
