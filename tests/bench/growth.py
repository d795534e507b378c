"""How the network's state grows: risk over a store that holds 10,000 and 100,000 applications, loaded directly.

Some days of the simulated office go through the plain functions and into a store; their records, entities and links are then copied under
other names until there are enough. So the degrees are those of the simulated world; what all copies would share (villages,
licences, days of departure) is not shared, and does not grow: an entity never has more than 600 rows in hand anyhow.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import bson
from pymongo import AsyncMongoClient, MongoClient
from pymongo.collection import Collection

from services.cli.offline import Offline
from services.contracts.network import EntitySignalled, LinkSuspected
from services.embedded.stack import Stack
from services.risk.network import store as network_store
from services.risk.network.rings import Rings
from services.risk.network.store import EntityStore
from services.risk.store import INDEXES, MongoStore
from services.runtime.documents import migrate
from services.simulator.world import Plan, World
from tests.bench import report
from tests.bench.risk import running, throughput, wires
from tests.build import TOKENS

SIZES = (10_000, 100_000)  # 1,000,000 needs 27 GB of disk and 48 minutes; it is run apart, and stays in the table
FIRST, LAST = date(2025, 3, 3), date(2025, 3, 14)
EVENTS, BULK = 8000, 2000
DATABASE = "tppo_risk"
# Tokens are `kind.version.value`, applications `OFFICE-day-number`; the copy's number takes the place of a token's last six characters.
TOKEN, APPLICATION = (
    re.compile(rb"\b([a-z_]+\.\d+\.[0-9a-f]{26})[0-9a-f]{6}\b"),
    re.compile(rb"\b[A-Z]{3}-\d{8}-\d{4}\b"),
)
Document = dict[str, Any]
NOTES = """
Each line is a store of its own, loaded from empty. The embedded store writes without compression: it is for one office and for trying out; beside the
documents stand its oplog of at most 100,000 entries and the index by id. Its memory is its cache (1 GB), and what its allocator keeps.

- To 100,000 applications nothing changes: risk reads by id alone. Before, the store's own sweeper read and decoded every document once a minute; then
  100,000 applications made 910 events/s, 526 µs of the store's CPU an event and 4.8 GB. `services/embedded/expiry.py` says what stands in its place.
- With a million the store fetches from disk what does not fit its cache, and the worker reads the graph of all suspicious links at the first one it
  hears, within the 7 s that are measured: the figure is that of a worker that has just taken over. How much of it is the graph was not measured apart.
