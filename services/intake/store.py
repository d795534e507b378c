"""The vault in the document store: one document per application with its wrapped key, sealed events, and what is owed.

    vault     {_id: application_id, version, key, events: [{id, type, at, sealed}], owed: {event_id: outgoing bytes}, w: batch}
    open      {_id: batch, at, applications}      a batch whose sends are not all acknowledged; gone when they are
    arrivals  {_id: batch, at, events, applications}    which application an event id belongs to

Accepting is one atomic write to the vault document. `owed` holds the outgoing bytes of the batch `w`, and is owed as long
as `w` stands in `open`: so a batch is marked as sent by removing one small document, not by touching every application again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bson.binary import Binary
from pymongo import IndexModel, InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from services.intake.entry import VaultEntry

SEEN_DAYS = 731
INDEXES: dict[str, list[IndexModel]] = {
    "arrivals": [IndexModel([("events", 1)]), IndexModel([("at", 1)], expireAfterSeconds=SEEN_DAYS * 86400)],
    "rejects": [IndexModel([("at", 1)], expireAfterSeconds=14 * 86400)],
    "access": [IndexModel([("application_id", 1), ("at", 1)]), IndexModel([("at", 1)])],
}
DUPLICATE_KEY = 11000
# A bulk of updates would flush the journal for each document. These wait for the majority alone (which is journaled on a
# replica set), and the journaled write to `arrivals` that ends a batch flushes the log with everything before it.
FLUSHED_BY_THE_NEXT = WriteConcern("majority")


class VaultStore:
    """Reads and writes vault documents in bulk."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._vault = database.get_collection("vault", write_concern=FLUSHED_BY_THE_NEXT)
        self._open = database.get_collection("open", write_concern=FLUSHED_BY_THE_NEXT)
        self._arrivals = database["arrivals"]
        self._rejects = database["rejects"]
        self._access = database["access"]

    async def read(self, application_ids: Iterable[str]) -> dict[str, VaultEntry]:
        """Entries by application; a new entry for one that is not known."""
        wanted = list(dict.fromkeys(application_ids))
        found = {id_: VaultEntry(id_) for id_ in wanted}
        async for document in self._vault.find({"_id": {"$in": wanted}}):
            found[document["_id"]] = VaultEntry.of(document)
        return found

    async def events(self, application_id: str) -> tuple[bytes, list[dict[str, Any]]] | None:
        """The wrapped key and all sealed events of an application; None when it is not known."""
        document = await self._vault.find_one({"_id": application_id}, {"key": 1, "events": 1})
        return (bytes(document["key"]), document["events"]) if document else None

    async def still_open(self, batches: Iterable[str]) -> set[str]:
        """Those whose sends were never all acknowledged."""
        wanted = sorted(set(batches))
        return {d["_id"] async for d in self._open.find({"_id": {"$in": wanted}}, {"_id": 1})} if wanted else set()

    async def write(
        self, entries: Sequence[VaultEntry], batch: str, arrived: Mapping[str, str], now: datetime
    ) -> set[str]:
        """Write what was added, each document atomically; returns the applications that somebody else wrote first.

        The batch is open before anything of it can be owed. `arrived` names the application of each event id.
        """
        await self._open.insert_one({"_id": batch, "at": now, "applications": [e.application_id for e in entries]})
        known = {"_id": batch, "at": now, "events": list(arrived), "applications": list(arrived.values())}
        lost = await self._write(entries, batch)
        await self._arrivals.insert_one(known)
        return lost

    async def _write(self, entries: Sequence[VaultEntry], batch: str) -> set[str]:
        steps: list[InsertOne[dict[str, Any]] | UpdateOne] = []
        for e in entries:
            owed = {k: Binary(v) for k, v in e.owing().items()}
            if e.version == 0:
                document = {"_id": e.application_id, "version": 1, "key": Binary(e.wrapped), "events": e.added}
                steps.append(InsertOne(document | {"owed": owed, "w": batch}))
            else:
                change = {
                    "$push": {"events": {"$each": e.added}},
                    "$set": {"owed": owed, "w": batch},
                    "$inc": {"version": 1},
                }
                steps.append(UpdateOne({"_id": e.application_id, "version": e.version}, change))
        written = 0
        try:
            result = await self._vault.bulk_write(steps, ordered=False)
            written = result.inserted_count + result.matched_count
        except BulkWriteError as error:
            if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
                raise
        if written == len(steps):
            return set()
        ids = [e.application_id for e in entries]
        won = {d["_id"] async for d in self._vault.find({"_id": {"$in": ids}, "w": batch}, {"_id": 1})}
        return set(ids) - won

    async def settle(self, batches: Iterable[str]) -> None:
        """Everything of these batches was acknowledged by the broker."""
        await self._open.delete_many({"_id": {"$in": list(batches)}})

    async def left_open(self, until: datetime, limit: int = 50) -> dict[str, dict[str, dict[str, bytes]]]:
        """What batches older than `until` still owe: batch, application, event id, bytes."""
        found: dict[str, dict[str, dict[str, bytes]]] = {}
        async for each in self._open.find({"at": {"$lt": until}}).limit(limit):
            owed: dict[str, dict[str, bytes]] = {}
            async for d in self._vault.find({"_id": {"$in": each["applications"]}, "w": each["_id"]}, {"owed": 1}):
                owed[d["_id"]] = d["owed"]
            found[each["_id"]] = owed
        return found

    async def state_of(self, event_id: str) -> dict[str, Any] | None:
        """Where an event is: `owed` while its batch is open, else `sent`."""
        arrived = await self._arrivals.find_one({"events": event_id})
        if arrived is None:
            return None
        application = arrived["applications"][arrived["events"].index(event_id)]
        document = await self._vault.find_one({"_id": application, "events.id": event_id}, {"owed": 1, "w": 1})
        if document is None:
            return None
        owed = event_id in document["owed"] and bool(await self.still_open([document["w"]]))
        return {"application_id": application, "state": "owed" if owed else "sent"}

    async def keep_rejects(self, rejects: Sequence[dict[str, Any]]) -> None:
        """Sealed originals of refused topic events; the same reference twice is one."""
        await self._rejects.bulk_write(
            [UpdateOne({"_id": r["_id"]}, {"$setOnInsert": r}, upsert=True) for r in rejects], ordered=False
        )

    async def reject(self, reference: str) -> dict[str, Any] | None:
        return await self._rejects.find_one({"_id": reference})

    async def looked_at(self, since: datetime) -> dict[str, int]:
        """How many applications each actor had revealed since a moment."""
        seen: dict[str, set[str]] = {}
        wanted = {"at": {"$gte": since}, "kind": "reveal"}
        async for entry in self._access.find(wanted, {"actor": 1, "application_id": 1}):
            seen.setdefault(entry["actor"], set()).add(entry["application_id"])
        return {actor: len(applications) for actor, applications in seen.items()}

    async def record_access(self, entry: dict[str, Any]) -> None:
        """One line of the access record; a read that cannot be recorded does not happen."""
        await self._access.insert_one(entry)
