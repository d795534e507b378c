"""Alerts and what belongs to them in the document store: one document an alert, with its outbox inside.

Raw pymongo, since a storm of alerts is written in bulk, which mongoengine cannot; pydantic checks what goes in and out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pymongo import IndexModel, InsertOne, ReplaceOne, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.contracts.alerts import AlertProgressed
from services.contracts.tokens import Newer, moved
from services.notify.alert import Alert, Progress
from services.notify.silence import Silence
from services.notify.stages import AN_HOUR
from services.runtime import faults, outbox
from services.runtime.broker import Outgoing

KEPT_DAYS = 731  # after the deadline
_SPARSE: dict[str, Any] = {"sparse": True}
INDEXES: dict[str, list[IndexModel]] = {
    "alerts": [
        IndexModel([("pending", 1)]),
        IndexModel([("due_at", 1)]),
        IndexModel([("state", 1)]),
        IndexModel([("ring", 1)], **_SPARSE),
        IndexModel([("told.link", 1)]),
        IndexModel([("sending.link", 1)]),
        IndexModel([("told.person", 1)]),
        IndexModel([("drill", 1)], **_SPARSE),
        IndexModel([("deadline", 1)], expireAfterSeconds=KEPT_DAYS * 86400),
    ],
    "messages": [IndexModel([("person", 1), ("at", 1)]), IndexModel([("at", 1)], expireAfterSeconds=7200)],
    "silences": [IndexModel([("end", 1)], expireAfterSeconds=86400)],
    "replies": [IndexModel([("at", 1)], expireAfterSeconds=7200)],
    "roster": [],
}


class AlertStore:
    """Reads alerts and writes steps, each atomically."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.collection = database["alerts"]
        self._messages, self._silences = database["messages"], database["silences"]
        self._replies, self._roster = database["replies"], database["roster"]

    def get(self, alert_id: str) -> Alert | None:
        found = self.collection.find_one({"_id": alert_id})
        return _alert(found) if found else None

    def due(self, now: datetime, limit: int) -> list[Alert]:
        found = self.collection.find({"due_at": {"$lte": now}}).sort("due_at", 1).limit(limit)
        return [_alert(document) for document in found]

    def find(self, limit: int = 100, **wanted: Any) -> list[Alert]:
        return [_alert(d) for d in self.collection.find(wanted).limit(limit)]

    def by_link(self, hashed: str) -> list[Alert]:
        """Alerts of the message that a link is of; also while its result is not known yet."""
        return self.find(500, **{"told.link": hashed}) or self.find(500, **{"sending.link": hashed})

    def told_to(self, person: str, limit: int = 200) -> list[Alert]:
        return self.find(limit, **{"told.person": person})

    def every_open(self, batch: int = 500) -> Iterator[Alert]:
        """Every alert that waits for somebody, for the auditor."""
        for document in self.collection.find({"state": "open"}).batch_size(batch):
            yield _alert(document)

    def oldest_due(self) -> datetime | None:
        found = self.collection.find_one(
            {"due_at": {"$gt": datetime.fromtimestamp(0, UTC)}}, {"due_at": 1}, sort=[("due_at", 1)]
        )
        return found["due_at"] if found else None

    def save(self, progress: Progress) -> None:
        """One atomic write. Raises outbox.Conflict when somebody else wrote in between."""
        if self.save_all([progress]):
            raise outbox.Conflict(progress.alert.alert_id)

    def save_all(self, steps: Sequence[Progress]) -> set[str]:
        """Many at once, each atomic for itself; returns the ids that somebody else wrote in between."""
        if not steps:
            return set()
        faults.point("notify.before_write")
        writes: list[Any] = []
        writer = uuid4().hex
        for step in steps:
            document = _document(step) | {"writer": writer}
            expected = step.alert.version
            if expected == 0:
                writes.append(InsertOne(document))
            else:
                writes.append(ReplaceOne({"_id": document["_id"], "version": expected}, document))
        clashed: set[str] = set()
        try:
            result = self.collection.bulk_write(writes, ordered=False)
            matched = result.matched_count + result.inserted_count
        except BulkWriteError as error:
            known = [e for e in error.details["writeErrors"] if e["code"] == 11000]
            if len(known) != len(error.details["writeErrors"]):
                raise
            clashed = {steps[e["index"]].alert.alert_id for e in known}
            matched = error.details["nMatched"] + error.details["nInserted"] + len(clashed)
        if matched < len(writes):
            clashed |= self._not_ours([s.alert.alert_id for s in steps], writer)
        faults.point("notify.after_write")
        return clashed

    def _not_ours(self, ids: Sequence[str], writer: str) -> set[str]:
        """Which of these were not written by us last."""
        found = self.collection.find({"_id": {"$in": list(ids)}, "writer": writer}, {"_id": 1})
        return set(ids) - {d["_id"] for d in found}

    # What the stages look at

    def rings(self, alerts: Iterable[Alert]) -> frozenset[tuple[str, str]]:
        wanted = sorted({a.ring for a in alerts if a.ring and not a.of_ring})
        if not wanted:
            return frozenset()
        found = self.collection.find(
            {"ring": {"$in": wanted}, "of_ring": True, "state": {"$in": ["open", "seen"]}}, {"ring": 1, "to": 1}
        )
        return frozenset((d["ring"], d["to"]) for d in found)

    def silences(self, now: datetime) -> dict[str, Silence]:
        found = self._silences.find({"end": {"$gt": now}})
        return {d.pop("_id"): Silence.model_validate(d) for d in found}

    def put_silence(self, id_: str, silence: Silence) -> None:
        self._silences.replace_one({"_id": id_}, {"_id": id_, **silence.model_dump()}, upsert=True)

    def end_silence(self, id_: str, now: datetime) -> bool:
        """Over, and what it held goes on at once."""
        gone = self._silences.delete_one({"_id": id_}).deleted_count > 0
        if gone:
            self.wake("silence", now)
        return gone

    def wake(self, held: str, now: datetime, **wanted: Any) -> None:
        """What is held for this reason is looked at again at once."""
        query = {"held": held, "state": "open", **wanted}
        self.collection.update_many(query, {"$set": {"due_at": now}, "$inc": {"version": 1}})

    def sent(self, people: Iterable[str], now: datetime) -> Mapping[str, list[datetime]]:
        """When each of these got a message in the last hour."""
        wanted, found = sorted(set(people)), defaultdict[str, list[datetime]](list)
        if wanted:
            for d in self._messages.find({"person": {"$in": wanted}, "at": {"$gt": now - AN_HOUR}}):
                found[d["person"]].append(d["at"])
        return found

    def note_messages(self, messages: Iterable[tuple[str, str]], now: datetime) -> int:
        """(key, person) of messages that are about to leave; returns how many of them left before: repetitions."""
        writes = [
            UpdateOne({"_id": key}, {"$setOnInsert": {"person": person, "at": now}}, upsert=True)
            for key, person in messages
        ]
        return self._messages.bulk_write(writes, ordered=False).matched_count if writes else 0

    def try_reply(self, id_: str, phone: str, now: datetime, most: int) -> bool:
        """Whether a reply is heard: not one that came before, and not after too many in an hour."""
        if self._replies.count_documents({"phone": phone, "at": {"$gt": now - AN_HOUR}}, limit=most) >= most:
            return False
        try:
            self._replies.insert_one({"_id": id_, "phone": phone, "at": now})
        except DuplicateKeyError:
            return False
        return True

    # The tokenised roster

    def roster_tokens(self) -> dict[str, tuple[str, list[str]]]:
        """Fingerprint of a person's addresses, and their tokens."""
        return {d["_id"]: (d["fingerprint"], d["tokens"]) for d in self._roster.find()}

    def put_roster_tokens(self, person: str, fingerprint: str, tokens: Sequence[str]) -> None:
        document = {"_id": person, "fingerprint": fingerprint, "tokens": list(tokens)}
        self._roster.replace_one({"_id": person}, document, upsert=True)

    def move_roster_tokens(self, newer: Newer) -> None:
        for person, (fingerprint, tokens) in self.roster_tokens().items():
            self.put_roster_tokens(person, fingerprint, moved(tokens, newer))


