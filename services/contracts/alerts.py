"""Topics `alert-requests` and `alert-deliveries`: somebody must know, and what became of it. Never content of a case."""

from typing import ClassVar, Literal

from pydantic import Field

from services.contracts.fields import Time
from services.contracts.message import Message


class AlertRequested(Message):
    """Reach a person for one alert. Holds a reference and a deadline, nothing more (promise 10)."""

    TOPIC: ClassVar[str] = "alert-requests"
    KEY: ClassVar[str] = "alert_id"

    alert_id: str = Field(description="UUIDv5(referral or case, round, step)")
    to: str = Field(description="agency_id, or `<office>:<role>` such as `kanim-clp:supervisor`")
    ref: str = Field(description="short reference that people use")
    deadline: Time = Field(description="when the answer is due")
    severity: Literal["must_act", "high", "normal"] = Field(description="how fast somebody must be reached")
    step: str = Field(description="new, remind, escalate, task_force")
    not_to: list[str] = Field(default=[], description="phone and e-mail tokens of the case's contacts: never a target")
    ring: str | None = Field(
        None, description="ring that the case is of, or that its applicant belongs to", max_length=64
    )
    of_ring: bool = Field(False, description="the case is the ring's own: while it is open, those of members wait")
    requested_at: Time = Field(description="when")


class AlertSettled(Message):
    """The answer came, or the referral was withdrawn: stop trying."""

    TOPIC: ClassVar[str] = "alert-requests"
    KEY: ClassVar[str] = "alert_id"

    alert_id: str = Field(description="alert")
    reason: str = Field(description="why", max_length=64)
    at: Time = Field(description="when")


class AlertProgressed(Message):
    """One step of reaching a person."""

    TOPIC: ClassVar[str] = "alert-deliveries"
    KEY: ClassVar[str] = "alert_id"

    alert_id: str = Field(description="alert")
    seq: int = Field(ge=0, description="place in the alert's history")
    status: Literal[
        "planned", "held", "sent", "failed", "seen", "taken", "handed_over", "escalated", "exhausted", "settled", "resolved"
    ] = Field(description="what happened; `seen`: somebody acknowledged, `resolved`: who was told heard that it is over")  # fmt: skip
    person_ref: str | None = Field(None, description="reference of the person in the roster, no name")
    channel: str | None = Field(None, description="channel")
    idempotency_key: str | None = Field(None, description="UUIDv5(alert, person, step); the receiver may use it")
    receipt: str | None = Field(None, description="what the channel gave back", max_length=200)
    reason: str | None = Field(None, description="why it failed", max_length=200)
    at: Time = Field(description="when")
