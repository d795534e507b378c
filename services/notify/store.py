"""Alerts in the document store, through mongoengine: one document each, with inbox and outbox inside."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import mongoengine as me
from pymongo import IndexModel
from pymongo.collection import Collection

from services.contracts.message import Message
from services.notify.alert import Alert
from services.notify.deliver import Progress
from services.runtime import faults, outbox
from services.runtime.broker import Outgoing

KEPT_DAYS = 731  # after the deadline
INDEXES: dict[str, list[IndexModel]] = {
    "alerts": [
        IndexModel([("pending", 1)]),
        IndexModel([("due_at", 1)]),
        IndexModel([("deadline", 1)], expireAfterSeconds=KEPT_DAYS * 86400),
    ],
}


class AlertDocument(me.DynamicDocument):
    """As `alert.Alert`, with its outbox. `due_at` is absent when nothing is to be done."""

    alert_id = me.StringField(primary_key=True)
    state = me.StringField(required=True)
    due_at = me.DateTimeField()
    plan = me.ListField(me.DictField())
    outbox = me.ListField(me.DictField())
    next_out = me.IntField(default=0)
    version = me.IntField(required=True)
    pending = me.BooleanField(default=False)

    meta = {"collection": "alerts", "auto_create_index": False, "strict": False}  # noqa: RUF012 - mongoengine's way


class AlertStore:
    """Reads alerts and writes steps, each atomically."""

    def __init__(self) -> None:
        self.collection: Collection[dict[str, Any]] = AlertDocument._get_collection()

    def get(self, alert_id: str) -> Alert | None:
        return _alert(self.collection.find_one({"_id": alert_id}))

    def due(self, now: datetime, limit: int = 100) -> Iterable[Alert]:
        found = self.collection.find({"due_at": {"$lte": now}}).sort("due_at", 1).limit(limit)
        return [alert for document in found if (alert := _alert(document))]

    def save(self, progress: Progress) -> None:
        """One atomic write. Raises outbox.Conflict when somebody else wrote in between."""
        alert = progress.alert
        owed = outbox.grown(self.collection, alert.alert_id, alert.version, [_outgoing(m) for m in progress.messages])
        body = alert.model_dump(exclude={"alert_id", "version"}, exclude_none=True)
        document = AlertDocument._from_son({"_id": alert.alert_id, **body, **owed, "version": alert.version + 1})
        document.validate()
        faults.point("notify.before_write")
        outbox.write(self.collection, document.to_mongo().to_dict(), alert.version)
        faults.point("notify.after_write")


def _alert(document: dict[str, Any] | None) -> Alert | None:
    return Alert.model_validate({"due_at": None, "alert_id": document["_id"], **document}) if document else None


def _outgoing(message: Message) -> Outgoing:
    return Outgoing(message.TOPIC, message.key, message.encode(), [("kind", type(message).__name__.encode())])
