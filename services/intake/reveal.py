"""Reveal and token exchange: the only ways a clear value leaves, or a given value becomes a token; both recorded first."""

from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.fields import parse_time
from services.contracts.upstream import REGISTRY
from services.intake.normalise import BY_KIND
from services.intake.store import VaultStore
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey


class RevealRequest(BaseModel):
    """Ask for fields of one application. Field names are those of the event dictionary, e.g. `app.full_name`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    application_id: str = Field(min_length=1, max_length=64)
    fields: list[str] = Field(min_length=1, max_length=100)
    purpose: str = Field(pattern=r"^[a-z_]{2,40}$", description="purpose code, e.g. referral")
    case_ref: str = Field(min_length=1, max_length=64, description="case or referral the reveal is for")
    actor: str = Field(min_length=1, max_length=128, description="who reads: reference of a person or agency")


class TokenRequest(BaseModel):
    """Ask for the token of a value that somebody outside gave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="token space: " + ", ".join(BY_KIND))
    value: str = Field(min_length=1, max_length=400)
    purpose: str = Field(pattern=r"^[a-z_]{2,40}$")
    actor: str = Field(min_length=1, max_length=128)


async def reveal(request: RevealRequest, store: VaultStore, master: MasterKey, now: datetime) -> dict[str, Any] | None:
    """The latest value of each field; a field that no event brought is absent. None: no such application."""
    stored = await store.events(request.application_id)
    await store.record_access(
        {"at": now, "known": stored is not None} | request.model_dump() | {"kind": "reveal", "fields": request.fields}
    )
    if stored is None:
        return None
    key = master.unwrap(stored[0], request.application_id)
    wanted = {f.partition(".")[0] for f in request.fields}
    found: dict[str, Any] = {}
    for event in sorted(stored[1], key=lambda e: (parse_time(e["at"]), e["id"])):
        prefix = prefix_of(event["type"])
        if prefix in wanted:
            data = orjson.loads(key.open(event["id"], bytes(event["sealed"])))
            found |= {f"{prefix}.{name}": value for name, value in data.items()}
    return {name: found[name] for name in request.fields if name in found}


def exchange(request: TokenRequest, tokens: Tokeniser) -> str | None:
    """The token, None when the value cannot be read as its kind."""
    return tokens.token(request.kind, request.value) if request.kind in BY_KIND else None


def prefix_of(type_: str) -> str:
    return REGISTRY[type_].PREFIX
