"""Records that a worker has just written, kept in hand: the next event of an application needs no read and no full evaluation.

Safe because every write names the version it was made from: a record that somebody else wrote meanwhile loses, and is read again. A record
is given out once and comes back only when its write held, so that a failed step leaves nothing half done in hand.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from services.contracts.passport_events import EventAccepted
from services.risk.licences import Licence
from services.risk.record import Record
from services.risk.records import RecordStore


class Held:
    """The port over another store, with at most `limit` records in hand; the one unused for longest goes first."""

    def __init__(self, store: RecordStore, limit: int) -> None:
        self._store, self._limit = store, limit
        self._records: OrderedDict[str, Record] = OrderedDict()

    async def read(self, application_ids: Iterable[str]) -> dict[str, Record]:
        wanted = list(dict.fromkeys(application_ids))
        found = {a: self._records.pop(a) for a in wanted if a in self._records}
        missing = [a for a in wanted if a not in found]
        return found | (await self._store.read(missing) if missing else {})

    async def write(self, records: Sequence[Record]) -> set[str]:
        lost = await self._store.write(records)
        for record in records:
            if record.application_id not in lost:
                self._records[record.application_id] = record
        while len(self._records) > self._limit:
            self._records.popitem(last=False)
        return lost

    async def licences(self, numbers: Iterable[str]) -> dict[str, Licence]:
        return await self._store.licences(numbers)

    async def any_licence(self) -> bool:
        return await self._store.any_licence()

    async def keep_facts(self, events: Sequence[EventAccepted]) -> None:
        await self._store.keep_facts(events)
