"""Topic `risk-assessments`: what risk says about an application, why, and from which facts."""

from typing import Any, ClassVar, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.enums import Answer3, Dimension
from services.contracts.fields import Time
from services.contracts.message import Message, known


class Finding(BaseModel):
    """One indicator that answered yes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(description="indicator")
    version: int = Field(description="version of the indicator")
    dimension: Dimension = Field(description="legal dimension (UU 21/2007 Ps 1 angka 1, or kind of evidence)")
    group: str = Field(description="group of dependent signs")
    weight: int = Field(description="tenths of a deciban before group and cap (R34)")
    counts_np: int | None = Field(
        None, description="tenths of a deciban of it in e_np, after max + 0.3 × rest of its group and the cap"
    )
    counts_tppo: int | None = Field(None, description="the same in e_tppo")
    grade: str = Field(description="evidence grade, A measured … D expert guess")
    objective: bool = Field(description="reads a document, registry, network or history (R11)")
    title_id: str = Field(description="title, Indonesian")
    title_en: str = Field(description="title, English")
    clears_id: str = Field(description="what would clear it, Indonesian")
    clears_en: str = Field(description="what would clear it, English")
    inputs: dict[str, Any] = Field(description="the facts it was computed from")
    exclusions: list[str] = Field(default=[], description="exclusions that were considered")


class GroupScore(BaseModel):
    """Sum of one group, tenths of a deciban."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group: str = Field(description="group")
    raw: int = Field(description="max + 0.3 × rest")
    capped: int = Field(description="after the cap")


class Question(BaseModel):
    """A question for the interview, by what it would settle."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    indicator: str = Field(description="indicator it belongs to")
    text_id: str = Field(description="question, Indonesian")
    on_yes: int = Field(description="movement of the evidence if the sign were there, tenths of a deciban")
    on_no: int = Field(description="movement if it were not")


class RiskAssessed(Message):
    """Exactly one for each accepted event of an application (promise 2)."""

    TOPIC: ClassVar[str] = "risk-assessments"
    KEY: ClassVar[str] = "application_id"

    assessment_id: str = Field(description="UUIDv5(cause, assessment)")
    application_id: str = Field(description="application")
    caused_by: str = Field(description="event_id, or id of the signal or outcome")
    cause: Literal["event", "signal", "outcome"] = Field(description="kind of cause")
    at: Time = Field(description="event time of the cause")
    office_code: str = Field(description="office")
    record_version: int = Field(description="events in the record; readers keep the highest")
    level: int = Field(ge=0, le=3, description="0 biasa, 1 perhatian, 2 pendalaman, 3 rujuk")
    must_act: bool = Field(description="bypasses levels; a person acts at once")
    must_review: bool = Field(description="a person looks whatever the score")
    e_np: int = Field(description="evidence for PMI-NP, tenths of a deciban, without prior (R09)")
    e_tppo: int = Field(description="evidence for TPPO, tenths of a deciban, never merged with e_np")
    reasons: list[str] = Field(description="why this level, one sentence each, English")
    notices: list[str] | None = Field(
        None, description="`issued-passport`: the network raised it to a deep look after the passport was printed"
    )
    indicators: dict[str, Answer3] = Field(description="answer of every indicator")
    protective: list[str] = Field(description="protective indicators that answered yes")
    findings: list[Finding] = Field(description="what answered yes, heaviest first")
    groups: list[GroupScore] = Field(description="group sums of e_np")
    dimensions: dict[str, Literal["none", "weak", "medium", "strong"]] = Field(
        description="process, means, purpose as ILO reads them; what officers see"
    )
    questions: list[Question] = Field(description="ranked")
    facts: dict[str, Any] = Field(description="the facts used")
    pack_digest: str = Field(description="SHA-256 of indicators and policy")

    def encode(self) -> bytes:
        """The bytes of every message, in one pass: only `notices` can be absent, and it is long and often sent (measured)."""
        return orjson.dumps(known(self), default=known, option=orjson.OPT_SORT_KEYS)


class FactRecorded(Message):
    """An accepted event without an application was stored (promise 2)."""

    TOPIC: ClassVar[str] = "risk-assessments"
    KEY: ClassVar[str] = "subject"

    subject: str = Field(description="subject of the event (R05)")
    caused_by: str = Field(description="event_id")
    type: str = Field(description="event type")
    at: Time = Field(description="event time")


class RecordErased(Message):
    """Risk removed the record of an erased application (promise 8)."""

    TOPIC: ClassVar[str] = "risk-assessments"
    KEY: ClassVar[str] = "application_id"

    application_id: str = Field(description="application")
    at: Time = Field(description="time of the erasure that asked for it")


class ShadowAssessed(Message):
    """What other rules, that judge nobody, say on the same facts. Kept apart: no service acts on it."""

    TOPIC: ClassVar[str] = "shadow-assessments"
    KEY: ClassVar[str] = "application_id"

    assessment_id: str = Field(description="the assessment by the rules in use")
    application_id: str = Field(description="application")
    at: Time = Field(description="event time of the cause")
    office_code: str = Field(description="office")
    record_version: int = Field(description="as of the assessment; readers keep the highest")
    level: int = Field(ge=0, le=3, description="level by the other rules")
    must_act: bool = Field(description="as they see it")
    e_np: int = Field(description="evidence for PMI-NP, tenths of a deciban")
    e_tppo: int = Field(description="evidence for TPPO, tenths of a deciban")
    findings: list[str] = Field(description="indicators that answered yes")
    pack_digest: str = Field(description="SHA-256 of the other rules")
