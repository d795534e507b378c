"""Entities, rows that were put away, and suspicious links in the document store, with versions; entities just written stay in hand.

entities: {_id: entity, version, rows: JSON in one binary, gone, marks, marked: when there are some, reviews, pages, since, linked, touched}
pages:    {_id: entity#number, entity, rows: JSON in one binary, touched}
links:    {_id: entity, version, link: JSON, touched}
marks:    {_id: "rings", version}                         links that the rings have taken
          {_id: "allow_list", entries: [token|from|to|offices]}   whose members have been called
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import IndexModel, InsertOne, ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from services.contracts.network import EntitySeen, LinkSuspected
from services.risk.network.entity import Entity, packed, place_of, rows_of
from services.risk.store import DUPLICATE_KEY, FLUSHED_BY_THE_NEXT, KEPT_DAYS

_FADES = IndexModel([("touched", 1)], expireAfterSeconds=KEPT_DAYS * 86400)
INDEXES: dict[str, list[IndexModel]] = {
    "entities": [_FADES, IndexModel([("marked", 1)], sparse=True)],
    "pages": [_FADES, IndexModel([("entity", 1)])],
    "links": [_FADES],
}
Step = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]


class EntityStore:
    """The network's state over the MongoDB protocol; at most `limit` entities in hand."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], clock: Callable[[], datetime], limit: int) -> None:
        self._entities = database.get_collection("entities", write_concern=FLUSHED_BY_THE_NEXT)
        self._pages = database.get_collection("pages", write_concern=FLUSHED_BY_THE_NEXT)
        self._links = database.get_collection("links", write_concern=FLUSHED_BY_THE_NEXT)
        self._marks, self._clock, self._limit = database["marks"], clock, limit
        self._held: OrderedDict[str, Entity] = OrderedDict()

    async def read(self, ids: Iterable[str]) -> dict[str, Entity]:
        """Given out once: what fails before it is written is read again."""
        wanted = list(dict.fromkeys(ids))
        found = {i: self._held.pop(i) for i in wanted if i in self._held}
        missing = [i for i in wanted if i not in found]
        found |= {i: Entity(i) for i in missing}
        if missing:
            async for document in self._entities.find({"_id": {"$in": missing}}):
                found[document["_id"]] = Entity.of(document)
        return found

    async def write(self, entities: Sequence[Entity], pages: Mapping[str, Sequence[Sequence[EntitySeen]]]) -> set[str]:
        """Over the versions that were read; returns entities that somebody else wrote first. Pages first: they may stand twice."""
        now = self._clock()
        put_away: list[Step] = []
        for entity in entities:
            mine = pages.get(entity.id, ())
            for number, rows in enumerate(mine, start=entity.pages - len(mine) + 1):
                page = {"_id": f"{entity.id}#{number}", "entity": entity.id, "rows": packed(rows), "touched": now}
                put_away.append(ReplaceOne({"_id": page["_id"]}, page, upsert=True))
        if put_away:
            await self._pages.bulk_write(put_away, ordered=False)
        steps: list[Step] = []
        for entity in entities:
            document = entity.document() | {"touched": now}
            steps.append(
                ReplaceOne({"_id": entity.id, "version": entity.stored}, document)
                if entity.stored
                else InsertOne(document)
            )
        lost: set[str] = set()
        if await _written(self._entities, steps) < len(steps):
            stands = {e.id: e.version for e in entities}
            found: Any = self._entities.find({"_id": {"$in": list(stands)}}, {"version": 1})
            lost = {d["_id"] async for d in found if d["version"] != stands[d["_id"]]}
        await self._flush(now)
        for entity in entities:
            if entity.id not in lost:
                entity.stored = entity.version
                self._held[entity.id] = entity
        while len(self._held) > self._limit:
            self._held.popitem(last=False)
        return lost

    async def pages(self, entity: str) -> list[EntitySeen]:
        """Rows of a hub that are not in hand."""
        return [r async for d in self._pages.find({"entity": entity}) for r in rows_of(d["rows"])]

    async def forget(self, entity: str, places: Collection[str]) -> None:
        """Rows of members who left, out of the pages (promise 8)."""
        async for page in self._pages.find({"entity": entity}):
            rows = rows_of(page["rows"])
            left = [r for r in rows if place_of(r) not in places]
            if len(left) < len(rows):
                await self._pages.update_one({"_id": page["_id"]}, {"$set": {"rows": packed(left)}})

    async def marked(self) -> list[Entity]:
        """Entities about which something is known."""
        return [Entity.of(d) async for d in self._entities.find({"marked": True})]

    # -- allow-list

    async def allow_list(self) -> set[str]:
        mark = await self._marks.find_one({"_id": "allow_list"}) or {}
        return set(mark.get("entries", ()))

    async def set_allow_list(self, entries: set[str]) -> None:
        await self._marks.update_one({"_id": "allow_list"}, {"$set": {"entries": sorted(entries)}}, upsert=True)

    # -- rings

    async def rings_version(self) -> int:
        mark = await self._marks.find_one({"_id": "rings"}) or {}
        return int(mark.get("version", 0))

    async def links(self) -> AsyncIterator[LinkSuspected]:
        """One after the other: all of them as messages would be gigabytes (measured)."""
        async for document in self._links.find({}, {"link": 1}):
            yield LinkSuspected.decode(document["link"])

    async def keep_links(self, links: Sequence[LinkSuspected], before: int, version: int) -> bool:
        """False when somebody else took links meanwhile: read all of them again."""
        now = self._clock()
        if before:
            done = await self._marks.update_one({"_id": "rings", "version": before}, {"$set": {"version": version}})
            if not done.matched_count:
                return False
        else:
            await self._marks.update_one({"_id": "rings"}, {"$set": {"version": version}}, upsert=True)
        steps: list[Step] = [
            ReplaceOne(
                {"_id": k.entity},
                {"_id": k.entity, "version": k.record_version, "link": k.encode(), "touched": now},
                upsert=True,
            )
            for k in links
        ]
        await _written(self._links, steps)
        await self._flush(now)
        return True

    async def _flush(self, now: datetime) -> None:
        await self._marks.update_one({"_id": "flushed"}, {"$set": {"at": now}}, upsert=True)


async def _written(collection: Any, steps: Sequence[Step]) -> int:
    if not steps:
        return 0
    try:
        result = await collection.bulk_write(steps, ordered=False)
    except BulkWriteError as error:
        if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
            raise
        return 0
    return int(result.inserted_count + result.matched_count + result.upserted_count)
