"""A case: one document per application or ring, with its referrals and a history that nobody can edit unseen."""

import base64
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.contracts import tokens
from services.contracts.cases import Family

ReferralState = Literal[
    "planned", "sent", "acknowledged", "working", "need_more_data", "answered", "wrong_agency", "expired", "withdrawn"
]
ERASED = "erased"
OUT: frozenset[ReferralState] = frozenset({"sent", "acknowledged", "working", "need_more_data"})
OPEN: frozenset[ReferralState] = OUT | {"planned"}


class Actor(BaseModel):
    """Who acts, in which role."""

    model_config = ConfigDict(frozen=True)

    ref: str = Field(description="reference of a person or service, no name")
    role: str


SYSTEM = Actor(ref="referral", role="system")


class Clock(BaseModel):
    """A deadline that runs, and the steps it has taken (clocks.yaml)."""

    name: str
    about: str = Field(description="referral_id or case_id")
    round: int = Field(description="1, or more when the same clock of the same matter ran before")
    agency: str = ""
    territory: str = ""
    urgent: bool = False
    working: bool = Field(description="counts working days only")
    started_at: datetime
    due_at: datetime
    paused_at: datetime | None = None
    done: list[str] = Field(default=[], description="steps taken; none is taken twice")
    alerts: list[str] = Field(default=[], description="alerts that are not settled yet")


class Entity(BaseModel):
    """Somebody or something that a referral is about; an agency sees the reference and the kind, never the token."""

    kind: str
    role: str = Field(description="where it stands in the application: agent, sponsor, host …")
    token: str


class Outcome(BaseModel):
    """What a person confirmed after an agency's answer."""

    outcome_id: str
    code: str
    agency_code: str | None
    confidence: int
    by: str
    role: str
    at: datetime


class Proposal(BaseModel):
    """A move that one officer proposes and another must confirm (four eyes)."""

    to: str
    by: str
    role: str
    at: datetime
    reason: str
    legal_ref: str | None = None
    outcome: str | None = None
    deferral: "Deferral | None" = None
    family: Family | None = None


class Consent(BaseModel):
    """What the person agreed to, for organisations that get nothing without it (UU 27/2022 Ps 20 a)."""

    consent_ref: str
    text: str = Field(description="version of the text that was read out (consents.yaml)")
    agencies: list[str]
    given_by: Literal["person", "guardian"]
    asked_by: str
    role: str
    at: datetime
    withdrawn_at: datetime | None = None


class Glass(BaseModel):
    """Somebody looks at what he does not need by his task, for a reason, for a while; two supervisors are told."""

    by: str
    role: str
    reason: str
    at: datetime
    until: datetime


class Deferral(BaseModel):
    """What must be in writing before an applicant is told to wait (Permenkumham 8/2014; agencies.md, section 7)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bring: list[str] = Field(min_length=1, description="what to bring, in plain Indonesian")
    objection: str = Field(min_length=20, description="how to object, in plain Indonesian")


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
    round: int = 1
    fields: list[str]
    wants: list[str] = Field(default=[], description="field groups the agency asks for and a person has not decided on")
    entities: dict[str, Entity] = Field(default={}, description="by reference: E1, E2")
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
    answers: list[dict[str, Any]] = []
    proposed: str | None = Field(None, description="outcome that the answer's code proposes (agencies.md, section 11)")
    marked: list[str] = Field(default=[], description="references of entities that the answer is about")
    outcome: Outcome | None = None
    retracted: bool = Field(False, description="taken back: nothing is shown any more")


class Entry(BaseModel):
    """One entry of the history; `hash` covers everything else in it and the hash before."""

    seq: int
    at: datetime
    action: str
    state: str
    actor: str
    role: str
    reason: str
    legal_ref: str | None = None
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
    questions: list[str] = Field(default=[], description="for the interview, Indonesian, what settles most first")
    facts: dict[str, Any] = {}
    opened_at: datetime
    touched_at: datetime | None = Field(None, description="time of the last step")
    rings: dict[str, int] = Field(
        default={}, description="of a ring's case: the ids it had, with the newest version of each"
    )
    rings_gone: list[str] = []
    members: list[str] = Field(default=[], description="applications of the ring")
    kabupaten: list[str] = []
    ring_entities: list[Entity] = []
    notices: list[str] = []
    consents: list[Consent] = []
    glass: list[Glass] = []
    family: Family | None = Field(None, description="why the applicant waits or was refused, as the office counts it")
    referrals: list[Referral] = []
    clocks: list[Clock] = []
    clock_rounds: dict[str, int] = Field(default={}, description="how often each clock of each matter began")
    proposal: Proposal | None = None
    deferral: Deferral | None = None
    officer: str | None = Field(None, description="whose case it is: who opened the interview or the case")
    safety_hold: bool = Field(
        False, description="must-act: until the police or the UPTD PPA release it nothing is closed"
    )
    last_outcome: str | None = Field(None, description="outcome of the last closing")
    history: list[Entry] = []
    inbox: list[str] = []
    purge_at: datetime | None = Field(None, description="when even the stub of an erased case goes")
    version: int = 0

    def referral(self, referral_id: str) -> Referral | None:
        return next((r for r in self.referrals if r.referral_id == referral_id), None)

    def consent(self, consent_ref: str | None) -> Consent | None:
        return next((c for c in self.consents if c.consent_ref == consent_ref), None)

    def entity_tokens(self) -> set[str]:
        """Everybody and everything on the case, as tokens."""
        held = [*self.ring_entities, *(e for r in self.referrals for e in r.entities.values())]
        return set(tokens.found(self.facts)) | {e.token for e in held}

    def contacts(self) -> list[str]:
        """Phone and e-mail tokens of everybody on the case: none of them may ever be a target of an alert (promise 10)."""
        return sorted(t for t in self.entity_tokens() if t.startswith(("phone.", "email.")))

    def ring(self) -> str | None:
        """The ring that this case is of, or that its applicant belongs to."""
        own = [ring for ring in self.rings if ring not in self.rings_gone]
        found: str | None = own[-1] if own else self.facts.get("net", {}).get("ring", {}).get("ring_id")
        return found

    def contradictions(self) -> list[dict[str, str]]:
        """Answers of agencies whose outcomes differ: shown side by side, never merged."""
        said = {r.referral_ref: code for r in self.referrals if (code := r.outcome.code if r.outcome else r.proposed)}
        differ = {code for code in said.values() if code != "none"}
        return [{"referral_ref": ref, "outcome": code} for ref, code in said.items()] if len(differ) > 1 else []

    def running(self, about: str | None = None) -> list[Clock]:
        return [c for c in self.clocks if about is None or c.about == about]

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
