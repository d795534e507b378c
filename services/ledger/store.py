"""Items of the ledger in the document store: {_id: kind/id, kind, into, outs: [...], out_ids: [...], also: [...], first}.

Beside them what the statistics count: {_id: digest, what, day, month, office, family, kabupaten, destination, route}.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

from services.ledger.counts import Count
from services.ledger.match import KINDS, Note
from services.ledger.statistics import Group

KEPT_DAYS = 731
INDEXES: dict[str, list[IndexModel]] = {
    "items": [IndexModel([("kind", 1), ("open", 1)]), IndexModel([("first", 1)], expireAfterSeconds=KEPT_DAYS * 86400)],
    "counts": [IndexModel([("what", 1), ("day", 1)])],
}


class Items:
    """Bulk upserts; safe to repeat."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._items: Collection[dict[str, Any]] = database["items"]

    def write(self, notes: Sequence[Note], now: datetime) -> None:
        """`open` is true while something went in and nothing came out."""
        if not notes:
            return
        merged: dict[str, list[Note]] = {}
        for note in notes:
            merged.setdefault(f"{note.kind}/{note.id}", []).append(note)
        steps: list[UpdateOne] = []
        for id_, parts in merged.items():
            change: dict[str, Any] = {"$setOnInsert": {"kind": parts[0].kind, "first": now}}
            if any(p.into for p in parts):
                change["$set"] = {"into": True}
            adds = {
                "outs": sorted({p.out for p in parts if p.out}),
                "out_ids": sorted({p.out_id for p in parts if p.out_id}),
                "also": sorted({p.also for p in parts if p.also}),
            }
            change["$addToSet"] = {name: {"$each": values} for name, values in adds.items()}
            steps.append(UpdateOne({"_id": id_}, change, upsert=True))
        self._items.bulk_write(steps, ordered=False)
        ids = list(merged)
        self._items.update_many({"_id": {"$in": ids}, "into": True, "outs": []}, {"$set": {"open": True}})
        self._items.update_many({"_id": {"$in": ids}, "outs": {"$ne": []}}, {"$set": {"open": False}})

    def unaccounted(self) -> dict[str, int]:
        """Open items by kind."""
        return {kind: self._items.count_documents({"kind": kind, "open": True}) for kind in KINDS}

    def open_ids(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Open items, oldest first."""
        found = self._items.find({"open": True}).sort("first", 1).limit(limit)
        return [
            {"kind": d["kind"], "id": d["_id"].partition("/")[2], "since": d["first"].isoformat(timespec="seconds")}
            for d in found
        ]

    def summary(self) -> dict[str, int]:
        """Counts by kind and way out, in one pass."""

        def count(**wanted: Any) -> dict[str, Any]:
            tests = [
                {"$in": [v, f"${k}"]} if k in ("outs", "also") else {"$eq": [f"${k}", v]} for k, v in wanted.items()
            ]
            return {"$sum": {"$cond": [{"$and": tests}, 1, 0]}}

        counts = {
            "accepted": count(kind="event", into=True),
            "assessed": count(kind="event", outs="assessed"),
            "recorded": count(kind="event", outs="recorded"),
            "dead_lettered": count(kind="event", outs="dead_lettered"),
            "cases": count(kind="case", outs="flagged"),
            "referrals_planned": count(kind="referral", also="planned"),
            "referrals": count(kind="referral", outs="queued"),
            "alerts": count(kind="alert", into=True),
            "delivered": count(kind="alert", outs="sent"),
            "erasures": count(kind="erasure", outs="confirmed"),
            "twice": {"$sum": {"$cond": [{"$gt": [{"$size": "$out_ids"}, 1]}, 1, 0]}},
            "unaccounted": {"$sum": {"$cond": [{"$eq": ["$open", True]}, 1, 0]}},
        }
        found = next(iter(self._items.aggregate([{"$group": {"_id": None} | counts}])), {})
        return {name: int(found.get(name, 0)) for name in counts}


class Counts:
    """What the statistics count, each thing once; safe to repeat. Kept for good: nothing in it leads to a person."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._counts: Collection[dict[str, Any]] = database["counts"]

    def write(self, found: Sequence[Count]) -> None:
        """The first time counts; a later message about the same thing changes nothing."""
        steps = []
        for each in found:
            body = {
                name: value for name, value in asdict(each).items() if value is not None and name not in ("key", "day")
            }
            body |= {"day": each.day.isoformat(), "month": each.day.isoformat()[:7]}
            steps.append(UpdateOne({"_id": each.key}, {"$setOnInsert": body}, upsert=True))
        if steps:
            self._counts.bulk_write(steps, ordered=False)

    def groups(self) -> list[Group]:
        """How often each thing happened, by month and place; reads every count."""
        names = ("what", "month", "office", "family", "kabupaten", "destination")
        key = {name: {"$ifNull": [f"${name}", None]} for name in names}
        found = self._counts.aggregate([{"$group": {"_id": key, "many": {"$sum": 1}}}])
        return [Group(**{name: d["_id"].get(name) for name in names}, many=int(d["many"])) for d in found]

    def expired(self, since: date) -> dict[str, int]:
        """Expired referrals by rule."""
        found = self._counts.find({"what": "expired", "day": {"$gte": since.isoformat()}}, {"route": 1})
        return dict(Counter(str(d.get("route", "?")) for d in found))
