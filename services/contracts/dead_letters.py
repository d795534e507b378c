"""Topics `<topic>-dlq`: original bytes and headers, reason, attempt, trace. `passport-raw-dlq` holds a reference only."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.message import Message


class Fault(BaseModel):
    """One thing that is wrong, by path and rule; never the value."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str = Field(description="where, e.g. data.nik")
    rule: str = Field(description="name of the rule")
    reason: str = Field(description="what is asked, English")
    reason_id: str | None = Field(None, description="what is asked, Indonesian")
    value_class: str | None = Field(
        None, description="what kind of value it was: text of 12, number, list of 3, null, absent"
    )


class RawRejected(Message):
    """An event from `passport-raw` that was refused; the original is sealed in the vault for 14 days."""

    TOPIC: ClassVar[str] = "passport-raw-dlq"
    KEY: ClassVar[str] = "reference"

    reference: str = Field(description="name of the sealed original")
    faults: list[Fault] = Field(description="everything that is wrong")
    partition: int = Field(description="where it was read")
    offset: int = Field(description="where it was read")
    at: str = Field(description="when it was refused, RFC 3339")


class DeadLettered(Message):
    """The headers of a dead letter; the value is the original's bytes."""

    TOPIC: ClassVar[str] = "<topic>-dlq"
    KEY: ClassVar[str] = "topic"

    topic: str = Field(description="where the original was read")
    partition: int = Field(description="partition")
    offset: int = Field(description="offset")
    kind: Literal["reject", "exhausted", "unexpected"] = Field(description="why it is here")
    reason: str = Field(description="what was wrong")
    attempt: int = Field(ge=1, description="how often it was tried")
    event_id: str | None = Field(None, description="id of the message when it could be read")
    trace: str | None = Field(None, description="stack, for an unexpected error", max_length=8000)
