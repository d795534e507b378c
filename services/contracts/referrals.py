"""Topics `queue-<agency_id>` and `answers-<agency_id>`: one question to one agency, and what it answers."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from services.contracts.fields import Text, Time
from services.contracts.message import Message

AnswerStatus = Literal["acknowledged", "need_more_data", "wrong_agency", "working", "final"]


class ReferralQueued(Message):
    """R0 and coded facts, no personal data; fields are got by a logged reveal. A retraction is a tombstone."""

    TOPIC: ClassVar[str] = "queue-<agency_id>"
    KEY: ClassVar[str] = "referral_id"

    referral_id: str = Field(description="referral")
    referral_ref: str = Field(description="short reference that people use")
    case_ref: str = Field(description="short reference of the case")
    agency_id: str = Field(description="receiver")
    question: str = Field(description="question code (agencies.md, section 12)")
    question_id: str = Field(description="question, Indonesian")
    question_en: str = Field(description="question, English")
    fields: list[str] = Field(description="field groups that may be revealed, R0 … R9")
    coded: dict[str, Any] = Field(default={}, description="coded facts: purpose, destination, indicator ids")
    deadline: Time = Field(description="answer due")
    urgent: bool = Field(False, description="threat or child")
    issued_at: Time = Field(description="when it was sent")
    record_version: int = Field(description="version of the referral")


class ReferralAnswered(Message):
    """An agency's word; the topic is the sender."""

    TOPIC: ClassVar[str] = "answers-<agency_id>"
    KEY: ClassVar[str] = "referral_id"

    answer_id: str = Field(description="identity of the answer, chosen by the agency", max_length=128)
    referral_id: str = Field(description="referral that is answered")
    status: AnswerStatus = Field(description="progress")
    code: str | None = Field(None, description="answer code of the agency (agencies.md, section 5)", max_length=64)
    marks: list[str] = Field(default=[], description="entities by their reference in the referral: E1, E2")
    wants: list[str] | None = Field(None, description="with need_more_data: field groups that are wanted, R0 … R9")
    evidence_ref: Text | None = Field(None, description="where the evidence is kept")
    answered_at: Time = Field(description="when")
    answered_by_role: str | None = Field(None, description="role of who answered", max_length=64)


class AnswerRefused(Message):
    """An answer that changed nothing, and why; it goes to the sender's own queue."""

    TOPIC: ClassVar[str] = "queue-<agency_id>"
    KEY: ClassVar[str] = "answer_id"

    answer_id: str = Field(description="the answer that was refused")
    referral_id: str = Field(description="referral it named")
    reason: str = Field(description="why, in a sentence")
    at: Time = Field(description="when")