def _document(step: Progress) -> dict[str, Any]:
    alert = step.alert
    news = [_outgoing(m) for m in progressed(step)]
    owed = [*alert.owed, *(outbox.owed(alert.next_out + n, m) for n, m in enumerate(news))]
    body = alert.model_dump(exclude={"alert_id", "owed"}, exclude_none=True)
    return body | {
        "_id": alert.alert_id, "outbox": owed, "next_out": alert.next_out + len(news), "version": alert.version + 1, "pending": bool(owed),
    }  # fmt: skip


def progressed(step: Progress) -> list[AlertProgressed]:
    """What is told of a step. Of a drill nothing: nobody asked for it on a topic."""
    if step.alert.drill:
        return []
    return [
        AlertProgressed(
            alert_id=step.alert.alert_id, seq=step.told_from + number, status=e.status, person_ref=e.person, channel=e.channel,
            idempotency_key=e.key, receipt=e.receipt, reason=e.reason, at=e.at.isoformat(),
        )
        for number, e in enumerate(step.alert.history[step.told_from :])
    ]  # fmt: skip


def _alert(document: Mapping[str, Any]) -> Alert:
    return Alert.model_validate({"due_at": None, "alert_id": document["_id"], "owed": document["outbox"], **document})


def _outgoing(message: AlertProgressed) -> Outgoing:
    return Outgoing(message.TOPIC, message.key, message.encode(), [("kind", type(message).__name__.encode())])
