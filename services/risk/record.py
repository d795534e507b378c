"""The record of one application: the set of its tokenised events and what other records say about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.contracts import tokens
from services.contracts.fields import parse_time
from services.contracts.network import EntitySignalled
from services.contracts.passport_events import EventAccepted
from services.contracts.tokens import Newer
from services.risk.evaluate import Memo
from services.risk.fold import Folded
from services.risk.network.sightings import Shown
from services.runtime.failures import Reject

# An application has some 15 events. A document of the store holds 16 MB at most, and one event 256 KiB (R03).
MAX_EVENTS, MAX_BYTES, MANY = 2000, 12_000_000, 40


class Full(Reject):
    """The event is put aside; what the record holds stays."""


@dataclass
class Record:
    """Versions count writes; `beside` holds the sections `lic`, `net` and `hist`.

    Restricted: events are kept and not assessed, unless somebody must act. Erased: only ids of events are left, so that a
    redelivery is known.
    """

    application_id: str
    version: int = 0
    events: dict[str, EventAccepted] = field(default_factory=dict)
    beside: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: Literal["open", "restricted", "erased"] = "open"
    gone: set[str] = field(default_factory=set)  # ids of events whose facts were removed
    signals: dict[str, EntitySignalled] = field(default_factory=dict)  # by `kind entity`: what each entity said last
    shown: dict[str, int] = field(default_factory=dict)  # by `kind entity`: checksum of what the network knows
    heard: int = 0  # signals that were new, and moves to newer keys
    # Of the last assessment; never stored.
    folded: Folded | None = field(default=None, compare=False)
    memo: Memo | None = field(default=None, compare=False)
    rows: Shown | None = field(default=None, compare=False)
    rows_of: tuple[Any, ...] = field(default=(), compare=False)  # what the rows were made of
    said_of: tuple[Any, ...] = field(default=(), compare=False)  # what `net` and `hist` were made of

    def add(self, event: EventAccepted) -> bool:
        """False when the event is known already. Full when the record can hold no more."""
        if event.event_id in self.events or event.event_id in self.gone:
            return False
        if self.state == "erased":
            self.gone.add(event.event_id)
            return True
        if len(self.events) >= MAX_EVENTS or (len(self.events) >= MANY and self._bytes() + len(event.wire) > MAX_BYTES):
            raise Full(f"the record of the application is full: {len(self.events)} events, {self._bytes()} bytes")
        self.events[event.event_id] = event
        return True

    def in_order(self) -> list[EventAccepted]:
        """The events by their own time, ties by id."""
        return sorted(self.events.values(), key=_when)

    @property
    def last(self) -> EventAccepted:
        """The event that happened last; there must be one."""
        return max(self.events.values(), key=_when)

    def _bytes(self) -> int:
        return sum(len(e.wire) for e in self.events.values())

    @property
    def revision(self) -> int:
        """Of what is said about the application; readers keep the highest. Same events, signals and moves, same number."""
        return len(self.events) + len(self.gone) + self.heard

    def erase(self) -> None:
        self.gone |= self.events.keys()
        self.signals = {}
        self.events, self.beside, self.folded, self.memo, self.state = {}, {}, None, None, "erased"
        self.rows, self.rows_of = None, ()

    def key_versions(self) -> set[int]:
        return {e.key_version for e in self.events.values()}

    def tokens(self) -> Iterable[str]:
        for event in self.events.values():
            yield from tokens.found(event.data)

    def move(self, newer: Newer) -> None:
        """Tokens of newer keys in place of older ones. What older tokens said is said again by the newer ones.

        A worker that still holds the record as it was may hear them first, and be contradicted: whoever has moved has the higher revision.
        """
        self.events = {e.event_id: with_newest(e, newer) for e in self.events.values()}
        self.signals = {place: s for place, s in self.signals.items() if s.entity not in newer.by_old}
        self.folded, self.memo, self.rows = None, None, None
        self.heard += 1


def _when(event: EventAccepted) -> tuple[datetime, str]:
    return parse_time(event.at), event.event_id


def with_newest(event: EventAccepted, newer: Newer) -> EventAccepted:
    return event.model_copy(update={"data": tokens.moved(event.data, newer), "key_version": newer.version})
