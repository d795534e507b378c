"""`make bench-network`: what the network costs.

Plain functions in memory: split of one event with and without the network; one more member of an entity by its size; one more link of a
ring by the number of links there are, and the graph built anew as after a take-over. Through broker and store: from the event that makes
a ring fifty to the last member's new assessment.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from random import Random
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

import orjson

from services.contracts.network import EntitySeen, LinkSuspected
from services.contracts.passport_events import EventAccepted
from services.risk import batch
from services.risk.network.entity import Entity
from services.risk.network.link import link
from services.risk.network.look import look
from services.risk.network.memory import MemoryNetwork
from services.risk.network.rings import Rings
from services.risk.pack import Pack
from services.risk.records import MemoryStore
from services.simulator.day import play
from tests.bench import report, ring_latency
from tests.bench.report import machine, own_process, peak_mb
from tests.build import accepted
from tests.risk.network.build import PHONE, START, row, token

PACK = Pack.load()
ROUNDS, DAYS = 3, 5
SIZES = (1, 10, 100, 300, 600, 10_000)
LINKS = (5_000, 50_000, 500_000)
UPDATES = 300


def day_events() -> list[EventAccepted]:
    return [
        accepted(e) for n in range(DAYS) for e in play(date(2026, 9, 7) + timedelta(days=n), applications=160, seed=n)
    ]


def split(events: Sequence[EventAccepted]) -> dict[str, float]:
    """Microseconds an event: assessing alone, rows and what was heard, linking, and the assessments that signals lead to."""
    spent = {"rows and hearing": 0.0, "link": 0.0}
    counts = {"sightings": 0, "signals": 0}
    network, store = MemoryNetwork(PACK), MemoryStore()

    def timed(record: Any, pack: Pack) -> Any:
        started = time.perf_counter()
        news = look(record, pack)
        spent["rows and hearing"] += time.perf_counter() - started
        return news

    async def go() -> float:
        signals_s = 0.0
        for begin in range(0, len(events), 200):
            items: Sequence[batch.Item] = events[begin : begin + 200]
            while items:
                changes: list[batch.ToNetwork] = []

                async def send(messages: Sequence[batch.Produced], to: list[batch.ToNetwork] = changes) -> None:
                    to += (m for m in messages if isinstance(m, batch.ToNetwork))

                started = time.perf_counter()
                await batch.work(items, store, PACK, send)
                if not isinstance(items[0], EventAccepted):
                    signals_s += time.perf_counter() - started
                counts["sightings"] += len(changes)
                started = time.perf_counter()
                items = network.take(changes)
                spent["link"] += time.perf_counter() - started
                counts["signals"] += len(items)
        return signals_s

    with patch.object(batch, "look", timed):
        started = time.perf_counter()
        signals_s = asyncio.run(go())
        total = time.perf_counter() - started
    per = 1e6 / len(events)
    return {
        "whole": total * per, "rows and hearing": spent["rows and hearing"] * per, "link": spent["link"] * per,
        "assessments by signals": signals_s * per, "sightings an event": counts["sightings"] / len(events),
        "signals an event": counts["signals"] / len(events),
    }  # fmt: skip


def one_more(size: int) -> tuple[float, float, int]:
    """Milliseconds (median, p99) for one more member of an entity that has `size`, and the most signals of one."""
    entity = Entity(PHONE)
    for n in range(size):
        entity.take(row(n, n * 150 / size))
        entity.put_away()
    took, told = [], 0
    for n in range(size, size + 30):
        started = time.perf_counter()
        done = link(entity, [row(n, 150)], lambda _: ())
        took.append((time.perf_counter() - started) * 1000)
        told = max(told, len(done.signals) if done else 0)
    return median(took), quantiles(took, n=100)[98], told


def suspicious(count: int) -> Iterator[LinkSuspected]:
    """Links of three to six members; one in ten shares members with another one, so that rings of several links exist."""
    random = Random(4)
    for n in range(count):
        first = n * 10 if random.random() > 0.1 else max(0, n - 1) * 10
        entity = token("phone", n)
        members = [slim(first + k, entity) for k in range(3 + int(random.random() * 4))]
        yield LinkSuspected.model_construct(entity=entity, entity_kind="phone", members=members, record_version=1)


SEEN_AT = [(START + timedelta(hours=n)).isoformat() for n in range(5000)]


def slim(number: int, entity: str) -> EntitySeen:
    return EntitySeen.model_construct(
        entity=entity, entity_kind="phone", application_id=f"A{number}", office="CLP", record_version=1,
        seen_at=SEEN_AT[number % 5000], household=f"h{number}", subject=f"s{number}", desa="3301012001",
    )  # fmt: skip


def rings(count: int) -> dict[str, float]:
    """Seconds to build anew; median and p99 of one more link, milliseconds; memory, GB."""
    gc.set_threshold(50_000, 50, 1000)  # as the service does
    found, built, step = Rings(), 0.0, count // UPDATES
    some: list[LinkSuspected] = []
    links = suspicious(count)
    while some_links := list(islice(links, 5000)):
        started = time.perf_counter()
        for each in some_links:
            found.put(each)
        built += time.perf_counter() - started
        some += some_links[::step]
    gc.collect()
    gc.freeze()
    took = []
    for n, before in enumerate(some[:UPDATES]):
        more = before.model_copy(
            update={"members": [*before.members, slim(10**8 + n, before.entity)], "record_version": 2}
        )
        started = time.perf_counter()
        found.take(more)
        took.append((time.perf_counter() - started) * 1000)
    return {"built": built, "median": median(took), "p99": quantiles(took, n=100)[98], "gb": peak_mb() / 1000}


def repeated(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    runs = [measure() for _ in range(ROUNDS)]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def lines() -> Iterator[str]:
    yield "# What the network costs"
    yield ""
    yield f"{machine()}. `make bench-network`: plain functions in memory, one process; medians of {ROUNDS} runs where a run is short."
    yield ""
    events = day_events()
    parts = repeated(lambda: split(events))
    yield f"## One event, of {len(events):,} of {DAYS} simulated days"
    yield ""
    yield "| part | µs an event |"
    yield "|---|---|"
    for name in ("whole", "rows and hearing", "link", "assessments by signals"):
        yield f"| {name} | {parts[name]:.0f} |"
    yield ""
    yield f"{parts['sightings an event']:.2f} sightings and {parts['signals an event']:.2f} signals an event."
    yield ""
    yield "## One more member of an entity"
    yield ""
    yield "| members before | median ms | p99 ms | most signals of one |"
    yield "|---|---|---|---|"
    for size in SIZES:
        middle, worst, told = one_more(size)
        yield f"| {size:,} | {middle:.2f} | {worst:.2f} | {told} |"
    yield ""
    yield "## One more member of a suspicious link"
    yield ""
    yield "| links | built anew, s | median ms | p99 ms | memory of the process, GB |"
    yield "|---|---|---|---|---|"
    for count in LINKS:
        f = own_process("tests.bench.network", str(count))
        yield f"| {count:,} | {f['built']:.1f} | {f['median']:.2f} | {f['p99']:.2f} | {f['gb']:.1f} |"
    yield ""
    yield f"## From the event that makes a ring {ring_latency.MEMBERS} to the last member's assessment"
    yield ""
    yield f"While other applications come at {ring_latency.RATE} events/s; {ring_latency.RINGS} rings; risk with broker and store on the same cores."
    yield ""
    yield "| broker | median s | p90 | longest |"
    yield "|---|---|---|---|"
    for broker in ("embedded", "kafka"):
        took = own_process("tests.bench.ring_latency", broker)["seconds"]
        yield f"| {broker} | {median(took):.2f} | {quantiles(took, n=10)[8]:.2f} | {max(took):.2f} |"


def main() -> None:
    if len(sys.argv) > 1:  # one size alone, so that memory is its own
        print(orjson.dumps(rings(int(sys.argv[1]))).decode())
        return
    report.tell("network", lines())


if __name__ == "__main__":
    main()
