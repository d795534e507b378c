"""Cases in the document store, through mongoengine: one document per case with inbox and outbox inside."""

import contextlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import mongoengine as me
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from services.contracts.cases import ControlSampled
from services.contracts.fields import parse_time
from services.contracts.message import Message
from services.contracts.referrals import AnswerRefused, ReferralQueued
from services.referral import clock
from services.referral.case import Case, Referral
from services.referral.steps import Step, Tombstone
from services.runtime import faults, outbox
from services.runtime.broker import Outgoing
from services.runtime.oldest import Oldest, walk

REFUSALS_DAYS, CONTROL_DAYS = (
    90,
    183,
)  # the control sample is identifiable for 6 months (privacy-and-safety.md, section 2)
READS_DAYS = 5 * 365 + 2  # privacy-and-safety.md, section 2
INDEXES: dict[str, list[IndexModel]] = {
    "cases": [
        IndexModel([("pending", 1)]),
        IndexModel([("ring_ids", 1)]),
        IndexModel([("referrals.referral_id", 1)]),
        IndexModel([("clocks.alerts", 1)]),
        IndexModel([("asked", 1), ("touched_at", 1), ("_id", 1)]),
        IndexModel([("state", 1), ("opened_at", 1)]),
        IndexModel(
            [("next_due", 1)]
        ),  # not partial: the embedded store does not use one for a range (10 s against 45 ms at 31,000 cases)
        IndexModel([("purge_at", 1)], expireAfterSeconds=0),
    ],
    "refusals": [IndexModel([("pending", 1)]), IndexModel([("at", 1)], expireAfterSeconds=REFUSALS_DAYS * 86400)],
    "control": [IndexModel([("pending", 1)]), IndexModel([("at", 1)], expireAfterSeconds=CONTROL_DAYS * 86400)],
    "desk": [IndexModel([("at", 1)], expireAfterSeconds=90 * 86400)],
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
    next_due = me.DateTimeField()
    ring_ids = me.ListField(me.StringField())
    asked = me.ListField(me.StringField())  # "<agency> <state>" of what left: what agencies pull by
    touched_at = me.DateTimeField()
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


@dataclass(frozen=True)
class Asked:
    """What an agency sees of one case in a list: its own referrals in one state, and the place of the case in the order of changes."""

    case_id: str
    touched_at: datetime
    referrals: list[Referral]


class CaseStore:
    """Reads cases and writes steps, each atomically."""

    def __init__(self, clocks: clock.Clocks) -> None:
        self._clocks = clocks
        self._oldest: defaultdict[str, Oldest] = defaultdict(Oldest)
        self.collection: Collection[dict[str, Any]] = CaseDocument._get_collection()
        self._marks = self.collection.database["marks"]
        self._desk = self.collection.database["desk"]
        self.control: Collection[dict[str, Any]] = self.collection.database["control"]
        self.refusals: Collection[dict[str, Any]] = self.collection.database["refusals"]

    def get(self, case_id: str) -> Case | None:
        return _case(self.collection.find_one({"_id": case_id}))

    def by_referral(self, referral_id: str) -> Case | None:
        return _case(self.collection.find_one({"referrals.referral_id": referral_id}))

    def by_alert(self, alert_id: str) -> Case | None:
        return _case(self.collection.find_one({"clocks.alerts": alert_id}))

    def of_rings(self, ring_ids: list[str]) -> list[Case]:
        """Cases that hold any of these rings, oldest first."""
        found = self.collection.find({"ring_ids": {"$in": ring_ids}}).sort([("opened_at", 1), ("_id", 1)])
        return [case for document in found if (case := _case(document))]

    def find(self, query: dict[str, Any], limit: int) -> list[Case]:
        found = self.collection.find(query).sort("opened_at", -1).limit(limit)
        return [case for document in found if (case := _case(document))]

    def asked(
        self, agency_id: str, state: str, after: tuple[datetime, str] | None, until: datetime, limit: int
    ) -> list[Asked]:
        """Referrals of an agency in this state, by case, in the order in which the cases were last written, after a place in it."""
        asked = {"asked": f"{agency_id} {state}"}
        order, shown = [("touched_at", 1), ("_id", 1)], {"touched_at": 1, "referrals": 1}

        def find(start: datetime | None, end: datetime, many: int) -> list[dict[str, Any]]:
            wanted = asked | {"touched_at": _between(start, end)}
            return list(self.collection.find(wanted, shown).sort(order).limit(many))

        if after is None:
            oldest = self._oldest[asked["asked"]]
            found = oldest.until(until, limit, find, lambda document: document["touched_at"])
        else:
            at, case_id = after
            same = asked | {"touched_at": at, "_id": {"$gt": case_id}}
            found = list(self.collection.find(same, shown).sort("_id", 1).limit(limit))
            found += walk(find, at, until, limit - len(found))
        return [_asked(document, agency_id, state) for document in found]

    def due(self, now: datetime, limit: int) -> list[Case]:
        """Cases with a clock whose next step is due, the longest due first."""

        def find(start: datetime | None, end: datetime, many: int) -> list[dict[str, Any]]:
            found = self.collection.find({"next_due": _between(start, end)}).sort("next_due", 1).limit(many)
            return list(found)

        found = self._oldest["due"].until(now, limit, find, lambda document: document["next_due"])
        return [case for document in found if (case := _case(document))]

    def at_desk(self, application_id: str) -> dict[str, Any] | None:
        """What the interview desk sees of the newest assessment at level 1 or more."""
        found: dict[str, Any] | None = self._desk.find_one({"_id": application_id}, {"_id": 0, "at": 0})
        return found

    def lay_on_desk(self, application_id: str, seen: dict[str, Any] | None, version: int, now: datetime) -> None:
        """Put, replace or take away; an older assessment changes nothing."""
        older = {"_id": application_id, "record_version": {"$lte": version}}
        if seen is None:
            self._desk.delete_one(older)
            return
        with contextlib.suppress(DuplicateKeyError):  # a newer one lies there
            self._desk.replace_one(older, {**seen, "record_version": version, "at": now}, upsert=True)

    def note_control(self, said: ControlSampled) -> None:
        """What became of one of the control sample, once each; nothing of one that was not drawn. Raises outbox.Conflict."""
        kept = self.control.find_one({"_id": said.case_id})
        if said.status in (kept["statuses"] if kept else ()) or (kept is None and said.status != "drawn"):
            return
        version = kept["version"] if kept else 0
        document = {"_id": said.case_id, "at": kept["at"] if kept else parse_time(said.at)}
        document |= {"statuses": [*(kept["statuses"] if kept else ()), said.status]}
        owed = outbox.grown(self.control, said.case_id, version, [_outgoing(said.TOPIC, said)])
        outbox.write(self.control, document | owed, version)

    def refuse(self, refused: AnswerRefused, agency_id: str, *, tell: bool) -> None:
        """Record an answer that changed nothing; `tell` owes the sender a word in its queue. Safe to repeat."""
        owed = [outbox.owed(0, _outgoing(f"queue-{agency_id}", refused))] if tell else []
        document = {
            "agency_id": agency_id, "referral_id": refused.referral_id, "reason": refused.reason, "at": parse_time(refused.at),
            "outbox": owed, "next_out": len(owed), "pending": bool(owed), "version": 1,
        }  # fmt: skip
        self.refusals.update_one({"_id": f"{agency_id}/{refused.answer_id}"}, {"$setOnInsert": document}, upsert=True)

    def page(self, after: str, limit: int) -> list[Case]:
        """Cases in order of their ids."""
        found = self.collection.find({"_id": {"$gt": after}}).sort("_id", 1).limit(limit)
        return [case for document in found if (case := _case(document))]

    def save(self, step: Step) -> None:
        """One atomic write: state, history, inbox, and what is owed. Raises outbox.Conflict."""
        case = step.case
        more = [_outgoing(topic, message) for topic, message in step.messages]
        owed = outbox.grown(self.collection, case.case_id, case.version, more)
        body = case.model_dump(exclude={"case_id", "version"}) | {
            "next_due": clock.due(case, self._clocks),
            "ring_ids": sorted(case.rings),
            "asked": sorted({f"{r.agency_id} {r.state}" for r in case.referrals if r.sent_at and not r.retracted}),
        }
        document = CaseDocument._from_son({"_id": case.case_id, **body, **owed, "version": case.version + 1})
        document.validate()
        faults.point("referral.before_write")
        outbox.write(self.collection, document.to_mongo().to_dict(), case.version)
        faults.point("referral.after_write")

    def record_read(self, case_id: str, actor: str, purpose: str, at: datetime, fields: list[str]) -> None:
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

    def tokens_after(self, case_id: str, limit: int) -> list[dict[str, Any]]:
        """{_id, version, facts, referrals, ring_entities} in order of ids: where a case holds tokens."""
        wanted = {"_id": {"$gt": case_id}}
        return list(
            self.collection.find(wanted, {"version": 1, "facts": 1, "referrals": 1, "ring_entities": 1})
            .sort("_id", 1)
            .limit(limit)
        )

    def set_moved(self, case_id: str, version: int, moved: dict[str, Any]) -> bool:
        """False when somebody else wrote the case meanwhile; nothing was written."""
        steps = {"$set": moved, "$inc": {"version": 1}}
        return self.collection.update_one({"_id": case_id, "version": version}, steps).matched_count > 0


def _asked(document: dict[str, Any], agency_id: str, state: str) -> Asked:
    own = (
        r for r in document["referrals"] if (r["agency_id"], r["state"]) == (agency_id, state) and not r["retracted"]
    )
    return Asked(document["_id"], document["touched_at"], [Referral.model_validate(r) for r in own])


def _between(start: datetime | None, end: datetime) -> dict[str, datetime]:
    """After `start`, up to `end`. Times are stored in milliseconds; an upper bound that is excluded is right on every store: the embedded
    one leaves out what equals `$lte` when the index has a further field (measured)."""
    before = {"$lt": end + timedelta(milliseconds=1)}
    return before if start is None else {"$gt": start} | before


def _case(document: dict[str, Any] | None) -> Case | None:
    return Case.model_validate({"case_id": document["_id"], **document}) if document else None


def _outgoing(topic: str, message: Message | Tombstone) -> Outgoing:
    if isinstance(message, Tombstone):
        return Outgoing(topic, message.key, None)
    return Outgoing(
        topic, message.key, message.encode(), [("kind", type(message).__name__.encode()), *_cloud_event(message)]
    )


def _cloud_event(message: Message) -> list[tuple[str, bytes]]:
    """Headers of the CloudEvents binary mode, for what other organisations read: the queues of agencies."""
    match message:
        case ReferralQueued():
            name, id_, at = "referral.queued", f"{message.referral_id}/{message.record_version}", message.issued_at
        case AnswerRefused():
            name, id_, at = "answer.refused", message.answer_id, message.at
        case _:
            return []
    said = {
        "ce_specversion": "1.0", "ce_id": id_, "ce_source": "urn:tppo:referral", "ce_type": name, "ce_time": at,
        "ce_subject": message.key.decode(), "ce_dataschema": f"urn:tppo:{name}:1", "content-type": "application/json",
    }  # fmt: skip
    return [(header, value.encode()) for header, value in said.items()]
