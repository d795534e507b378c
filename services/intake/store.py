"""The vault in the document store: one document per application with its wrapped key, sealed events, and what is owed.

    vault     {_id: application_id, version, key, events: [{id, type, at, sealed}], owed: {event_id: outgoing bytes}, w: batch,
               touched, state}                    `key` is empty and nothing sealed when the data was destroyed
    subjects  {_id: <subject token>/<application_id>, at}    which applications are a person's
    kept      {_id: application_id, until, reason}           how long people need its data (RetentionSet)
    marks     {_id: name, until}                             how far a background run has come
    open      {_id: batch, at, applications}      a batch whose sends are not all acknowledged; gone when they are
    arrivals  {_id: batch, at, events, applications}    which application an event id belongs to

Accepting is one atomic write to the vault document. `owed` holds the outgoing bytes of the batch `w`, and is owed as long
as `w` stands in `open`: so a batch is marked as sent by removing one small document, not by touching every application again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bson.binary import Binary
from pymongo import IndexModel, InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from services.intake.entry import VaultEntry
from services.runtime.documents import in_steps

SEEN_DAYS = 731
ACCESS_DAYS = 5 * 365 + 2  # privacy-and-safety.md, section 2
INDEXES: dict[str, list[IndexModel]] = {
    "arrivals": [IndexModel([("events", 1)]), IndexModel([("at", 1)], expireAfterSeconds=SEEN_DAYS * 86400)],
    "rejects": [IndexModel([("at", 1)], expireAfterSeconds=14 * 86400)],
    "access": [
        IndexModel([("application_id", 1), ("at", 1)]),
        IndexModel([("at", 1)], expireAfterSeconds=ACCESS_DAYS * 86400),
    ],
    "kept": [IndexModel([("until", 1)])],
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
        self._kept, self._marks = database["kept"], database["marks"]
        self._subjects = database.get_collection("subjects", write_concern=FLUSHED_BY_THE_NEXT)

    async def read(self, application_ids: Iterable[str]) -> dict[str, VaultEntry]:
        """Entries by application; a new entry for one that is not known."""
        wanted = list(dict.fromkeys(application_ids))
        found = {id_: VaultEntry(id_) for id_ in wanted}
        async for document in self._vault.find({"_id": {"$in": wanted}}):
            found[document["_id"]] = VaultEntry.of(document)
        return found

    async def document(self, application_id: str) -> dict[str, Any] | None:
        """The whole vault document; None when it is not known."""
        return await self._vault.find_one({"_id": application_id})

    async def documents(self, application_ids: Sequence[str], step: int = 200) -> AsyncIterator[dict[str, Any]]:
        """The whole vault documents of those that are known, some at a time."""
        for start in range(0, len(application_ids), step):
            async for document in self._vault.find({"_id": {"$in": application_ids[start : start + step]}}):
                yield document

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
        about = {"_id": batch, "at": now, "applications": [e.application_id for e in entries]}
        await asyncio.gather(self._open.insert_one(about), self._name_people(entries, now))
        known = {"_id": batch, "at": now, "events": list(arrived), "applications": list(arrived.values())}
        lost = await self._write(entries, batch, now)
        await self._arrivals.insert_one(known)
        return lost

    async def _name_people(self, entries: Sequence[VaultEntry], now: datetime) -> None:
        """Before the vault: a link to nothing harms nobody, data that its owner cannot find would."""
        links = [{"_id": f"{person}/{e.application_id}", "at": now} for e in entries for person in e.added_people]
        if not links:
            return
        try:
            await self._subjects.insert_many(links, ordered=False)
        except BulkWriteError as error:
            if any(e["code"] != DUPLICATE_KEY for e in error.details["writeErrors"]):
                raise

    async def _write(self, entries: Sequence[VaultEntry], batch: str, now: datetime) -> set[str]:
        steps: list[InsertOne[dict[str, Any]] | UpdateOne] = []
        for e in entries:
            owed = {k: Binary(v) for k, v in e.owing().items()}
            if e.version == 0:
                document = {"_id": e.application_id, "version": 1, "key": Binary(e.wrapped), "events": e.added}
                steps.append(InsertOne(document | {"owed": owed, "w": batch, "touched": now}))
            else:
                key = {"key": Binary(e.wrapped)} if e.new_key else {}
                change = {
                    "$push": {"events": {"$each": e.added}},
                    "$set": {"owed": owed, "w": batch, "touched": now} | key,
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

    async def access_of(self, application_id: str) -> list[dict[str, Any]]:
        """The access record of one application, oldest first."""
        return [e async for e in self._access.find({"application_id": application_id}, {"_id": 0}).sort("at", 1)]

    # -- what a person may ask for

    async def applications_of(self, people: Sequence[str]) -> list[str]:
        """Applications that are about a person, by any of the person's tokens (one for each key version)."""
        found: set[str] = set()
        for person in people:
            links = self._subjects.find({"_id": {"$gte": f"{person}/", "$lt": f"{person}0"}})  # 0 follows / in ASCII
            found |= {d["_id"].partition("/")[2] async for d in links}
        return sorted(found)

    async def change(
        self, entry: VaultEntry, fields: Mapping[str, Any], owed: Mapping[str, bytes], batch: str, now: datetime
    ) -> bool:
        """Change a document and owe messages in one atomic, journaled write. False: somebody else wrote first.

        `owed` is all that the document owes afterwards; the batch stays open until `settle`.
        """
        await self._open.insert_one({"_id": batch, "at": now, "applications": [entry.application_id]})
        done = {**fields, "owed": {k: Binary(v) for k, v in owed.items()}, "w": batch}
        vault = self._vault.with_options(write_concern=WriteConcern("majority", j=True))
        known = {"_id": entry.application_id, "version": entry.version}
        return bool((await vault.update_one(known, {"$set": done, "$inc": {"version": 1}})).matched_count)

    async def unlink(self, application_id: str, people: Iterable[str]) -> None:
        """An erased application is nobody's any more, and what was refused of it goes as well."""
        await self._subjects.delete_many({"_id": {"$in": [f"{p}/{application_id}" for p in people]}})
        await self._rejects.delete_many({"application": application_id})
        await self._kept.delete_one({"_id": application_id})

    # -- retention

    async def keep(self, application_id: str, until: datetime, reason: str) -> None:
        """The last word counts; the topic holds them in order."""
        await self._kept.replace_one({"_id": application_id}, {"until": until, "reason": reason}, upsert=True)

    async def kept(self, application_id: str) -> dict[str, Any] | None:
        return await self._kept.find_one({"_id": application_id})

    async def still_kept(self, application_ids: Iterable[str], now: datetime) -> set[str]:
        wanted = {"_id": {"$in": list(application_ids)}, "until": {"$gte": now}}
        return {d["_id"] async for d in self._kept.find(wanted, {"_id": 1})}

    async def keep_no_longer(self, application_id: str) -> None:
        await self._kept.delete_one({"_id": application_id})

    async def no_longer_kept(self, now: datetime, limit: int) -> list[str]:
        return [d["_id"] async for d in self._kept.find({"until": {"$lt": now}}).sort("until", 1).limit(limit)]

    async def arrived(self, since: datetime, until: datetime, limit: int) -> list[tuple[datetime, list[str]]]:
        """(when, applications) of batches in a span, oldest first."""
        found = self._arrivals.find({"at": {"$gte": since, "$lt": until}}, {"at": 1, "applications": 1})
        return [(d["at"], d["applications"]) async for d in found.sort("at", 1).limit(limit)]

    async def destroy(self, application_ids: Iterable[str], untouched_since: datetime) -> int:
        """End of retention: key and sealed values go, the ids of the events stay. Returns how many."""
        steps: list[UpdateOne] = []
        wanted = {"_id": {"$in": list(application_ids)}, "touched": {"$lt": untouched_since}, "key": {"$ne": b""}}
        async for d in self._vault.find(wanted, {"version": 1, "events.id": 1, "events.type": 1, "events.at": 1}):
            gone = {"$set": {"key": Binary(b""), "events": d["events"]}, "$inc": {"version": 1}}
            steps.append(UpdateOne({"_id": d["_id"], "version": d["version"]}, gone))
        return (await self._vault.bulk_write(steps, ordered=False)).matched_count if steps else 0

    async def unlink_older(self, than: datetime) -> None:
        """Links whose records have gone everywhere. No index: it would cost every application, this runs once an hour."""
        await self._subjects.delete_many({"at": {"$lt": than}})

    async def mark(self, name: str) -> Any:
        """How far a background run has come; None at the first."""
        found = await self._marks.find_one({"_id": name})
        return found["until"] if found else None

    async def set_mark(self, name: str, until: Any) -> None:
        await self._marks.replace_one({"_id": name}, {"until": until}, upsert=True)

    # -- newer keys

    async def wrapped_keys(self, at_once: int) -> AsyncIterator[list[tuple[str, bytes]]]:
        """(application, wrapped key) of everybody."""
        async for step in in_steps(self._vault.find({}, {"key": 1}), at_once):
            yield [(d["_id"], bytes(d["key"])) for d in step]

    async def wrapped_rejects(self) -> list[tuple[str, bytes]]:
        return [(d["_id"], bytes(d["key"])) async for d in self._rejects.find({}, {"key": 1})]

    async def wrap_anew(self, newer: Sequence[tuple[str, bytes, bytes]], *, rejects: bool = False) -> None:
        """(id, old, new) each; one that changed meanwhile has a newer key already."""
        steps = [UpdateOne({"_id": i, "key": Binary(old)}, {"$set": {"key": Binary(new)}}) for i, old, new in newer]
        if steps:
            await (self._rejects if rejects else self._vault).bulk_write(steps, ordered=False)

    async def links(self, at_once: int) -> AsyncIterator[list[tuple[str, datetime]]]:
        """(link, at) of people and applications."""
        async for step in in_steps(self._subjects.find({}), at_once):
            yield [(d["_id"], d["at"]) for d in step]

    async def relink(self, moved: Mapping[str, tuple[str, datetime]]) -> None:
        """Old link to (new link, at); the new ones stand before the old ones go."""
        steps = [UpdateOne({"_id": new}, {"$setOnInsert": {"at": at}}, upsert=True) for new, at in moved.values()]
        if steps:
            await self._subjects.bulk_write(steps, ordered=False)
            await self._subjects.delete_many({"_id": {"$in": list(moved)}})
