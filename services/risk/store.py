"""Records in the document store, read and written in bulk with versions.

records: {_id: application_id, version, state, ids, events: JSON in one binary, beside: {...}, signals, shown: JSON in binaries, heard,
         gone: [event ids], key_version, touched}
facts:   {_id: event_id, type, subject, at, event}          events without an application
marks:   {_id: "keys", wanted, done, late}                  token key versions: asked for, and where every record has come; how often a
                                                           worker wrote under older keys than those that were asked for
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pymongo import IndexModel, InsertOne, ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from services.contracts.network import EntitySignalled
from services.contracts.passport_events import EventAccepted
from services.risk.licences import Licence
from services.risk.network import heard
from services.risk.record import Record
from services.runtime.documents import in_steps

# A bulk of journaled writes flushes for each document. These wait for the majority alone, and one journaled write after them flushes
# all: the caller commits only then.
FLUSHED_BY_THE_NEXT = WriteConcern("majority")
KEPT_DAYS = 731  # tokens and coded facts, rolling (privacy-and-safety.md, section 2)
INDEXES: dict[str, list[IndexModel]] = {
    "facts": [IndexModel([("type", 1), ("at", 1)]), IndexModel([("licence", 1)])],
    "records": [IndexModel([("touched", 1)], expireAfterSeconds=KEPT_DAYS * 86400)],
}
A_STEP = 200
DUPLICATE_KEY = 11000
NO_TOKENS = 1 << 30  # an erased record has none to move


@dataclass(frozen=True)
class Keys:
    """Versions of the token keys, as the store knows them."""

    wanted: int
    done: int
    late: int


class MongoStore:
    """The port over the MongoDB protocol."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], clock: Callable[[], datetime]) -> None:
        self._records = database.get_collection("records", write_concern=FLUSHED_BY_THE_NEXT)
        self._facts, self._marks = database["facts"], database["marks"]
        self._clock, self._feed = clock, False

    async def read(self, application_ids: Iterable[str]) -> dict[str, Record]:
        wanted = list(dict.fromkeys(application_ids))
        found = {a: Record(a) for a in wanted}
        async for document in self._records.find({"_id": {"$in": wanted}}):
            found[document["_id"]] = record_of(document)
        return found

    async def write(self, records: Sequence[Record]) -> set[str]:
        steps: list[InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]] = []
        now = self._clock()
        for r in records:
            document = {
                "_id": r.application_id,
                "version": r.version + 1,
                "state": r.state,
                "ids": list(r.events),
                # One binary: nobody asks for a part of it, and converting it field by field was the cost of a write (measured).
                "events": b"[%s]" % b",".join(e.wire for e in r.events.values()),
                "beside": r.beside,
                "signals": b"[%s]" % b",".join(each.wire for each in r.signals.values()),
                "shown": orjson.dumps(r.shown),
                "heard": r.heard,
                "gone": sorted(r.gone),
                "key_version": min(r.key_versions(), default=NO_TOKENS),
                "touched": now,
            }
            known = r.version > 0
            steps.append(
                ReplaceOne({"_id": r.application_id, "version": r.version}, document) if known else InsertOne(document)
            )
        written = 0
        try:
            result = await self._records.bulk_write(steps, ordered=False)
            written = result.inserted_count + result.matched_count
        except BulkWriteError as error:
            if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
                raise
        await self._marks.update_one({"_id": "flushed"}, {"$set": {"at": now}}, upsert=True)
        if written == len(steps):
            for r in records:
                r.version += 1
            return set()
        # Somebody else owns one of them now: tell by reading which versions stand.
        ours_by_id: dict[str, Record] = {r.application_id: r for r in records}
        lost: set[str] = set()
        wanted = {"ids": 1, "gone": 1, "state": 1, "signals": 1}
        found: Any = self._records.find({"_id": {"$in": list(ours_by_id)}}, wanted)
        async for document in found:
            ours = ours_by_id[document["_id"]]
            theirs = set(document["ids"]) | set(document["gone"])
            known = ours.state == document["state"] and ours.events.keys() | ours.gone <= theirs
            if not known or _newer(ours.signals, _signals(document)):
                lost.add(document["_id"])
        return lost

    async def licences(self, numbers: Iterable[str]) -> dict[str, Licence]:
        wanted = list(dict.fromkeys(numbers))
        found: dict[str, list[EventAccepted]] = {}
        if wanted:
            async for document in self._facts.find({"type": "license.snapshot", "licence": {"$in": wanted}}):
                found.setdefault(document["licence"], []).append(EventAccepted.model_validate(document["event"]))
        return {number: Licence(number, tuple(snapshots)) for number, snapshots in found.items()}

    async def any_licence(self) -> bool:
        """Asked for every batch; a feed that was there once stays."""
        if not self._feed:
            self._feed = await self._facts.find_one({"type": "license.snapshot"}, {"_id": 1}) is not None
        return self._feed

    async def keep_facts(self, events: Sequence[EventAccepted]) -> None:
        steps = [
            ReplaceOne(
                {"_id": e.event_id},
                {
                    "_id": e.event_id,
                    "type": e.type,
                    "subject": e.application_id,
                    "at": e.at,
                    "licence": e.data.get("license_no"),
                    "event": e.model_dump(mode="json", exclude_none=True),
                },
                upsert=True,
            )
            for e in events
        ]
        await self._facts.bulk_write(steps, ordered=False)

    # -- newer token keys

    async def want_version(self, version: int) -> None:
        """Remember that every record must move; a crash does not forget it."""
        await self._marks.update_one({"_id": "keys"}, {"$max": {"wanted": version}}, upsert=True)

    async def wrote_of(self, version: int) -> None:
        """Say after a write which keys its tokens are of: whoever moves the store may have passed the place already."""
        late = {"$inc": {"late": 1}, "$min": {"done": version}}
        await self._marks.update_one({"_id": "keys", "wanted": {"$gt": version}}, late)

    async def keys(self) -> Keys:
        mark = await self._marks.find_one({"_id": "keys"}) or {}
        return Keys(mark.get("wanted", 1), mark.get("done", 1), mark.get("late", 0))

    async def all_moved(self, keys: Keys) -> None:
        """Unless somebody wrote under older keys since `keys` were read."""
        late = keys.late or {"$exists": False}
        await self._marks.update_one({"_id": "keys", "late": late}, {"$set": {"done": keys.wanted}})

    async def older_records(self, version: int) -> AsyncIterator[list[str]]:
        """Applications whose record has tokens of older keys. No index is kept for a day that comes once in years."""
        async for step in in_steps(self._records.find({"key_version": {"$lt": version}}, {"_id": 1}), A_STEP):
            yield [document["_id"] for document in step]

    async def older_facts(self, version: int) -> AsyncIterator[list[EventAccepted]]:
        """Events without an application, with tokens of older keys."""
        async for step in in_steps(self._facts.find({"event.key_version": {"$lt": version}}, {"event": 1}), A_STEP):
            yield [EventAccepted.model_validate(document["event"]) for document in step]


def record_of(document: Mapping[str, Any]) -> Record:
    """As `MongoStore.write` keeps it."""
    events = [EventAccepted.model_validate(e) for e in orjson.loads(document["events"])]
    record = Record(
        document["_id"], document["version"], {e.event_id: e for e in events}, document["beside"],
        document["state"], set(document["gone"]),
    )  # fmt: skip
    record.signals = _signals(document)
    record.shown, record.heard = orjson.loads(document.get("shown", b"{}")), document.get("heard", 0)
    return record


def _signals(document: Mapping[str, Any]) -> dict[str, EntitySignalled]:
    found: dict[str, EntitySignalled] = {}
    for raw in orjson.loads(document.get("signals", b"[]")):
        heard.keep(found, EntitySignalled.model_validate(raw))
    return found


def _newer(ours: Mapping[str, EntitySignalled], theirs: Mapping[str, EntitySignalled]) -> bool:
    """Whether we heard something that they did not."""
    return any(p not in theirs or theirs[p].record_version < s.record_version for p, s in ours.items())
