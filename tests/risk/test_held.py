"""Records in hand: fewer reads, the same assessments; what failed or is stale is read again."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.passport_events import EventAccepted
from services.risk import batch
from services.risk.held import Held
from services.risk.pack import Pack
from services.risk.record import Record
from services.risk.records import MemoryStore
from services.simulator.day import play
from tests.build import accepted

PACK = Pack.load()
EVENTS = [accepted(e) for e in play(date(2026, 11, 24), applications=8) if e["type"] != "license.snapshot"]


def copied(r: Record) -> Record:
    """What a store keeps of a record."""
    return Record(
        r.application_id, r.version, dict(r.events), dict(r.beside), signals=dict(r.signals), shown=dict(r.shown),
        heard=r.heard,
    )  # fmt: skip


class Strict(MemoryStore):
    """Gives copies and takes a record only over the version it was made from, as the document store does."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def read(self, application_ids: Iterable[str]) -> dict[str, Record]:
        found = await super().read(application_ids)
        self.reads += len(found)
        return {a: copied(r) for a, r in found.items()}

    async def write(self, records: Sequence[Record]) -> set[str]:
        lost = set()
        for record in records:
            stands = self.records.get(record.application_id)
            if (stands.version if stands else 0) != record.version:
                lost.add(record.application_id)
                continue
            record.version += 1
            self.records[record.application_id] = copied(record)
        return lost


def run(store: Any, chunks: Iterable[Sequence[EventAccepted]], fails: Iterable[int] = ()) -> list[bytes]:
    """Everything that was sent, chunk by chunk; a chunk that fails once is tried again."""
    sent: list[bytes] = []

    async def go() -> None:
        for number, chunk in enumerate(chunks):
            broken = number in set(fails)

            async def send(messages: Sequence[Any]) -> None:
                nonlocal broken
                if broken:
                    broken = False
                    raise ConnectionError("broker")
                sent.extend(m.encode() for m in messages)

            try:
                await batch.work(chunk, store, PACK, send)
            except ConnectionError:
                await batch.work(chunk, store, PACK, send)

    asyncio.run(go())
    return sent


def chunks_of(size: int) -> list[list[EventAccepted]]:
    return [EVENTS[i : i + size] for i in range(0, len(EVENTS), size)]


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 6), st.sets(st.integers(0, 20), max_size=3))
def test_with_records_in_hand_and_memos_the_assessments_are_those_of_a_full_evaluation(
    size: int, limit: int, fails: set[int]
) -> None:
    plain, held = Strict(), Strict()
    assert sorted(run(Held(held, limit), chunks_of(size), fails)) == sorted(run(plain, chunks_of(size)))
    assert {a: r.events.keys() for a, r in held.records.items()} == {
        a: r.events.keys() for a, r in plain.records.items()
    }


def test_a_record_in_hand_is_not_read_again() -> None:
    store = Strict()
    run(Held(store, 100), chunks_of(1))
    assert store.reads == len({e.application_id for e in EVENTS})


def test_a_stale_record_loses_its_write_and_is_read_again() -> None:
    store = Strict()
    ours, theirs = Held(store, 100), Held(store, 100)
    first, second, third = [e for e in EVENTS if e.application_id == EVENTS[0].application_id][:3]
    run(ours, [[first]])
    run(theirs, [[second]])
    run(ours, [[third]])
    assert store.records[first.application_id].events.keys() == {e.event_id for e in (first, second, third)}
