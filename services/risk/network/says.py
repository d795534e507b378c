"""What an entity says about each of its members now: a plain function of its rows and marks, the same for any order of arrival."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.contracts.network import EntitySeen
from services.risk.network import count, history
from services.risk.network.burst import burst, harmed
from services.risk.network.entity import Entity, place_of
from services.risk.network.kinds import KINDS

Hubs = Callable[[EntitySeen], Collection[str]]  # scam hubs by the policy of a member's day and office


@dataclass(frozen=True)
class Said:
    """About one member in one role."""

    net: Mapping[str, Any] | None = None
    hist: Mapping[str, Any] | None = None
    exclusions: tuple[str, ...] = ()
    near: tuple[str, ...] | None = None
    households: int = field(default=0, compare=False)  # not told: decides whether the link is suspicious


def says(entity: Entity, hubs: Hubs) -> dict[str, Said]:
    """By `kind application`; members about whom there is nothing to say but that they are there are left out."""
    found: dict[str, Said] = {}
    for kind in entity.kinds():
        rows = entity.of_kind(kind)
        if kind == "subject":
            found |= _history(entity, rows, hubs)
        elif kind in ("companion", "other_identity"):
            found |= _household(rows, entity.of_kind("subject"))
        elif kind == "desa":
            found |= _village(entity, rows)
        elif kind == "remote_office":
            for group in _by_home_and_office(rows):
                found |= _shared(entity, kind, group)
        elif kind in KINDS:
            found |= _shared(entity, kind, rows)
        if entity.marks:
            _add_marks(entity, rows, found)
    return found


def _shared(entity: Entity, kind: str, rows: list[EntitySeen]) -> dict[str, Said]:
    """Counts within the window of the kind, and for agents how their clients fared."""
    table = KINDS[kind]
    if len(rows) < table.first:
        return {}
    found: dict[str, Said] = {}
    rate = _fared(rows) if kind == "agent" else None
    for member, window in count.widest(count.members(rows), table):
        if window.everybody < table.first and not rate:
            continue
        net = count.facts(window, member)
        if rate is not None:
            net = {**net, "harmed": rate}
        near = window.near if table.bits is not None and member.counted else None
        found[place_of(member.row)] = Said(net, None, window.explanations, near, window.households)
    return found


def _by_home_and_office(rows: list[EntitySeen]) -> Iterable[list[EntitySeen]]:
    """Those of one kecamatan at one office with the same contact or agent (catalogue, 62)."""
    groups: dict[tuple[str | None, str], list[EntitySeen]] = {}
    for row in rows:
        groups.setdefault((row.origin, row.office), []).append(row)
    return groups.values()


def _fared(rows: list[EntitySeen]) -> bool | None:
    """Clients who came back hurt, of all (catalogue, 64). A refusal alone teaches nothing (indicators.md, section 11)."""
    people = {row.subject or row.application_id: row for row in rows if not row.weak}
    bad = sum(row.outcome in HARMED for row in people.values())
    return harmed(bad, len(people))


HARMED = frozenset({"confirmed_tppo", "deported", "repatriated_victim", "stopped_at_border"})


def _village(entity: Entity, rows: list[EntitySeen]) -> dict[str, Said]:
    """Applications of one desa within fourteen days against its own year; pilgrims of the regular haj do not count."""
    members = [m for m in count.members(rows) if m.row.purpose != "haji_reguler"]
    days = [local_date(parse_time(m.row.seen_at)) for m in members if m.counted]
    since = local_date(parse_time(entity.since)) if entity.since else None
    found: dict[str, Said] = {}
    for member, window in count.widest(members, KINDS["desa"]):
        if window.households < KINDS["desa"].first or since is None:
            continue
        end = local_date(parse_time(window.members[-1].row.seen_at))
        busy = burst(days, end, since)
        net = {**count.facts(window, member), **({"burst": busy} if busy is not None else {})}
        found[place_of(member.row)] = Said(net, None, window.explanations)
    return found


def _history(entity: Entity, rows: list[EntitySeen], hubs: Hubs) -> dict[str, Said]:
    """The applications of the same person before each, for those who have any; the last thirty of them: nobody has more.

    Worked out again only where these are others than last time, so that one more application costs the same for any number.
    """
    if len(rows) < 2:
        return {}
    found: dict[str, Said] = {}
    ordered = sorted((r for r in rows if r.past), key=_submitted)
    for number, row in enumerate(ordered):
        basis = (row, *ordered[max(0, number - LOOKS_BACK) : number])
        known, said = entity.remembered.get(place_of(row), ((), None))
        if said is None or not (len(known) == len(basis) and all(a is b for a, b in zip(known, basis, strict=True))):
            said = Said(hist=history.told(row.past or {}, (r.past for r in basis[1:] if r.past), hubs(row)))
            entity.remembered[place_of(row)] = (basis, said)
        found[place_of(row)] = said
    return found


LOOKS_BACK = 30


def _submitted(row: EntitySeen) -> tuple[object, str]:
    return parse_time((row.past or {})["submitted_at"]), row.application_id


def _household(rows: list[EntitySeen], own: list[EntitySeen]) -> dict[str, Said]:
    """Whether somebody who is named lives in the household of who names them (R64; protective, same family).

    Of another identity it is always said: whom nobody knows is no family.
    """
    homes = {row.household for row in own if row.household}
    return {
        place_of(row): Said({"same_household": row.household in homes})
        for row in rows
        if row.entity_kind == "other_identity" or (homes and row.household)
    }


def _add_marks(entity: Entity, rows: list[EntitySeen], found: dict[str, Said]) -> None:
    for row in rows:
        marked, sources = entity.marked(row), entity.tip_sources(row)
        if not marked and not sources:
            continue
        said = found.get(place_of(row), Said())
        net = dict(said.net or count.ALONE) | {"marked": marked}
        if sources:
            net["sources"] = sources
        found[place_of(row)] = Said(net, said.hist, said.exclusions, said.near, said.households)


def suspicious(entity: Entity, found: Mapping[str, Said]) -> Iterator[EntitySeen]:
    """Members of a link that may tie a ring: three unrelated households or more beside them, of a kind that may, no weak name."""
    for place, said in sorted(found.items()):
        row = entity.rows[place]
        if _may_tie(row) and not row.weak and said.households >= 3:
            yield row


def supporting(entity: Entity) -> list[EntitySeen]:
    """Members who gave one name without a phone, when they are of two households or more: it supports a ring that others tie (R04)."""
    rows = sorted((row for row in entity.rows.values() if row.weak and _may_tie(row)), key=place_of)
    return rows if len(rows) > 1 and count.families(rows, lambda _: True) > 1 else []


def _may_tie(row: EntitySeen) -> bool:
    return row.entity_kind in KINDS and KINDS[row.entity_kind].ring
