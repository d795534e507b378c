"""What risk needs of a store, and the same port in memory for `tppo assess`, replay and tests of plain functions."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from services.contracts.passport_events import EventAccepted
from services.risk.licences import Licence
from services.risk.record import Record


class RecordStore(Protocol):
    """What risk needs of a store."""

    async def read(self, application_ids: Iterable[str]) -> dict[str, Record]: ...

    async def write(self, records: Sequence[Record]) -> set[str]:
        """Write each record over the version that was read; returns those that somebody else wrote first.

        A record whose version did not rise may be stale: its next write loses.
        """

    async def licences(self, numbers: Iterable[str]) -> dict[str, Licence]: ...

    async def any_licence(self) -> bool: ...

    async def keep_facts(self, events: Sequence[EventAccepted]) -> None: ...


class MemoryStore:
    """The port in memory, for `tppo assess`, replay and tests of plain functions."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.licence_snapshots: dict[str, Licence] = {}
        self.facts: dict[str, EventAccepted] = {}

    async def read(self, application_ids: Iterable[str]) -> dict[str, Record]:
        return {a: self.records.get(a) or Record(a) for a in application_ids}

    async def write(self, records: Sequence[Record]) -> set[str]:
        for record in records:
            record.version += 1
            self.records[record.application_id] = record
        return set()

    async def licences(self, numbers: Iterable[str]) -> dict[str, Licence]:
        return {n: self.licence_snapshots[n] for n in numbers if n in self.licence_snapshots}

    async def any_licence(self) -> bool:
        return bool(self.licence_snapshots)

    async def keep_facts(self, events: Sequence[EventAccepted]) -> None:
        for event in events:
            self.facts[event.event_id] = event
            number = event.data.get("license_no")
            if event.type == "license.snapshot" and number:
                known = self.licence_snapshots.get(number, Licence(number))
                kept = {s.event_id: s for s in known.snapshots} | {event.event_id: event}
                self.licence_snapshots[number] = Licence(number, tuple(kept.values()))
