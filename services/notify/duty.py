"""duty: who would be told at a moment, and whether there is an hour at which nobody could be. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from services.contracts.calendar import WIB
from services.notify.chains import ASKED, FALLBACK, Chain
from services.notify.roster import Roster

A_SLOT = timedelta(minutes=30)
AHEAD = timedelta(days=14)


def candidates(chain: Chain, to: str, roster: Roster, now: datetime) -> Iterator[tuple[int, str]]:
    """(place in the chain, person) in the order of the chain, each person once."""
    target, asked, _ = roster.resolve(to)
    seen: set[str] = set()
    for place, link in enumerate(chain.links):
        if link.person is not None:
            held: Sequence[str] = [link.person] if link.person in roster.people else []
        elif link.role == FALLBACK:
            roles = (roster.targets[roster.fallback].asked, "duty")
            held = [ref for role in roles for ref in roster.holders(roster.fallback, role, now)]
        else:
            held = roster.holders(target, asked if link.role == ASKED else link.role, now)
        for ref in held:
            if ref not in seen:
                seen.add(ref)
                yield place, ref


def in_order(chain: Chain, to: str, roster: Roster, now: datetime) -> list[tuple[int, str]]:
    """As they would be told. Where every hour counts, whoever is in their hours comes before whoever is not."""
    found = list(candidates(chain, to, roster, now))
    if chain.hours == "any":
        found.sort(key=lambda each: not roster.in_hours(each[1], now))
    return found


def opens(chain: Chain, ref: str, roster: Roster, now: datetime) -> datetime:
    """When this chain may reach a person: now, or when the quiet hours are over."""
    match chain.hours:
        case "any" | "ignored":
            return now
        case "night":
            local = now.astimezone(WIB)
            if 6 <= local.hour < 21:
                return now
            morning = local.replace(hour=6, minute=0, second=0, microsecond=0)
            return morning if local.hour < 6 else morning + timedelta(days=1)
        case _:
            hours = roster.hours[roster.people[ref].hours]
            return now if hours.cover(now) else hours.next_start(now)


def unreachable(roster: Roster, chain: Chain, now: datetime) -> Iterator[tuple[str, bool, datetime]]:
    """(target, whether that must not be, first moment of the next two weeks at which nobody of it is in their hours).

    The fallback does not count: it is our own office, and only calls.
    """
    inner = chain.model_copy(update={"links": [link for link in chain.links if link.role != FALLBACK]})
    start = now.replace(minute=0, second=0, microsecond=0)
    slots = [start + n * A_SLOT for n in range(AHEAD // A_SLOT)]
    for name, target in roster.targets.items():
        for slot in slots:
            if not any(roster.in_hours(ref, slot) for _, ref in candidates(inner, name, roster, slot)):
                yield name, target.must_act, slot
                break
