"""How many unrelated households share a thing within a window around each of them. Pure; plain numbers, no clock.

A household counts once (family card, else the person), and households that the registry joins by a parent are one (R14;
indicators.md, section 7). Members with a lawful explanation are taken out and named.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar

from services.contracts.fields import parse_time
from services.contracts.network import EntitySeen
from services.risk.network.kinds import EXACT, HUB, Kind, told


class Member(NamedTuple):
    """One row, ready to be counted. `unit` is the family it belongs to."""

    row: EntitySeen
    at: float  # seconds
    unit: str
    counted: bool
    bits: int = 0


class Window:
    """The members that one finding speaks of. What follows from them is worked out once: many members share a window."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._counted = [m for m in members if m.counted]

    @cached_property
    def households(self) -> int:
        return len({m.unit for m in self._counted})

    @cached_property
    def everybody(self) -> int:
        """Households, those with a lawful explanation as well."""
        return len({m.unit for m in self.members})

    @cached_property
    def near(self) -> tuple[str, ...]:
        """Some of the households counted; more than are told exactly nobody needs."""
        return tuple(sorted({m.unit for m in self._counted})[: EXACT + 1])

    @cached_property
    def explanations(self) -> tuple[str, ...]:
        """Why members of the window were not counted."""
        return tuple(sorted({m.row.group or "weak_name" for m in self.members if not m.counted}))

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """`net.<kind>.` of those who are counted."""
        counted = self._counted
        exact = self.households <= EXACT
        found: dict[str, Any] = {
            "households": told(self.households),
            "people": told(len({m.row.subject or m.row.application_id for m in counted})),
            "minors": told(len({m.unit for m in counted if m.row.minor})),
            "purposes": told(len({m.row.purpose for m in counted if m.row.purpose})),
            "origins": told(len({m.row.origin for m in counted if m.row.origin})),
        }
        if not exact:
            found["exact"] = False
        elif counted:  # beyond, every new member would be news to all of them
            found |= {"first_at": counted[0].row.seen_at, "last_at": counted[-1].row.seen_at}
        if self.households >= HUB:
            found["hub"] = True
        return found


# Nobody but the own household.
ALONE: dict[str, Any] = {"households": 1, "minors": 0}  # never changed


def facts(window: Window, member: Member) -> Mapping[str, Any]:
    """`net.<kind>.` of a member. One that has a lawful explanation itself is alone with its own household."""
    return window.facts if member.counted else ALONE


def members(rows: Iterable[EntitySeen]) -> list[Member]:
    """In order of sighting, ties by application."""
    rows = list(rows)
    unit = _units(rows)
    found = [
        Member(
            r, parse_time(r.seen_at).timestamp(), unit(_household(r)), r.group is None and not r.weak,
            int(r.fingerprint, 16) if r.fingerprint else 0,
        )
        for r in rows
    ]  # fmt: skip
    return sorted(found, key=lambda m: (m.at, m.row.application_id))


class Related(Protocol):
    """What tells families apart."""

    @property
    def application_id(self) -> str: ...
    @property
    def household(self) -> str | None: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def kin(self) -> Sequence[str] | None: ...


R = TypeVar("R", bound=Related)


def families(rows: Sequence[R], counts: Callable[[R], bool]) -> int:
    """Unrelated households of those who count; anybody may be the relative who joins two."""
    unit = _units(rows)
    return len({unit(_household(row)) for row in rows if counts(row)})


def _household(row: Related) -> str:
    """An unknown family card is a household of its own (R14)."""
    return row.household or row.subject or row.application_id


def _units(rows: Sequence[Related]) -> Callable[[str], str]:
    """Joins households in which somebody is the parent of somebody in another, or that have a parent in common."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while (higher := above.get(name, name)) != name:
            name = higher
        return name

    owner: dict[str, str] = {}
    for row in sorted(rows, key=attrgetter("application_id")):
        if not row.kin and len(rows) == 1:
            break
        home = _household(row)
        for person in (row.subject, *(row.kin or ())):
            if person is None:
                continue
            one, other = sorted((top(owner.setdefault(person, home)), top(home)))
            above[other] = one
    return top


def widest(found: Sequence[Member], kind: Kind) -> Iterator[tuple[Member, Window]]:
    """For each member the window that holds it and the most households; the earliest of equal ones."""
    if kind.bits is not None:
        yield from _near(found, kind)
    elif kind.spread is not None:
        yield from _series(found, kind)
    else:
        yield from _in_time(found, kind.window.total_seconds(), attrgetter("at"))


def _in_time(found: Sequence[Member], length: float, place: Callable[[Member], Any]) -> Iterator[tuple[Member, Window]]:
    """Windows that begin at each member; the best of those that hold a member, by a sliding maximum."""
    windows: list[tuple[int, int]] = []  # households, end (exclusive), by begin
    seen: Counter[str] = Counter()
    end = 0
    for first in found:
        while end < len(found) and place(found[end]) - place(first) <= length:
            seen[found[end].unit] += found[end].counted
            end += 1
        windows.append((sum(1 for n in seen.values() if n), end))
        seen[first.unit] -= first.counted
    best: deque[int] = deque()
    made: dict[int, Window] = {}
    begin = 0
    for number, member in enumerate(found):
        while best and windows[best[-1]][0] < windows[number][0]:
            best.pop()
        best.append(number)
        while windows[begin][1] <= number:
            begin += 1
        while best[0] < begin:
            best.popleft()
        start = best[0]
        if start not in made:
            made[start] = Window(found[start : windows[start][1]])
        yield member, made[start]


def _near(found: Sequence[Member], kind: Kind) -> Iterator[tuple[Member, Window]]:
    """Hashes within some bits of one's own, not transitive; answers only at the same host (R54)."""
    window = kind.window.total_seconds()
    for member in found:
        near = [
            m
            for m in found
            if abs(m.at - member.at) <= window
            and (m.bits ^ member.bits).bit_count() <= (kind.bits or 0)
            and m.row.host == member.row.host
        ]
        inner = list(_in_time(near, window, attrgetter("at")))
        yield member, next(w for m, w in inner if m is member)


def _series(found: Sequence[Member], kind: Kind) -> Iterator[tuple[Member, Window]]:
    """Numbers close to one another and issued within some days (R43). Without a date of issue nothing is said."""
    dated = sorted((m for m in found if m.row.day), key=lambda m: (m.row.position or 0, m.row.application_id))
    for member in dated:
        best = Window([member])
        for first in dated:
            low = first.row.position or 0
            if not low <= (member.row.position or 0) <= low + (kind.spread or 0):
                continue
            close = [m for m in dated if low <= (m.row.position or 0) <= low + (kind.spread or 0)]
            by_day = sorted(close, key=_day)
            inner = next(w for m, w in _in_time(by_day, kind.issued or 0, _day) if m is member)
            if inner.households > best.households:
                best = inner
        yield member, best


def _day(member: Member) -> int:
    return date.fromisoformat(member.row.day or "").toordinal()
