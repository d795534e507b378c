"""Items of the ledger in the document store: {_id: kind/id, kind, into, outs: [...], out_ids: [...], also: [...], first}."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

from services.ledger.match import KINDS, Note

KEPT_DAYS = 731
INDEXES: dict[str, list[IndexModel]] = {
    "items": [IndexModel([("kind", 1), ("open", 1)]), IndexModel([("first", 1)], expireAfterSeconds=KEPT_DAYS * 86400)]
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
