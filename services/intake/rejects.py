"""Refused topic events: sealed in the vault for 14 days, shown or replayed for a purpose, with a record."""

from datetime import datetime
from typing import Any

import orjson
from bson.binary import Binary
from pydantic import BaseModel, ConfigDict, Field

from services.intake.check import Checked, Rejected, check, check_value
from services.intake.store import VaultStore
from services.intake.vault import MasterKey


class ShowRequest(BaseModel):
    """Who wants to see a refused event, and why; `event` is a corrected one to replay in its place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    actor: str = Field(min_length=1, max_length=128)
    purpose: str = Field(pattern=r"^[a-z_]{2,40}$")
    event: dict[str, Any] | None = None


class RejectStore:
    """Seals originals and opens them again."""

    def __init__(self, store: VaultStore, master: MasterKey) -> None:
        self._store, self._master = store, master

    def seal(
        self, reference: str, original: bytes, rejected: Rejected, now: datetime, application: bytes | None = None
    ) -> dict[str, Any]:
        """`application` is the key it was sent with, so that an erasure finds it."""
        key = self._master.new_data_key(reference)
        return {
            "_id": reference,
            "key": Binary(key.wrapped),
            "sealed": Binary(key.seal("original", original)),
            "faults": [f.model_dump() for f in rejected.faults],
            "at": now,
            "application": (application or b"").decode(errors="replace")[:64],
        }

    async def show(self, reference: str, request: ShowRequest, now: datetime) -> dict[str, Any] | None:
        await self._store.record_access(
            {
                "at": now,
                "kind": "dead_letter",
                "reference": reference,
                "actor": request.actor,
                "purpose": request.purpose,
            }
        )
        found = await self._store.reject(reference)
        if found is None:
            return None
        key = self._master.unwrap(bytes(found["key"]), reference)
        original = key.open("original", bytes(found["sealed"]))
        return {"reference": reference, "faults": found["faults"], "original": original.decode(errors="replace")}

    def check_again(self, found: dict[str, Any], request: ShowRequest, now: datetime) -> Checked | Rejected:
        if request.event is not None:
            return check_value(orjson.loads(orjson.dumps(request.event)), now)
        return check(found["original"].encode(), now)
