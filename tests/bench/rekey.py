"""`make bench-rekey`: how long the store of risk takes to move to newer token keys, and how long others wait for it meanwhile.

The store is loaded as by `make bench-growth`. What the network must be told is encoded and counted, and not sent; newer tokens are made here
instead of asked of intake. So the figures are those of risk's own work and of the store.
"""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pymongo import AsyncMongoClient, MongoClient

from services.contracts.message import Message
from services.contracts.tokens import Newer
from services.embedded.stack import Stack
from services.risk import rekey
from services.risk.network.store import EntityStore
from services.risk.pack import Pack
from services.risk.store import MongoStore
from tests.bench import report
from tests.bench.growth import DATABASE, load, originals
from tests.bench.risk import running

SIZES = (10_000, 100_000)
CALL_MS = 5000  # as a service's own (`TPPO_STORE_TIMEOUT_MS`)
NOTES = """
- The time grows with the number of applications: each is read and written once, and the collections are read through once. Before, every step of
  200 looked for its own beginning: on the embedded store that is a pass of its own, and with more than some 20,000 applications one pass took longer
  than a call may (5 s), so that the move never ended.
- The last pass is what one late event of older keys costs, on the mover alone.
- Everything else goes on meanwhile; the longest wait is that for a pass, which the embedded store does not interrupt. A call that would take longer
  than 5 s is asked again. Entities that carry a mark are found by an index: when all entities were read for them, the longest wait was 10.8 s.
"""


@contextmanager
def waiting(address: str) -> Iterator[list[float]]:
    """Milliseconds that somebody else waits for one small document, asked again and again."""
    waits: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        with MongoClient[dict[str, Any]](address) as client:
            while not ended.wait(0.02):
                started = time.perf_counter()
                client[DATABASE]["marks"].find_one({"_id": "keys"})
                waits.append(1000 * (time.perf_counter() - started))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


async def newest(older: Iterable[str], version: int) -> Newer:
    return Newer(version, {t: t.replace(".1.", f".{version}.", 1) for t in older})


async def moved(address: str) -> dict[str, float]:
    told = 0

    async def tell(messages: Sequence[Message]) -> None:
        nonlocal told
        told += len([m.encode() for m in messages])

    async with AsyncMongoClient[dict[str, Any]](address, timeoutMS=CALL_MS) as client:
        store = MongoStore(client[DATABASE], lambda: datetime.now(UTC))
        entities = EntityStore(client[DATABASE], lambda: datetime.now(UTC), 0)
        await store.want_version(2)
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            await rekey.move(store, entities, await store.keys(), newest, Pack.load(), tell)
            seconds.append(time.perf_counter() - started)
    return {"moved_s": seconds[0], "again_s": seconds[1], "told": told}


def measured(stack: Stack, size: int) -> dict[str, float]:
    documents = originals(stack)
    copies = -(-size // len(documents["records"]))
    load(stack, documents, copies)
    found = {name: float(len(each) * copies) for name, each in documents.items()}
    with waiting(stack.addresses.store) as waits:
        found |= asyncio.run(moved(stack.addresses.store))
    return found | {"wait_ms": statistics.median(waits), "longest_ms": max(waits)}


def main() -> None:
    figures = []
    for size in SIZES:
        with running("embedded") as stack:
            figures.append(measured(stack, size))
    rows = [
        [
            f"{f['records']:,.0f}", f"{f['entities']:,.0f}", f"{f['moved_s']:.0f}", f"{f['records'] / f['moved_s']:.0f}",
            f"{f['told'] / f['records']:.0f}", f"{f['again_s']:.1f}", f"{f['wait_ms']:.1f}, {f['longest_ms']:,.0f}",
        ]
        for f in figures
    ]  # fmt: skip
    header = [
        "applications", "entities", "moved in, s", "applications/s", "rows told, each", "a pass with nothing left, s",
        "a small read meanwhile, ms: median, longest",
    ]  # fmt: skip
    report.write("rekey", "Newer token keys: the store of risk moves", header, rows, figures, NOTES)


if __name__ == "__main__":
    main()
