"""The vault in the document store: one document per application with its wrapped key, sealed events, and what is owed.

    {_id: application_id, version, key, events: [{id, type, at, sealed}], owed: {event_id: outgoing bytes}, touched, w}

Accepting is one atomic write to that document. `w` names the batch that wrote last, so that after a bulk write the
winners of a race can be told from the losers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bson.binary import Binary
from pymongo import IndexModel, InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

INDEXES: dict[str, list[IndexModel]] = {
    "vault": [IndexModel([("touched", 1)]), IndexModel([("events.id", 1)])],
    "rejects": [IndexModel([("at", 1)], expireAfterSeconds=14 * 86400)],
    "access": [IndexModel([("application_id", 1), ("at", 1)])],
}
DUPLICATE_KEY = 11000


@dataclass
class VaultEntry:
    """An application's vault document while a batch works on it."""

    application_id: str
    version: int = 0
    key: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)
    owed: dict[str, bytes] = field(default_factory=dict)
    added: list[dict[str, Any]] = field(default_factory=list)
    added_owed: dict[str, bytes] = field(default_factory=dict)

    def has(self, event_id: str) -> bool:
        return any(e["id"] == event_id for e in self.events)

    def add(self, event_id: str, type_: str, at: str, sealed: bytes, outgoing: bytes) -> None:
        entry = {"id": event_id, "type": type_, "at": at, "sealed": Binary(sealed)}
        self.events.append(entry)
        self.added.append(entry)
        self.owed[event_id] = self.added_owed[event_id] = outgoing


class VaultStore:
    """Reads and writes vault documents in bulk."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._vault = database["vault"]
        self._rejects = database["rejects"]
        self._access = database["access"]

    async def read(self, application_ids: Iterable[str]) -> dict[str, VaultEntry]:
        """Entries by application; a new entry for one that is not known."""
        wanted = list(dict.fromkeys(application_ids))
        found = {id_: VaultEntry(id_) for id_ in wanted}
        async for document in self._vault.find({"_id": {"$in": wanted}}):
            found[document["_id"]] = VaultEntry(
                document["_id"], document["version"], document["key"], document["events"], document["owed"]
            )
        return found

    async def write(self, entries: Sequence[VaultEntry], batch: str, now: datetime) -> set[str]:
        """Write what was added, each document atomically; returns the applications that somebody else wrote first."""
        steps: list[InsertOne[dict[str, Any]] | UpdateOne] = []
        for e in entries:
            mark = {"touched": now, "w": batch}
            if e.version == 0:
                steps.append(
                    InsertOne(
                        {"_id": e.application_id, "version": 1, "key": Binary(e.key), "events": e.added}
                        | {"owed": {k: Binary(v) for k, v in e.added_owed.items()}}
                        | mark
                    )
                )
            else:
                owed = {f"owed.{k}": Binary(v) for k, v in e.added_owed.items()}
                change = {"$push": {"events": {"$each": e.added}}, "$set": owed | mark, "$inc": {"version": 1}}
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

    async def mark_sent(self, sent: Mapping[str, Iterable[str]]) -> None:
        """Strike out what was sent: event ids by application."""
        steps = [UpdateOne({"_id": a}, {"$unset": {f"owed.{e}": "" for e in events}}) for a, events in sent.items()]
        if steps:
            await self._vault.bulk_write(steps, ordered=False)

    async def owed_between(
        self, since: datetime, until: datetime, limit: int = 500
    ) -> list[tuple[str, dict[str, bytes]]]:
        """What was accepted in a span of time and never marked as sent."""
        found = self._vault.find({"touched": {"$gte": since, "$lt": until}, "owed": {"$ne": {}}}, {"owed": 1}).limit(
            limit
        )
        return [(d["_id"], d["owed"]) async for d in found]

    async def state_of(self, event_id: str) -> dict[str, Any] | None:
        document = await self._vault.find_one({"events.id": event_id}, {"owed": 1})
        if document is None:
            return None
        return {"application_id": document["_id"], "state": "owed" if event_id in document["owed"] else "sent"}

    async def keep_rejects(self, rejects: Sequence[dict[str, Any]]) -> None:
        """Sealed originals of refused topic events; the same reference twice is one."""
        await self._rejects.bulk_write(
            [UpdateOne({"_id": r["_id"]}, {"$setOnInsert": r}, upsert=True) for r in rejects], ordered=False
        )

    async def reject(self, reference: str) -> dict[str, Any] | None:
        return await self._rejects.find_one({"_id": reference})

    async def record_access(self, entry: dict[str, Any]) -> None:
        """One line of the access record; a read that cannot be recorded does not happen."""
        await self._access.insert_one(entry)