- A worker is ready as soon after a takeover as before, for it holds nothing; the one that ties rings needs the seconds of the graph more.
- What MongoDB makes of it must be measured on MongoDB.
"""


def originals(stack: Stack) -> dict[str, list[Document]]:
    """Documents by collection, as risk writes them."""
    offline = Offline(TOKENS, datetime(2026, 12, 31, tzinfo=UTC))
    world = World(Plan(FIRST, LAST, rings=3), lambda _: None)
    links: dict[str, LinkSuspected] = {}
    tie = offline.network._tie

    def kept(suspected: LinkSuspected) -> list[EntitySignalled]:
        links[suspected.entity] = suspected
        return tie(suspected)

    offline.network._tie = kept  # type: ignore[method-assign]
    offline.run((arrived.line for arrived in world.stream()), lambda _: None)

    migrate(stack.store_settings, "risk", INDEXES | network_store.INDEXES)

    async def write() -> None:
        client: AsyncMongoClient[Document] = AsyncMongoClient(stack.addresses.store)
        database = client[DATABASE]
        records = [r for r in offline.store.records.values() if r.events]
        for record in records:
            record.version = 0
        await MongoStore(database, lambda: datetime.now(UTC)).write(records)
        entities = EntityStore(database, lambda: datetime.now(UTC), 0)
        for entity in offline.network.entities.values():
            entity.stored = 0
        await entities.write(list(offline.network.entities.values()), {})
        await entities.keep_links(list(links.values()), 0, len(links))
        await client.close()

    asyncio.run(write())
    found = {name: list(_collection(stack, name).find({})) for name in ("records", "entities", "links")}
    assert all(found.values()), {name: len(each) for name, each in found.items()}
    return found


def load(stack: Stack, documents: dict[str, list[Document]], copies: int) -> None:
    """Copies are made while the ones before are written."""
    with ThreadPoolExecutor(1) as pool:
        written: Future[Any] | None = None
        for name, each in documents.items():
            into = _collection(stack, name)
            for bulk in in_bulks(copied(document, number) for number in range(1, copies) for document in each):
                if written is not None:
                    written.result()
                written = pool.submit(into.insert_many, bulk, ordered=False)
            print(f"{name} loaded, the store has {resident_mb(stack, 'store'):,.0f} MB", file=sys.stderr, flush=True)
        if written is not None:
            written.result()


def in_bulks(documents: Iterator[Document]) -> Iterator[list[Document]]:
    while bulk := list(islice(documents, BULK)):
        yield bulk


def copied(document: Document, number: int) -> Document:
    """The same under other names."""
    mark = b"%06x" % number

    def renamed(text: bytes) -> bytes:
        return APPLICATION.sub(lambda m: m[0] + b"C" + mark, TOKEN.sub(lambda m: m[1] + mark, text))

    found = dict(document)
    for field, value in document.items():
        if isinstance(value, bytes):
            found[field] = renamed(value)
    name = renamed(document["_id"].encode()).decode()
    found["_id"] = name if name != document["_id"] else f"{name}~{number}"
    return found


def _collection(stack: Stack, name: str) -> Collection[Document]:
    return MongoClient[Document](stack.addresses.store)[DATABASE][name]


def rebuilt(stack: Stack) -> tuple[int, float]:
    """Suspicious links, and seconds to read them and build the graph: what a worker does that takes the rings over."""

    async def build() -> tuple[int, float]:
        client: AsyncMongoClient[Document] = AsyncMongoClient(stack.addresses.store)
        started = time.perf_counter()
        rings = Rings()
        async for link in EntityStore(client[DATABASE], lambda: datetime.now(UTC), 0).links():
            rings.put(link)
        took = time.perf_counter() - started
        await client.close()
        return len(rings.links), took

    return asyncio.run(build())


def resident_mb(stack: Stack, name: str) -> float:
    status = Path(f"/proc/{stack.children[name].process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def disk_gb(folder: Path) -> float:
    return (
        int(subprocess.run(["du", "-sk", folder], capture_output=True, text=True, check=True).stdout.split()[0]) / 1e6
    )


def measured(size: int) -> dict[str, float]:
    events = wires(EVENTS, date(2026, 2, 2))
    with running("embedded") as stack:
        documents = originals(stack)
        copies = -(-size // len(documents["records"]))
        started = time.perf_counter()
        load(stack, documents, copies)
        found: dict[str, float] = {
            "loaded_s": time.perf_counter() - started,
            "mb_loaded": resident_mb(stack, "store"),
            "applications": len(documents["records"]) * copies, "entities": len(documents["entities"]) * copies,
        }  # fmt: skip
        for name in ("records", "entities"):
            found[f"{name}_kb"] = sum(len(bson.encode(d)) for d in documents[name]) / len(documents["records"]) / 1000
        found["links"], found["rebuilt_s"] = rebuilt(stack)
        started = time.perf_counter()
        rates = throughput(stack, "risk", events)
        found |= {f"cpu_{name}": value for name, value in rates.items() if name != "rate"}
        found["rate"] = rates["rate"]
        found |= {f"mb_{name}": resident_mb(stack, name) for name in ("risk", "store")}
        found["disk_gb"] = disk_gb(stack.folder / "store")
        found["takeover_s"] = _takeover(stack)
    return found


def _takeover(stack: Stack) -> float:
    """Seconds from the end of one worker, told to stop, to another being ready."""
    stack.children["risk"].stop()
    started = time.perf_counter()
    stack.start_service("risk")
    stack.wait_ready(("risk",))
    return time.perf_counter() - started


APPLICATIONS_A_DAY, EVENTS_EACH, OFFICE_HOURS, PEAK, MONTHS, WORKING_DAYS = 20_000, 12.6, 7, 10, 24, 20.4


def country(f: dict[str, float]) -> Iterator[str]:
    """From the figures of the largest store that was measured."""
    kept = APPLICATIONS_A_DAY * WORKING_DAYS * MONTHS
    mean = APPLICATIONS_A_DAY * EVENTS_EACH / (OFFICE_HOURS * 3600)
    each = f["records_kb"] + f["entities_kb"]
    links = f["links"] / f["applications"] * kept
    yield ""
    yield f"## A country on paper: {APPLICATIONS_A_DAY:,} applications a day over {MONTHS} months"
    yield ""
    yield "| what | figure | from |"
    yield "|---|---|---|"
    yield f"| applications kept | {kept / 1e6:.1f} M | {WORKING_DAYS} working days a month |"
    yield f"| events/s, office hours | {mean:.1f}; {mean * PEAK:.0f} at the peak | {EVENTS_EACH} events each, peak factor {PEAK} (events.md) |"
    yield f"| workers | 1 carries the peak {f['rate'] / (mean * PEAK):.0f} times; 3, so that two may fail | {f['rate']:.0f} events/s a worker, store and broker on its cores |"
    yield "| partitions | 12 of each stream, 1 of suspicious links | a worker more never needs more partitions; rings are tied by one |"
    yield f"| documents in the store | {kept * each / 1e6:.0f} GB before compression and copies | records {f['records_kb']:.1f} kB and entities {f['entities_kb']:.1f} kB an application |"
    yield f"| suspicious links | {links:,.0f}; {links / 500_000 * 1.9:.1f} GB in the worker that ties, built anew in {links / 500_000 * 9.1 + links * f['rebuilt_s'] / max(f['links'], 1):.0f} s | {f['links'] / f['applications']:.3f} an application; `network.md` |"
    yield f"| memory of a worker | {f['mb_risk'] / 1000:.1f} GB, and the links in one of them | above |"


def lines(figures: list[dict[str, float]]) -> Iterator[str]:
    yield f"# How the state grows\n\n{report.machine()}. `make bench-growth`. {(__doc__ or '').partition(chr(10) * 2)[2]}"
    yield "| applications | entities | links | loaded in, s | on disk, GB | memory of the store, MB: loaded, later | of risk, MB | events/s | loop CPU, µs/event | store CPU, µs/event | graph read and built, s | next worker ready after, s |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for f in figures:
        yield (
            f"| {f['applications']:,.0f} | {f['entities']:,.0f} | {f['links']:,.0f} | {f['loaded_s']:.0f} | {f['disk_gb']:.1f} | {f['mb_loaded']:,.0f}, {f['mb_store']:,.0f} | {f['mb_risk']:,.0f} "
            f"| {f['rate']:.0f} | {f['cpu_loop']:.0f} | {f['cpu_store']:.0f} | {f['rebuilt_s']:.1f} | {f['takeover_s']:.1f} |"
        )
    yield ""
    yield from NOTES.strip().splitlines()
    yield from country(figures[-1])


def main() -> None:
    """Each size is a run of its own: what was measured on this machine before stays in the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    kept = report.kept("growth")
    for size in parser.parse_args().sizes:
        kept[str(size)] = measured(size)
        report.keep("growth", kept)
    report.tell("growth", lines([kept[size] for size in sorted(kept, key=int)]))


if __name__ == "__main__":
    main()
