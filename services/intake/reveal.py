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

MAX_TOKENS = 10_000


class RevealRequest(BaseModel):
    """Ask for fields of one application. Field names are those of the event dictionary, e.g. `app.full_name`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    application_id: str = Field(min_length=1, max_length=64)
    fields: list[str] = Field(min_length=1, max_length=100)
    purpose: str = Field(pattern=r"^[a-z_]{2,40}$", description="purpose code, e.g. referral")
    case_ref: str = Field(min_length=1, max_length=64, description="case or referral the reveal is for")
    actor: str = Field(min_length=1, max_length=128, description="who reads: reference of a person or agency")
    safety: bool = Field(False, description="somebody must act: a restriction does not hold this up (Ps 41)")


class TokenRequest(BaseModel):
    """Ask for the token of a value that somebody outside gave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="token space: " + ", ".join(BY_KIND))
    value: str = Field(min_length=1, max_length=400)
    purpose: str = Field(pattern=r"^[a-z_]{2,40}$")
    actor: str = Field(min_length=1, max_length=128)


class Restricted(Exception):
    """Processing is restricted (Ps 41), and nobody's safety asks for it."""


class Erased(Exception):
    """The data was destroyed."""


async def reveal(request: RevealRequest, store: VaultStore, master: MasterKey, now: datetime) -> dict[str, Any] | None:
    """The latest value of each field; a field that no event brought is absent. None: no such application.

    Raises Restricted and Erased; those are recorded as well.
    """
    document = await store.document(request.application_id)
    state = document.get("state", "open") if document else "unknown"
    await store.record_access({"at": now, "kind": "reveal", "state": state, **request.model_dump()})
    if document is None:
        return None
    if state == "erased":
        raise Erased
    if state == "restricted" and not request.safety:
        raise Restricted
    wanted = {f.partition(".")[0] for f in request.fields}
    sealed = [e for e in document["events"] if "sealed" in e and prefix_of(e["type"]) in wanted]
    key = master.unwrap(bytes(document["key"]), request.application_id) if sealed else None
    found: dict[str, Any] = {}
    for event in sorted(sealed, key=lambda e: (parse_time(e["at"]), e["id"])):
        assert key is not None
        data = orjson.loads(key.open(event["id"], bytes(event["sealed"])))
        found |= {f"{prefix_of(event['type'])}.{name}": value for name, value in data.items()}
    return {name: found[name] for name in request.fields if name in found}


class NewestRequest(BaseModel):
    """Ask for tokens of older keys as tokens of the newest ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: list[str] = Field(max_length=MAX_TOKENS)


def newest(request: NewestRequest, tokens: Tokeniser) -> dict[str, str]:
    """Older token to newest token; what is newest already, newer than our keys, or no token of ours is left out.

    Not published on a topic: a mapping that everybody can read would, beside a leaked older key, undo the rotation.
    """
    found = {old: tokens.newest(old) for old in request.tokens}
    return {old: new for old, new in found.items() if new is not None and new != old}


def exchange(request: TokenRequest, tokens: Tokeniser) -> str | None:
    """The token, None when the value cannot be read as its kind."""
    return tokens.token(request.kind, request.value) if request.kind in BY_KIND else None


def prefix_of(type_: str) -> str:
    return REGISTRY[type_].PREFIX
