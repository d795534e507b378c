"""One alert: whom it reaches in which order, how far it is, and its history."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

State = Literal["open", "seen", "settled", "exhausted"]


class PlannedStep(BaseModel):
    """One person by one channel; the key lets a receiver know a repetition."""

    person_ref: str
    channel: str
    to: str
    key: str


class Alert(BaseModel):
    """The plan is frozen when the alert is made."""

    alert_id: str
    to: str
    ref: str
    deadline: datetime
    severity: Literal["must_act", "high", "normal"]
    state: State = "open"
    plan: list[PlannedStep]
    step: int = 0
    sent: bool = False  # the current step was sent and waits for somebody to acknowledge
    attempts: int = 0
    due_at: datetime | None
    seq: int = 0
    version: int = 0
