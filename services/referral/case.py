"""A case: one document per application or ring, with its referrals and a history that nobody can edit unseen."""

import base64
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

ReferralState = Literal["planned", "sent", "acknowledged", "working", "need_more_data", "answered", "withdrawn"]
ERASED = "erased"
OPEN: frozenset[ReferralState] = frozenset({"planned", "sent", "acknowledged", "working", "need_more_data"})


class Actor(BaseModel):
    """Who acts, in which role."""

    model_config = ConfigDict(frozen=True)

    ref: str = Field(description="reference of a person or service, no name")
    role: str


SYSTEM = Actor(ref="referral", role="system")


class Referral(BaseModel):
    """One question to one agency."""

    referral_id: str
    referral_ref: str
    agency_id: str
    territory: str | None = Field(None, description="kabupaten that chose the agency, 4 digits")
    question: str
    question_id: str
    question_en: str
    route: str
    fields: list[str]
    mode: Literal["automatic", "on_approval"]
    consent_needed: bool = False
    consent_ref: str | None = None
    urgent: bool = False
    state: ReferralState
    owner: str = Field(description="who must act next: the supervisor, or the agency")
    deadline: datetime
    version: int = 1
    sent_at: datetime | None = None
    answer_code: str | None = None
    alerts: list[str] = Field(default=[], description="alerts that are not settled yet")
    answers: list[dict[str, Any]] = []


class Entry(BaseModel):
    """One entry of the history; `hash` covers everything else in it and the hash before."""

    seq: int
    at: datetime
    action: str
    state: str
    actor: str
    role: str
    reason: str
    referral_id: str | None = None
    agency_id: str | None = None
    caused_by: str | None = None
    before: str
    hash: str


class Case(BaseModel):
    """Everything people and agencies do about one application."""

    case_id: str
    case_ref: str
    application_id: str
    office_code: str
    state: str = "flagged"
    restricted: bool = Field(False, description="paused at the person's request (UU 27/2022 Ps 41)")
    level: int
    must_act: bool
    must_review: bool
    assessment_id: str
    record_version: int
    findings: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    opened_at: datetime
    referrals: list[Referral] = []
    history: list[Entry] = []
    inbox: list[str] = []
    purge_at: datetime | None = Field(None, description="when even the stub of an erased case goes")
    version: int = 0

    def referral(self, referral_id: str) -> Referral | None:
        return next((r for r in self.referrals if r.referral_id == referral_id), None)

    def log(self, at: datetime, action: str, actor: Actor, reason: str, **more: str | None) -> Entry:
        """Append to the history."""
        before = self.history[-1].hash if self.history else "0" * 64
        body: dict[str, Any] = {
            "seq": len(self.history), "at": at, "action": action, "state": self.state, "actor": actor.ref,
            "role": actor.role, "reason": reason, "before": before, **more,
        }  # fmt: skip
        entry = Entry(**body, hash=chain_hash(body))
        self.history.append(entry)
        return entry


def chain_hash(body: dict[str, Any]) -> str:
    """SHA-256 over an entry without its own hash; absent fields do not count, times are milliseconds of UTC."""
    shown = {
        k: int(v.timestamp() * 1000) if isinstance(v, datetime) else v
        for k, v in body.items()
        if v is not None and k != "hash"
    }
    return sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()


def broken_at(history: list[Entry]) -> int | None:
    """The first entry that does not follow from the one before; None when all do."""
    before = "0" * 64
    for place, entry in enumerate(history):
        if entry.seq != place or entry.before != before or chain_hash(entry.model_dump()) != entry.hash:
            return place
        before = entry.hash
    return None


def short_ref(prefix: str, id_: str) -> str:
    """A reference that people can read out: prefix and eight letters or digits."""
    return f"{prefix}-{base64.b32encode(UUID(id_).bytes)[:8].decode()}"
