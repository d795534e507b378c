"""Topics `case-events` and `case-outcomes`: what happened to a case, without its content, and what people found out."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.fields import Time
from services.contracts.message import Message

# Why an applicant had to wait or was refused, as the office counts it (R41: only the first is about labour migration).
Family = Literal["dugaan_pmi_np", "dugaan_tppo", "identitas", "berkas", "lain"]
CaseAction = Literal[
    "flagged", "updated", "moved", "proposed", "referral_planned", "referral_approved", "referral_sent", "referral_answered",
    "referral_withdrawn", "referral_expired", "fields_asked", "fields_released", "outcome_confirmed", "hold_released", "clock",
    "restricted", "released", "alert_seen", "consent_given", "consent_withdrawn", "glass_broken",
]  # fmt: skip


class CaseMoved(Message):
    """One entry of the history: head of the hash chain and the transition, no content."""

    TOPIC: ClassVar[str] = "case-events"
    KEY: ClassVar[str] = "case_id"

    case_id: str = Field(description="case")
    application_id: str = Field(description="application or ring")
    seq: int = Field(ge=0, description="place in the history")
    head: str = Field(description="SHA-256 over this entry and the head before")
    action: CaseAction = Field(description="what happened")
    state: str = Field(description="state of the case after it")
    actor_role: str = Field(description="role of who moved it")
    referral_id: str | None = Field(None, description="referral concerned")
    agency_id: str | None = Field(None, description="agency concerned")
    caused_by: str | None = Field(None, description="assessment or answer that led to it")
    office_code: str | None = Field(None, description="office of the case")
    route: str | None = Field(None, description="rule that asked, of a referral")
    family: Family | None = Field(None, description="of a deferral or refusal: reason family, for the statistics")
    kabupaten: str | None = Field(None, description="of a move: where the applicant lives, 4 digits")
    destination: str | None = Field(None, description="of a move: first country of destination")
    at: Time = Field(description="when")


class ControlSampled(Message):
    """One application of the control sample: drawn, interviewed, and what the interview showed. Counted by the ledger."""

    TOPIC: ClassVar[str] = "case-events"
    KEY: ClassVar[str] = "case_id"

    case_id: str = Field(description="the id that a case of this application has or would have")
    status: Literal["drawn", "interviewed", "found"] = Field(
        description="`found`: after the interview it needs a case after all, the rules alone had missed it"
    )
    office_code: str = Field(description="office")
    at: Time = Field(description="when")


class EntityMark(BaseModel):
    """A mark that an outcome sets."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entity_kind: str = Field(description="kind of entity")
    token: str = Field(description="token of the entity")
    mark: str = Field(description="what is known")
    expires_at: Time | None = Field(None, description="end of the mark")


class OutcomeRecorded(Message):
    """What people found out about one application."""

    TOPIC: ClassVar[str] = "case-outcomes"
    KEY: ClassVar[str] = "application_id"

    outcome_id: str = Field(description="identity")
    application_id: str = Field(description="application")
    case_id: str = Field(description="case")
    ring_id: str | None = Field(None, description="ring, when the outcome is a ring's")
    code: str = Field(description="common outcome code (agencies.md, section 6); `none` when only marks are known")
    agency_code: str | None = Field(None, description="code of the agency (section 5)")
    agency_id: str | None = Field(None, description="agency")
    confidence: int = Field(ge=1, le=3, description="1 low … 3 high")
    marks: list[EntityMark] = Field(default=[], description="entities that are marked")
    decided_by_role: str = Field(description="role")
    at: Time = Field(description="when")


class RetentionSet(Message):
    """How long intake must keep the clear data of an application."""

    TOPIC: ClassVar[str] = "case-outcomes"
    KEY: ClassVar[str] = "application_id"

    application_id: str = Field(description="application")
    keep_until: Time = Field(description="end of retention")
    reason: str = Field(description="row of the retention table")


class CaseErased(Message):
    """Referral removed what it had about an erased application (promise 8); the head of the history stays provable."""

    TOPIC: ClassVar[str] = "case-events"
    KEY: ClassVar[str] = "case_id"

    case_id: str = Field(description="case; also named when there was none, so that none is made later")
    application_id: str = Field(description="application")
    head: str | None = Field(None, description="last head of the history; absent when there was no case")
    at: Time = Field(description="time of the erasure that asked for it")
