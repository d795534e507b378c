"""One entity: who names it, in which role, and what is known about it. Rows, marks, reviews; each message changes it once. Pure.

One token may stand for a phone, a host and a recruiter at once, so an entity holds rows of several kinds. The latest rows are in
hand; older ones of a hub lie in pages and take part in marks alone, so that the work of one event is bounded (design, section 5).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from services.contracts.fields import parse_time
from services.contracts.network import EntityMarked, EntityReviewed, EntitySeen, EntityUnseen

Change = EntitySeen | EntityUnseen | EntityMarked | EntityReviewed
IN_HAND, A_PAGE = 600, 300
SEEN_BEFORE_MARK = timedelta(days=365)  # the linking edge is at most 12 months old (catalogue, 63)
HOLDS: Mapping[str, timedelta] = {
    "recruiter_confirmed": timedelta(days=3 * 365), "mission_alert": timedelta(days=180), "tip": timedelta(days=90),
    "alerted": timedelta(days=365), "unlicensed": timedelta(days=3 * 365),
}  # fmt: skip


@dataclass
class Entity:
    """`version` counts the changes that were taken; `pages` those that were put away."""

    id: str
    version: int = 0
    rows: dict[str, EntitySeen] = field(default_factory=dict)  # by `kind application`
    gone: dict[str, int] = field(default_factory=dict)  # `kind application` → version of the record that left
    marks: dict[str, EntityMarked] = field(default_factory=dict)
    reviews: dict[str, str] = field(default_factory=dict)
    pages: int = 0
    since: str | None = None  # earliest sighting of all
    linked: int = 0  # members that were told as a suspicious link
    stored: int = 0  # version that stands in the store
    # What was said at which version, while no row was put away since. Never stored.
    said: tuple[int, Any] | None = field(default=None, compare=False, repr=False)
    # Of the last look at a person's history: by place, the rows it was made of and what it was. Never stored.
    remembered: dict[str, tuple[tuple[EntitySeen, ...], Any]] = field(default_factory=dict, compare=False, repr=False)

    def take(self, change: Change) -> bool:
        """False when it says nothing new: an older version, or the same again."""
        done = self._take(change)
        self.version += done
        return done

    def _take(self, change: Change) -> bool:
        if isinstance(change, EntityMarked):
            if self.marks.get(_identity(change)) == change:
                return False
            self.marks[_identity(change)] = change
            return True
        if isinstance(change, EntityReviewed):
            if change.review_id in self.reviews:
                return False
            self.reviews[change.review_id] = change.at
            return True
        place = place_of(change)
        kept = self.rows.get(place)
        if max(kept.record_version if kept else 0, self.gone.get(place, 0)) > change.record_version:
            return False
        if isinstance(change, EntityUnseen):
            self.gone[place] = change.record_version
            return self.rows.pop(place, None) is not None or self.pages > 0
        if kept == change:
            return False
        self.gone.pop(place, None)
        self.rows[place] = change
        if self.since is None or parse_time(change.seen_at) < parse_time(self.since):
            self.since = change.seen_at
        return True

    def put_away(self) -> list[EntitySeen]:
        """The oldest rows of an entity that holds too many; the caller stores them as page number `pages`."""
        if len(self.rows) <= IN_HAND:
            return []
        oldest = self.in_order()[:A_PAGE]
        for row in oldest:
            del self.rows[place_of(row)]
        self.pages += 1
        return oldest

    def in_order(self) -> list[EntitySeen]:
        """Rows in hand by time of sighting."""
        return sorted(self.rows.values(), key=lambda row: (parse_time(row.seen_at), place_of(row)))

    def of_kind(self, kind: str) -> list[EntitySeen]:
        return [row for row in self.rows.values() if row.entity_kind == kind]

    def kinds(self) -> set[str]:
        return {row.entity_kind for row in self.rows.values()}

    def marked(self, row: EntitySeen) -> list[str]:
        """Marks that hold for a member: it was seen before the mark ended and not a year before it was set."""
        if row.weak:
            return []
        return sorted({m.mark for m in self.marks.values() if _holds(m, row.seen_at)})

    def tip_sources(self, row: EntitySeen) -> int:
        """Independent sources of tips within 90 days (R55): the sum over who passed them on, each with the most it named.

        A name without a phone is met by a tip that names it and the member's desa (catalogue, 74: desa and agent; R04).
        """
        most: dict[str, int] = {}
        for m in self.marks.values():
            if row.weak and (m.desa is None or m.desa != row.desa):
                continue
            if m.mark == "tip" and abs(parse_time(m.marked_at) - parse_time(row.seen_at)) <= HOLDS["tip"]:
                most[m.by] = max(most.get(m.by, 0), m.sources or 1)
        return sum(most.values())

    def document(self) -> dict[str, Any]:
        """As it is stored. Rows are one binary: nobody asks for a part of them."""
        return {
            "_id": self.id,
            "version": self.version,
            "rows": packed(self.rows.values()),
            "gone": orjson.dumps(self.gone),
            "marks": [m.model_dump(mode="json", exclude_none=True) for m in self.marks.values()],
            "reviews": orjson.dumps(self.reviews),
            "pages": self.pages,
            "since": self.since,
            "linked": self.linked,
        } | ({"marked": True} if self.marks else {})  # only where it is so: a sparse index finds them

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Entity":
        entity = cls(document["_id"], document["version"], pages=document["pages"], since=document["since"])
        entity.linked, entity.stored = document["linked"], document["version"]
        entity.rows = {place_of(r): r for r in rows_of(document["rows"])}
        entity.gone, entity.reviews = orjson.loads(document["gone"]), orjson.loads(document["reviews"])
        entity.marks = {_identity(m): m for m in map(EntityMarked.model_validate, document["marks"])}
        return entity


def place_of(row: EntitySeen | EntityUnseen) -> str:
    """The key of a member in one role: `kind application`."""
    return f"{row.entity_kind} {row.application_id}"


def _identity(mark: EntityMarked) -> str:
    return mark.mark_id or f"{mark.mark} {mark.marked_at} {mark.by}"


def rows_of(binary: bytes) -> list[EntitySeen]:
    return [EntitySeen.model_validate(raw) for raw in orjson.loads(binary)]


def packed(rows: Iterable[EntitySeen]) -> bytes:
    return b"[%s]" % b",".join(r.wire for r in rows)


def _holds(mark: EntityMarked, seen_at: str) -> bool:
    marked, seen = parse_time(mark.marked_at), parse_time(seen_at)
    end = marked + HOLDS[mark.mark]
    if mark.expires_at:
        end = min(end, parse_time(mark.expires_at))
    return marked - SEEN_BEFORE_MARK <= seen <= end
