"""How fast the score is: risk beside other loops that do the same work on the same broker, then its latency, steps and engines.

Every loop gets the same padded events on a fresh broker and store, all on the same two cores. CPU is that of the loop's process.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from services.contracts.assessments import RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.embedded.processes import Child
from services.embedded.stack import Stack
from tests.bench import engines, report, steps
from tests.bench.events import accepted, padded
from tests.kafka import apache

EVENTS, ROUNDS = 20_000, 3
OPEN_LOOP_RATE, OPEN_LOOP_S = 100, 40
LOOPS = ("score", "quix", "plain", "pump", "risk")
TITLES = {
    "score": "risk's score: faust, store of documents",
    "risk": "all of risk: entities, rings and what they call again as well",
    "quix": "Quix Streams 3.28, RocksDB, full evaluation",
    "plain": "aiokafka loop, same batches and store",
    "pump": "risk's pump without the score, same length",
}
Wires = list[tuple[bytes, bytes]]  # key and value


def wires(count: int, first: date = date(2026, 1, 5)) -> Wires:
    events = islice(accepted(first, date(first.year, 12, 31)), count)
    return [(e.key, padded(e)) for e in events]


@contextlib.contextmanager
def running(broker: str) -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="tppo-bench-"))
    kafka = apache.start(folder / "kafka") if broker == "kafka" else None
    stack = Stack(folder / "stack", ["polda-jateng"], f"127.0.0.1:{kafka.port}" if kafka else None, ())
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        if kafka:
            kafka.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start(stack: Stack, loop: str) -> Child:
    module = f"tests.bench.risk_loops {loop}"
    if loop == "risk":
        return stack.start_service("risk")
    if loop in ("pump", "score"):
        return stack.start_service("risk", module=module)
    where = str(stack.folder / "rocksdb") if loop == "quix" else stack.addresses.store
    command = [sys.executable, "-m", *module.split(), stack.bootstrap, where]
    stack.children[loop] = Child.start(loop, command, stack.folder / "logs")
    return stack.children[loop]


def send(stack: Stack, events: Wires) -> None:
    producer = Producer(
        {"bootstrap.servers": stack.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 500_000}
    )
    for key, value in events:
        producer.produce(EventAccepted.TOPIC, value=value, key=key)
    assert producer.flush(60) == 0


def reading(stack: Stack) -> Consumer:
    reader = Consumer(
        {
            "bootstrap.servers": stack.bootstrap,
            "group.id": "bench",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
            "fetch.wait.max.ms": 5,  # the embedded broker holds a fetch for all of its wait
        }
    )
    known = reader.list_topics(RiskAssessed.TOPIC, timeout=20).topics[RiskAssessed.TOPIC].partitions
    reader.assign([TopicPartition(RiskAssessed.TOPIC, p, OFFSET_BEGINNING) for p in known])  # a join takes seconds
    return reader


def throughput(stack: Stack, loop: str, events: Wires) -> dict[str, float]:
    """Catching up with a topic that is full; the first tenth is not counted."""
    send(stack, events)
    reader = reading(stack)
    child = start(stack, loop)
    warm, seen, started = len(events) // 10, 0, time.perf_counter()
    begun: dict[str, float] = {}
    while seen < len(events):
        child.must_live()
        assert time.perf_counter() < started + 240, (
            f"{loop}: {seen} of {len(events)}; see {child.log.read_text()[-2000:]}"
        )
        seen += sum(
            b'"cause":"signal"' not in (m.value() or b"") for m in reader.consume(1000, 0.1)
        )  # signals lead to more
        if not begun and seen >= warm:
            begun = {"seen": seen, "at": time.perf_counter()} | cpu(stack)
    ended, left = cpu(stack) | {"at": time.perf_counter()}, len(events) - begun["seen"]
    reader.close()
    return {"rate": left / (ended["at"] - begun["at"])} | {
        name: 1e6 * (ended[name] - begun[name]) / left for name in ended if name != "at"
    }


def cpu(stack: Stack) -> dict[str, float]:
    """CPU seconds so far: the loop, the store, the broker when it is embedded."""
    tick = os.sysconf("SC_CLK_TCK")
    found = {}
    for name, child in stack.children.items():
        if name != "mail":
            fields = Path(f"/proc/{child.process.pid}/stat").read_text().split()
            found["loop" if name in LOOPS else name] = (int(fields[13]) + int(fields[14])) / tick
    return found


def open_loop(stack: Stack) -> dict[str, float]:
    """Events at a fixed rate whatever comes back; latency from the moment each was due to its assessment, ms."""
    events = wires(OPEN_LOOP_RATE * OPEN_LOOP_S, date(2025, 3, 3))
    ids = [EventAccepted.decode(value).event_id for _, value in events]
    start(stack, "risk")
    stack.wait_ready(("risk",))
    reader = reading(stack)
    producer = Producer({"bootstrap.servers": stack.bootstrap, "linger.ms": 0})
    latencies: list[float] = []
    due: dict[str, float] = {}
    began, sent = time.perf_counter() + 1, 0
    while len(latencies) < len(events):
        now = time.perf_counter()
        assert now < began + OPEN_LOOP_S + 60, f"{len(latencies)} of {len(events)}"
        while sent < len(events) and began + sent / OPEN_LOOP_RATE <= now:
            due[ids[sent]] = began + sent / OPEN_LOOP_RATE
            producer.produce(EventAccepted.TOPIC, value=events[sent][1], key=events[sent][0])
            sent += 1
        producer.poll(0)
        for record in reader.consume(50, 0.002):
            value = record.value() or b""
            if b'"cause":"signal"' in value:
                continue
            caused = value.partition(b'"caused_by":"')[2][:36].decode()
            latencies.append(1000 * (time.perf_counter() - due[caused]))
    reader.close()
    cuts = statistics.quantiles(latencies, n=1000)
    return {"p50": cuts[499], "p99": cuts[989], "p99.9": cuts[998]}


def measure(broker: str, loops: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    runs: dict[str, list[dict[str, float]]] = {loop: [] for loop in loops}
    for turn in range(rounds):
        events = wires(EVENTS, date(2022 + turn, 1, 5))
        for loop in loops:  # by turns: the machine's own speed moves
            with running(broker) as stack:
                runs[loop].append(throughput(stack, loop, events))
            print(broker, turn + 1, loop, {k: round(v) for k, v in runs[loop][-1].items()}, flush=True)
    return {loop: report.median(each) for loop, each in runs.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=LOOPS, help="one loop on one broker, printed and not written")
    parser.add_argument("--broker", choices=("embedded", "kafka"), default="embedded")
    parser.add_argument("--open-loop", action="store_true", help="the latency alone, printed and not written")
    arguments = parser.parse_args()
    if arguments.open_loop:
        with running(arguments.broker) as stack:
            print(open_loop(stack))
        return
    if arguments.only:
        measure(arguments.broker, [arguments.only], arguments.rounds)
        return
    write(arguments.rounds)


def write(rounds: int) -> None:
    figures: dict[str, Any] = {
        b: measure(b, LOOPS if b == "kafka" else ("score", "pump", "risk"), rounds) for b in ("kafka", "embedded")
    }
    latency = {}
    for broker in ("embedded", "kafka"):
        with running(broker) as stack:
            latency[broker] = open_loop(stack)
    split, asked = steps.split(wires(EVENTS)), engines.compare()
    base = figures["kafka"]["quix"]["loop"]
    rows = [
        [
            broker,
            TITLES[loop],
            f"{f['rate']:.0f}",
            f"{f['loop']:.0f}",
            f"{f['loop'] / base:.2f}",
            f"{f.get('store', 0):.0f}",
        ]
        for broker, loops in figures.items()
        for loop, f in loops.items()
    ]
    notes = "\n".join(
        [
            "CPU of the store is that of the embedded one; RocksDB's is inside its loop. The broker of the first rows is Apache Kafka 4.4.",
            "Every loop but the pump's sends sightings; only the last row takes them in. Signals lead to assessments there that are not counted as events.",
            "",
            f"Event to assessment at {OPEN_LOOP_RATE} events/s, open loop, ms: "
            + "; ".join(f"{b}: p50 {v['p50']:.0f}, p99 {v['p99']:.0f}, p99.9 {v['p99.9']:.0f}" for b, v in latency.items()) + ".",
            "",
            "Risk's own steps, µs of CPU an event (plain functions, one event after the other): "
            + ", ".join(f"{name} {us:.0f}" for name, us in split.items()) + ".",
            "",
            "The same conditions in three engines, all of them over the facts of one application:",
            "",
            "| engine | conditions it can say | µs an application, facts handed over | µs a condition |",
            "|---|---|---|---|",
            *(f"| {e.name} | {e.said} of {e.all} | {e.total_us:.0f} | {e.total_us / e.said:.2f} |" for e in asked),
        ]
    )  # fmt: skip
    report.write(
        "risk", "The score", ["broker", "loop", "events/s", "loop CPU, µs/event", "of Quix", "store CPU, µs/event"], rows,
        {"loops": figures, "latency": latency, "steps": split, "engines": [e.__dict__ for e in asked]}, notes,
    )  # fmt: skip


if __name__ == "__main__":
    main()
