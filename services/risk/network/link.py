"""link: what changed at entities, and who must hear of it. Pure: no clock, no store, no broker.

Every message is one step of the entity's version, so that a batch that comes again, cut otherwise, tells the same. A member hears
what an entity says now, whenever that is other than before: counts that rise, marks, and what is taken back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from services.contracts.fields import parse_time
from services.contracts.network import (
    EntityMarked,
    EntityReviewed,
    EntitySeen,
    EntitySignalled,
    EntityUnseen,
    HistFacts,
    LinkSuspected,
    NetFacts,
)
from services.risk.network.count import ALONE
from services.risk.network.entity import Change, Entity, place_of
from services.risk.network.kinds import HUB
from services.risk.network.says import Hubs, Said, says, supporting, suspicious

EVERY = 25  # past 200 members a suspicious link is told again for so many more


@dataclass
class Linked:
    """What one batch at one entity leads to; `pages` are rows to be put away, in order."""

    signals: list[EntitySignalled] = field(default_factory=list)
    link: LinkSuspected | None = None
    pages: list[list[EntitySeen]] = field(default_factory=list)
    left: set[str] = field(default_factory=set)  # `kind application` of who left; they may lie in a page
    to_all: bool = False  # also to members in pages: a mark was set, or a review is due
    at: str = ""  # event time of the last change


def link(entity: Entity, changes: Sequence[Change], hubs: Hubs) -> Linked | None:
    """None when nothing is new. Changes `entity`; raises nothing for any message that decodes."""
    said: dict[str, Said]
    said = entity.said[1] if entity.said and entity.said[0] == entity.version else says(entity, hubs)
    before = _members(entity, said)
    touched: dict[str, str] = {}  # place → event time of what changed
    done = Linked()
    for change in changes:
        if not entity.take(change):
            continue
        now = says(entity, hubs)
        done.at = at = _at(change, entity)
        if isinstance(change, EntityReviewed):
            touched |= dict.fromkeys(entity.rows, at)
        else:
            touched |= {p: at for p in said.keys() | now.keys() if said.get(p) != now.get(p)}
        if isinstance(change, EntityUnseen) and entity.pages:
            done.left.add(place_of(change))
        done.to_all |= isinstance(change, EntityMarked | EntityReviewed)
        said = now
    entity.said = entity.version, said
    if entity.version == entity.stored and not touched:
        return None
    done.signals = [signal(entity, p, said.get(p), at) for p, at in sorted(touched.items()) if p in entity.rows]
    reviewed = any(isinstance(c, EntityReviewed) for c in changes)
    done.link = _suspected(entity, before, _members(entity, said), reviewed)
    while page := entity.put_away():
        done.pages.append(page)
        entity.said = None
    return done


def signal(entity: Entity, place: str, said: Said | None, at: str, row: EntitySeen | None = None) -> EntitySignalled:
    """What the entity says to one member; `row` for a member that lies in a page."""
    row = row or entity.rows[place]
    net = said.net if said and said.net is not None else ALONE
    return EntitySignalled(
        application_id=row.application_id,
        entity=entity.id,
        entity_kind=row.entity_kind,
        net=NetFacts(**net) if row.entity_kind != "subject" or (said and said.net) else None,
        hist=HistFacts(**said.hist) if said and said.hist is not None else None,
        exclusions=list(said.exclusions) if said else [],
        near=list(said.near) if said and said.near is not None else None,
        record_version=entity.version,
        at=at,
    )


def to_pages(entity: Entity, rows: Collection[EntitySeen], at: str) -> list[EntitySignalled]:
    """Marks reach members of a hub that are not in hand; their counts are those of a hub."""
    signals = []
    for row in rows:
        place = place_of(row)
        if place not in entity.rows and place not in entity.gone:
            marked, sources = entity.marked(row), entity.tip_sources(row)
            net = {**ALONE, "households": HUB, "exact": False, "hub": True, "marked": marked}
            said = Said({**net, "sources": sources} if sources else net)
            signals.append(signal(entity, place, said, at, row))
    return signals


def _members(entity: Entity, said: dict[str, Said]) -> dict[str, EntitySeen]:
    """By application: one member may name the entity in two roles. All rows of a name are weak, and none of anything else."""
    return {row.application_id: row for row in (*suspicious(entity, said), *supporting(entity))}


def _suspected(
    entity: Entity, before: dict[str, EntitySeen], now: dict[str, EntitySeen], reviewed: bool
) -> LinkSuspected | None:
    """The members of a link that may tie a ring, when they are others than before; without members when it is none any more."""
    same = before == now or (entity.linked > HUB and 0 <= len(now) - entity.linked < EVERY)
    if same and not (reviewed and now):
        return None
    entity.linked = len(now)
    rows = [now[a] for a in sorted(now)]
    kind = min(row.entity_kind for row in rows or before.values())
    weak = True if any(row.weak for row in rows or before.values()) else None
    return LinkSuspected(entity=entity.id, entity_kind=kind, members=rows, weak=weak, record_version=entity.version)


def _at(change: Change, entity: Entity) -> str:
    """Event time of a change; leaving has none, so the latest sighting stands for it."""
    if isinstance(change, EntitySeen):
        return change.seen_at
    if isinstance(change, EntityMarked):
        return change.marked_at
    if isinstance(change, EntityReviewed):
        return change.at
    return max((row.seen_at for row in entity.rows.values()), key=parse_time, default=entity.since or EPOCH)


EPOCH = "1970-01-01T00:00:00+00:00"
