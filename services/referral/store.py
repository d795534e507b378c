"""Cases in the document store, through mongoengine: one document per case with inbox and outbox inside."""

from typing import Any

import mongoengine as me
from pymongo import IndexModel
from pymongo.collection import Collection

from services.contracts.message import Message
from services.referral.case import Case
from services.referral.steps import Step, Tombstone
from services.runtime import faults, outbox
from services.runtime.broker import Outgoing

READS_DAYS = 5 * 365 + 2  # privacy-and-safety.md, section 2
INDEXES: dict[str, list[IndexModel]] = {
    "cases": [
        IndexModel([("pending", 1)]),
        IndexModel([("referrals.referral_id", 1)]),
        IndexModel([("referrals.agency_id", 1), ("referrals.state", 1)]),
        IndexModel([("state", 1), ("opened_at", 1)]),
        IndexModel([("purge_at", 1)], expireAfterSeconds=0),
    ],
    "reads": [IndexModel([("case_id", 1), ("at", 1)]), IndexModel([("at", 1)], expireAfterSeconds=READS_DAYS * 86400)],
}


class ReferralDocument(me.DynamicEmbeddedDocument):
    """As `case.Referral`; the fields named here are those that queries need."""

    referral_id = me.StringField(required=True)
    agency_id = me.StringField(required=True)
    state = me.StringField(required=True)
    deadline = me.DateTimeField(required=True)
    owner = me.StringField(required=True)


class CaseDocument(me.DynamicDocument):
    """As `case.Case`, with its outbox."""

    case_id = me.StringField(primary_key=True)
    application_id = me.StringField(required=True)
    state = me.StringField(required=True)
    level = me.IntField(required=True, min_value=0, max_value=3)
    opened_at = me.DateTimeField(required=True)
    referrals = me.EmbeddedDocumentListField(ReferralDocument)
    history = me.ListField(me.DictField())
    inbox = me.ListField(me.StringField())
    outbox = me.ListField(me.DictField())
    next_out = me.IntField(default=0)
    version = me.IntField(required=True)
    pending = me.BooleanField(default=False)

    meta = {"collection": "cases", "auto_create_index": False, "strict": False}  # noqa: RUF012 - mongoengine's way


class ReadDocument(me.Document):
    """One read of a case or a reveal: who, when, what for. Appended, never changed."""

    case_id = me.StringField(required=True)
    at = me.DateTimeField(required=True)
    actor = me.StringField(required=True)
    purpose = me.StringField(required=True)
    fields = me.ListField(me.StringField())

    meta = {"collection": "reads", "auto_create_index": False, "strict": False}  # noqa: RUF012


class CaseStore:
    """Reads cases and writes steps, each atomically."""

    def __init__(self) -> None:
        self.collection: Collection[dict[str, Any]] = CaseDocument._get_collection()
        self._marks = self.collection.database["marks"]

    def get(self, case_id: str) -> Case | None:
        return _case(self.collection.find_one({"_id": case_id}))

    def by_referral(self, referral_id: str) -> Case | None:
        return _case(self.collection.find_one({"referrals.referral_id": referral_id}))

    def find(self, query: dict[str, Any], limit: int) -> list[Case]:
        found = self.collection.find(query).sort("opened_at", -1).limit(limit)
        return [case for document in found if (case := _case(document))]

    def save(self, step: Step) -> None:
        """One atomic write: state, history, inbox, and what is owed. Raises outbox.Conflict."""
        case = step.case
        more = [_outgoing(topic, message) for topic, message in step.messages]
        owed = outbox.grown(self.collection, case.case_id, case.version, more)
        body = case.model_dump(exclude={"case_id", "version"})
        document = CaseDocument._from_son({"_id": case.case_id, **body, **owed, "version": case.version + 1})
        document.validate()
        faults.point("referral.before_write")
        outbox.write(self.collection, document.to_mongo().to_dict(), case.version)
        faults.point("referral.after_write")

    def record_read(self, case_id: str, actor: str, purpose: str, at: Any, fields: list[str]) -> None:
        ReadDocument(case_id=case_id, at=at, actor=actor, purpose=purpose, fields=fields).save()

    def reads(self, case_id: str) -> list[dict[str, Any]]:
        """The record of who read a case, oldest first."""
        found = ReadDocument._get_collection().find({"case_id": case_id}, {"_id": 0}).sort("at", 1)
        return [{**entry, "at": entry["at"].isoformat()} for entry in found]

    # -- newer token keys

    def versions(self) -> tuple[int, int]:
        """(wanted, done)."""
        mark = self._marks.find_one({"_id": "keys"}) or {}
        return mark.get("wanted", 1), mark.get("done", 1)

    def want_version(self, version: int) -> None:
        self._marks.update_one({"_id": "keys"}, {"$max": {"wanted": version}}, upsert=True)

    def all_moved(self, version: int) -> None:
        self._marks.update_one({"_id": "keys"}, {"$max": {"done": version}}, upsert=True)

    def facts_after(self, case_id: str, limit: int) -> list[dict[str, Any]]:
        """{_id, version, facts} in order of ids."""
        wanted = {"_id": {"$gt": case_id}}
        return list(self.collection.find(wanted, {"version": 1, "facts": 1}).sort("_id", 1).limit(limit))

    def set_facts(self, case_id: str, version: int, facts: dict[str, Any]) -> None:
        """Not written when somebody else wrote the case; its facts are then newer."""
        change = {"$set": {"facts": facts}, "$inc": {"version": 1}}
        self.collection.update_one({"_id": case_id, "version": version}, change)


def _case(document: dict[str, Any] | None) -> Case | None:
    return Case.model_validate({"case_id": document["_id"], **document}) if document else None


def _outgoing(topic: str, message: Message | Tombstone) -> Outgoing:
    if isinstance(message, Tombstone):
        return Outgoing(topic, message.key, None)
    return Outgoing(topic, message.key, message.encode(), [("kind", type(message).__name__.encode())])
