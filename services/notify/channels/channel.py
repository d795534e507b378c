"""What a channel is."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Notice:
    """What a person gets: references, a deadline, a link. Nothing of the case (promise 10)."""

    subject: str
    text: str
    html: str
    short: str
    idempotency_key: str
    alert_ids: tuple[str, ...]
    refs: tuple[str, ...]
    deadline: str
    link: str
    language: Literal["id", "en"] = "id"
    kind: Literal["one", "several", "over", "drill"] = "one"


@dataclass(frozen=True)
class Done:
    """The channel took it; `receipt` is its own word for that, without address or content."""

    receipt: str


@dataclass(frozen=True)
class Later:
    """May work later. `channel_fails`: not this address but the channel itself is the trouble."""

    reason: str
    after_s: float | None = None
    channel_fails: bool = False


@dataclass(frozen=True)
class Never:
    """Will not work for this address."""

    reason: str


Result = Done | Later | Never


class Channel(Protocol):
    """One way to reach a person. `send` comes back within 20 s, never raises for what the other side does, and decides nothing else."""

    name: str

    def send(self, to: str, notice: Notice) -> Result: ...
