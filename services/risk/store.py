"""Records in the document store, read and written in bulk with versions.

records: {_id: application_id, version, events: [...], beside: {...}}
facts:   {_id: event_id, type, subject, at, event}          events without an application
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo import IndexModel, InsertOne, ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from services.contracts.passport_events import EventAccepted
from services.risk.licences import Licence
from services.risk.record import Record

INDEXES: dict[str, list[IndexModel]] = {
    "facts": [IndexModel([("type", 1), ("at", 1)]), IndexModel([("licence", 1)])],
    "records": [],
}
DUPLICATE_KEY = 11000


class MongoStore:
    """The port over the MongoDB protocol."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._records, self._facts = database["records"], database["facts"]

    async def read(self, application_ids: Iterable[str]) -> dict[str, Record]:
        wanted = list(dict.fromkeys(application_ids))
        found = {a: Record(a) for a in wanted}
        async for document in self._records.find({"_id": {"$in": wanted}}):
            events = [EventAccepted.model_validate(e) for e in document["events"]]
            found[document["_id"]] = Record(
                document["_id"], document["version"], {e.event_id: e for e in events}, document["beside"]
            )
        return found

    async def write(self, records: Sequence[Record]) -> set[str]:
        steps: list[InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]] = []
        for r in records:
            document = {
                "_id": r.application_id,
                "version": r.version + 1,
                "events": [e.model_dump(mode="json", exclude_none=True) for e in r.events.values()],
                "beside": r.beside,
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
        if written == len(steps):
            return set()
        # Somebody else owns one of them now: tell by reading which versions stand.
        ours_by_id: dict[str, Record] = {r.application_id: r for r in records}
        lost: set[str] = set()
        found: Any = self._records.find({"_id": {"$in": list(ours_by_id)}}, {"events.event_id": 1})
        async for document in found:
            ours = ours_by_id[document["_id"]].events.keys()
            if not ours <= {e["event_id"] for e in document["events"]}:
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
        return await self._facts.find_one({"type": "license.snapshot"}, {"_id": 1}) is not None

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
