"""What a channel is."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Notice:
    """What a person gets: a reference and a deadline, nothing of the case (promise 10)."""

    subject: str
    text: str
    idempotency_key: str
    alert_id: str


@dataclass(frozen=True)
class Done:
    """The channel took it; `receipt` is its own word for that."""

    receipt: str


@dataclass(frozen=True)
class Later:
    """May work later."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True)
class Never:
    """Will not work for this address."""

    reason: str


Result = Done | Later | Never


class Channel(Protocol):
    """One way to reach a person."""

    name: str

    def send(self, to: str, notice: Notice) -> Result: ...
