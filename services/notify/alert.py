"""One alert: what was asked, the chain it goes along, where it stands, whom it told, and its history."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.notify.chains import Chain, Link

LEASE = timedelta(seconds=60)  # longer than any channel may take

Severity = Literal["must_act", "high", "normal"]
State = Literal["open", "seen", "settled", "exhausted"]
Status = Literal[
    "planned", "held", "sent", "failed", "seen", "taken", "handed_over", "escalated", "exhausted", "settled", "resolved"
]  # fmt: skip
# What is done when `due_at` comes: tell a person, go on after nobody acknowledged, say that it is over.
Next = Literal["tell", "wait", "resolve"]


class Told(BaseModel):
    """One person who was told, or is to be told, in one message by one channel."""

    person: str
    channel: str
    to: str
    key: str = Field(description="idempotency key of the message; a message may hold several alerts")
    link: str = Field("", description="what the link to acknowledge ends with, hashed")
    at: datetime | None = Field(None, description="when the channel took it")
    over: bool = Field(False, description="the message says that it is over")


class Entry(BaseModel):
    """One line of the history, as `alert-deliveries` has it."""

    at: datetime
    status: Status
    person: str | None = None
    channel: str | None = None
    key: str | None = None
    receipt: str | None = None
    reason: str | None = None


class Alert(BaseModel):
    """One document. The chain is frozen when the alert is made; who holds a role is looked up when its turn comes."""

    alert_id: str
    to: str
    ref: str
    deadline: datetime
    severity: Severity
    step: str
    not_to: list[str] = []
    ring: str | None = None
    of_ring: bool = False
    drill: str | None = Field(None, description="a marked test: name of the drill")
    requested_at: datetime
    received_at: datetime
    chain: Chain
    state: State = "open"

    next: Next = "tell"
    due_at: datetime | None
    held: str | None = Field(None, description="why it waits although its time had come")
    link: int = Field(0, description="place in the chain")
    round: int = 1
    round_at: datetime
    away: bool = Field(False, description="in this round a channel may work later")
    tried: list[str] = Field(default=[], description="people whose turn is over in this round")
    person: str | None = Field(None, description="whose turn it is")
    channel: int = Field(0, description="which of that person's channels")
    attempts: int = 0
    sending: Told | None = Field(None, description="claimed: this is being sent, perhaps by another instance")
    lease_until: datetime | None = Field(None, description="until when that instance may be sending")

    told: list[Told] = []
    seen_by: str | None = None
    seen_at: datetime | None = None
    taken_by: str | None = None
    history: list[Entry] = []
    version: int = 0
    owed: list[dict[str, Any]] = Field(default=[], description="messages that are not on the topic yet; the store's")
    next_out: int = 0

    def people_told(self) -> list[Told]:
        """Who heard of it, each once, by the channel that reached them last."""
        return list({t.person: t for t in self.told if t.at and not t.over}.values())

    def log(self, now: datetime, status: Status, **more: str | None) -> Entry:
        entry = Entry(at=now, status=status, **more)
        self.history.append(entry)
        return entry

    @property
    def at(self) -> Link:
        """Where in the chain it stands."""
        return self.chain.links[min(self.link, len(self.chain.links) - 1)]

    def claim(self, now: datetime, told: Told | None = None) -> None:
        """This instance sends it, until the lease is over."""
        self.sending = told or self.sending
        self.held, self.lease_until, self.due_at = None, now + LEASE, now + LEASE

    def let_go(self, now: datetime) -> None:
        """What is being sent is not wanted any more. If it was claimed it perhaps arrived: then its end is told as well."""
        if self.sending is not None and self.lease_until is not None and not self.sending.over:
            self.told.append(self.sending.model_copy(update={"at": now}))
        self.sending, self.lease_until = None, None

    def nobodys_turn(self, now: datetime) -> None:
        """Whoever is next is looked for at once."""
        self.person, self.channel, self.attempts, self.held, self.next, self.due_at = None, 0, 0, None, "tell", now


@dataclass
class Progress:
    """An alert after an event. `history[told_from:]` is news."""

    alert: Alert
    told_from: int

    @classmethod
    def of(cls, alert: Alert) -> "Progress":
        return cls(alert.model_copy(deep=True), len(alert.history))
