"""The record of one application: the set of its tokenised events and what other records say about it."""

from dataclasses import dataclass, field
from typing import Any

from services.contracts.passport_events import EventAccepted
from services.risk.evaluate import Memo


@dataclass
class Record:
    """Versions count writes; `beside` holds the sections `lic`, `net` and `hist`."""

    application_id: str
    version: int = 0
    events: dict[str, EventAccepted] = field(default_factory=dict)
    beside: dict[str, dict[str, Any]] = field(default_factory=dict)
    memo: Memo | None = field(default=None, compare=False)  # of the last evaluation; never stored

    def add(self, event: EventAccepted) -> bool:
        """False when the event is known already."""
        if event.event_id in self.events:
            return False
        self.events[event.event_id] = event
        return True
