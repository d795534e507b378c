"""Inbox and outbox inside a document: one atomic write takes a message in, changes the state and owes what must be sent.

A document holds `_id`, `version`, `inbox` (ids taken in), `outbox` (messages owed) and `pending` (outbox not empty).
"""

import base64
from collections.abc import Sequence
from typing import Any

from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from services.runtime import faults
from services.runtime.broker import Outgoing, Producer


class Conflict(Exception):
    """Somebody else wrote the document in between: read it again."""


def owed(number: int, message: Outgoing) -> dict[str, Any]:
    """One entry of an outbox, as stored."""
    return {
        "n": number,
        "topic": message.topic,
        "key": message.key.decode(),
        "value": None if message.value is None else base64.b64encode(message.value).decode(),
        "headers": [[name, value.decode()] for name, value in message.headers],
    }


def message_of(entry: dict[str, Any]) -> Outgoing:
    value = entry["value"]
    return Outgoing(
        entry["topic"],
        entry["key"].encode(),
        None if value is None else base64.b64decode(value),
        [(name, text.encode()) for name, text in entry["headers"]],
    )


def grown(collection: Collection[dict[str, Any]], id_: str, version: int, more: Sequence[Outgoing]) -> dict[str, Any]:
    """The fields `outbox` and `next_out` of a document after it owes more; `version` is the one that was read, 0 for none.

    The version checked by `write` makes sure that nobody else touched the outbox in between.
    """
    known = collection.find_one({"_id": id_}, {"outbox": 1, "next_out": 1}) if version else None
    number = known["next_out"] if known else 0
    before = list(known["outbox"]) if known else []
    return {
        "outbox": before + [owed(number + place, message) for place, message in enumerate(more)],
        "next_out": number + len(more),
    }


def write(collection: Collection[dict[str, Any]], document: dict[str, Any], expected: int) -> None:
    """The one atomic write of a step. `expected` is the version that was read, 0 for a new document.

    Raises Conflict when another version stands there.
    """
    document = document | {"version": expected + 1, "pending": bool(document["outbox"])}
    if expected == 0:
        try:
            collection.insert_one(document)
        except DuplicateKeyError:
            raise Conflict(document["_id"]) from None
    elif not collection.replace_one({"_id": document["_id"], "version": expected}, document).matched_count:
        raise Conflict(document["_id"])


def publish(collection: Collection[dict[str, Any]], producer: Producer, limit: int = 200) -> int:
    """Send what stands in outboxes and strike it out; safe to repeat. Returns how many messages were sent."""
    found = list(collection.find({"pending": True}, {"outbox": 1, "version": 1}).limit(limit))
    if not found:
        return 0
    entries = [(document["_id"], entry) for document in found for entry in sorted(document["outbox"], key=_number)]
    faults.point("outbox.before_send")
    producer.send_all([message_of(entry) for _, entry in entries])
    faults.point("outbox.after_send")
    _strike_out(collection, found)
    return len(entries)


def _strike_out(collection: Collection[dict[str, Any]], sent: Sequence[dict[str, Any]]) -> None:
    """The version moves as well, so that a writer who read the old outbox does not bring it back."""
    emptied: dict[str, Any] = {"$set": {"outbox": [], "pending": False}, "$inc": {"version": 1}}
    whole = [UpdateOne({"_id": d["_id"], "version": d["version"]}, emptied) for d in sent]
    if collection.bulk_write(whole, ordered=False).matched_count == len(sent):
        return
    steps: list[
        UpdateOne
    ] = []  # some were written in between: only what was sent goes; where all went, this finds nothing
    for document in sent:
        numbers = [entry["n"] for entry in document["outbox"]]
        steps.append(
            UpdateOne(
                {"_id": document["_id"], "outbox.n": {"$in": numbers}},
                {"$pull": {"outbox": {"n": {"$in": numbers}}}, "$inc": {"version": 1}},
            )
        )
        steps.append(UpdateOne({"_id": document["_id"], "outbox": {"$size": 0}}, {"$set": {"pending": False}}))
    collection.bulk_write(steps, ordered=True)


def _number(entry: dict[str, Any]) -> int:
    return int(entry["n"])
