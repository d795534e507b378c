"""How fast the door is, beside a bare loop that writes the same documents in bulk to the same store and sends the same bytes.

Batches of 500 of an office's events in order of arrival; then single events in an open loop; then the split of CPU time.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import tempfile
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import uvloop
from aiokafka import AIOKafkaProducer
from bson.binary import Binary
from pymongo import AsyncMongoClient, InsertOne, UpdateOne
from pymongo.write_concern import WriteConcern

from services.contracts.passport_events import EventAccepted
from services.embedded.keys import ISSUER
from services.embedded.stack import Stack
from services.intake.accept import REMEMBERED, accept, related
from services.intake.check import Checked, Rejected, check_value
from services.intake.store import INDEXES
from services.intake.tokens import Tokeniser
from services.intake.vault import DataKey, MasterKey
from services.runtime.documents import migrate
from services.runtime.identity import Signer
from services.runtime.settings import KafkaSettings
from services.simulator.world import Plan, World
from tests.bench import report
from tests.kafka import apache

EVENTS, BATCH = 15_000, 500
OPEN_LOOP_RATE, OPEN_LOOP_S = 200, 20
ROUNDS = 3
NOW = datetime.now(UTC)
JOURNALED = WriteConcern("majority", j=True)


def lines(first: date, count: int) -> list[dict[str, Any]]:
    """Events of an office in order of arrival; another first day is other people."""
    found = []
    for arrived in World(Plan(first, date(first.year, 12, 31), rings=1), lambda _: None).stream():
        found.append(orjson.loads(arrived.line))
        if len(found) == count:
            break
    return found


@dataclass
class Prepared:
    """What the bare loop writes: the vault entries and outgoing bytes that the door would have made."""

    steps: list[tuple[str, str, dict[str, Any], bytes]] = field(default_factory=list)
    keys: dict[str, DataKey] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)  # subject token by application


def prepare(events: list[dict[str, Any]]) -> Prepared:
    master, tokens, now = MasterKey(os.urandom(32)), Tokeniser(os.urandom(32)), datetime.now(UTC)
    made, clear = Prepared(), {}  # type: ignore[var-annotated]
    for value in events:
        checked = check_value(value, now)
        assert isinstance(checked, Checked), checked
        event = checked.event
        key = made.keys.setdefault(event.subject, master.new_data_key(event.subject))
        earlier = [e for name in (event.subject, *related(checked)) for e in clear.get(name, ())]
        accepted = accept(checked, earlier, tokens).event
        out = accepted.encode()
        if "subject_token" in accepted.data:
            made.people[event.subject] = accepted.data["subject_token"]
        if event.type in REMEMBERED:
            clear.setdefault(event.subject, []).append((event.time, checked.data))
        sealed = key.seal(event.event_id, orjson.dumps(checked.data.model_dump(exclude_none=True)))
        entry = {"id": event.event_id, "type": event.type, "at": event.time, "sealed": Binary(sealed)}
        made.steps.append((event.subject, event.event_id, entry, out))
    return made


async def bare(stack: Stack, made: Prepared, name: str, *, durable: bool) -> float:
    """Events a second of the bare loop: one bulk write and the sends of each batch, awaited together.

    Not durable: the vault documents alone, with the store's defaults. Durable: every document that the door writes (the open
    batch, the links of people, the arrivals with their index), and the last write of a batch waits for the journal, as a 202 does.
    """
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.addresses.store, w="majority" if durable else 1)
    base = client[f"bench{name}"]
    vault = base["vault"]
    if durable:
        settings = stack.store_settings.model_copy(update={"database_prefix": "bench"})
        await asyncio.to_thread(migrate, settings, name, {"arrivals": INDEXES["arrivals"]})
    known: set[str] = set()
    linked: set[str] = set()
    async with producing(stack) as producer:
        started = time.perf_counter()
        for start in range(0, len(made.steps), BATCH):
            part = made.steps[start : start + BATCH]
            added: dict[str, list[tuple[str, dict[str, Any], bytes]]] = {}
            for subject, event_id, entry, out in part:
                added.setdefault(subject, []).append((event_id, entry, out))
            writes: list[InsertOne[dict[str, Any]] | UpdateOne] = []
            for subject, each in added.items():
                events, owed = [e for _, e, _ in each], {i: Binary(o) for i, _, o in each}
                if subject in known:
                    writes.append(
                        UpdateOne({"_id": subject}, {"$push": {"events": {"$each": events}}, "$set": {"owed": owed}})
                    )
                else:
                    writes.append(
                        InsertOne(
                            {"_id": subject, "key": Binary(made.keys[subject].wrapped), "events": events, "owed": owed}
                        )
                    )
                    known.add(subject)
            batch = uuid.uuid4().hex
            if durable:
                links = [
                    {"_id": f"{made.people[s]}/{s}", "at": NOW} for s in added if s in made.people and s not in linked
                ]
                linked.update(added)
                about = {"_id": batch, "at": NOW, "applications": list(added)}
                await asyncio.gather(
                    base["open"].insert_one(about), *([base["subjects"].insert_many(links)] if links else [])
                )
            await vault.bulk_write(writes, ordered=False)
            if durable:
                arrived = {
                    "_id": batch,
                    "at": NOW,
                    "events": [e for _, e, _, _ in part],
                    "applications": [s for s, _, _, _ in part],
                }
                await base.get_collection("arrivals", write_concern=JOURNALED).insert_one(arrived)
            await asyncio.gather(*[await producer.send(EventAccepted.TOPIC, value=o, key=s.encode(), headers=[("kind", b"EventAccepted")]) for s, _, _, o in part])  # fmt: skip
            if durable:
                await base["open"].delete_many({"_id": batch})
        seconds = time.perf_counter() - started
    await client.close()
    return len(made.steps) / seconds


@contextlib.asynccontextmanager
async def producing(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    idempotent = stack.external_broker is not None
    settings = KafkaSettings(bootstrap=stack.bootstrap, asyncio_idempotence=idempotent)
    producer = AIOKafkaProducer(**settings.asyncio_producer())
    await producer.start()
    yield producer
    await producer.stop()


def door(stack: Stack, events: list[dict[str, Any]], senders: int) -> float:
    """Events a second through HTTP; each of the senders posts one batch after the other."""
    bodies = [orjson.dumps(events[i : i + BATCH]) for i in range(0, len(events), BATCH)]
    with client(stack) as http, ThreadPoolExecutor(senders) as pool:

        def post(body: bytes) -> None:
            answer = http.post("/events", content=body, headers={"Content-Type": "application/cloudevents-batch+json"})
            assert answer.status_code == 202, (answer.text, (stack.folder / "logs" / "intake.log").read_text()[-3000:])
            assert answer.json()["rejected"] == []

        started = time.perf_counter()
        list(pool.map(post, bodies))
        return len(events) / (time.perf_counter() - started)


def client(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.addresses.intake, timeout=60, headers=bearer(stack))


def bearer(stack: Stack) -> dict[str, str]:
    signer = Signer.from_file(stack.folder / "keys" / f"{ISSUER}.key.json", ISSUER)
    return {"Authorization": f"Bearer {signer.token('bench', 'tppo-intake', ['events:write'], lifetime_s=3600)}"}


async def open_loop(stack: Stack, events: list[dict[str, Any]]) -> dict[str, float]:
    """Single events at a fixed rate whatever the answers do; latency from the moment each was due, ms.

    Bare sockets: a full client's pool needs ten times the CPU of the door once requests queue up (measured with httpx).
    """
    head = f"POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer(stack)['Authorization']}\r\nContent-Type: application/cloudevents+json\r\n"
    latencies: list[float] = []
    lost = 0
    idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.LifoQueue()
    for _ in range(64):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", stack.port("intake")))
    bodies = [orjson.dumps(e) for e in events]
    started = time.perf_counter() + 1  # to make so many tasks takes longer than the first of them has

    async def one(place: int, body: bytes) -> None:
        nonlocal lost
        due = started + place / OPEN_LOOP_RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        reader, writer = await idle.get()
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(answer.split(b"content-length:")[1].split(b"\r\n")[0]))
        idle.put_nowait((reader, writer))
        latencies.append(1000 * (time.perf_counter() - due))
        lost += not answer.startswith(b"http/1.1 202")

    await asyncio.gather(*(one(n, body) for n, body in enumerate(bodies)))
    while not idle.empty():
        idle.get_nowait()[1].close()
    cuts = statistics.quantiles(latencies, n=1000)
    return {"p50": cuts[499], "p99": cuts[989], "p99.9": cuts[998], "lost": lost}


def cpu_split(events: list[dict[str, Any]]) -> dict[str, float]:
    """CPU of intake's steps, µs an event, measured on the plain functions one after the other."""
    raw, now = [orjson.dumps(e) for e in events], datetime.now(UTC)
    master, tokens = MasterKey(os.urandom(32)), Tokeniser(os.urandom(32))
    found: dict[str, float] = {}

    def timed(name: str, started: float) -> None:
        found[name] = 1e6 * (time.process_time() - started) / len(events)

    started = time.process_time()
    values = [orjson.loads(each) for each in raw]
    timed("parse", started)
    started = time.process_time()
    checked = [c for c in (check_value(v, now) for v in values) if not isinstance(c, Rejected)]
    timed("validate", started)
    clear: dict[str, list[Any]] = {}
    started = time.process_time()
    accepted = []
    for c in checked:
        accepted.append(accept(c, [e for name in (c.event.subject, *related(c)) for e in clear.get(name, ())], tokens))
        if c.event.type in REMEMBERED:
            clear.setdefault(c.event.subject, []).append((c.event.time, c.data))
    timed("tokenise and derive", started)
    key = master.new_data_key("x")
    started = time.process_time()
    for c in checked:
        key.seal(c.event.event_id, orjson.dumps(c.data.model_dump(exclude_none=True)))
    timed("encrypt", started)
    started = time.process_time()
    for a in accepted:
        a.event.encode()
    timed("encode", started)
    return found


def cpu_seconds(stack: Stack, child: str) -> float:
    fields = Path(f"/proc/{stack.children[child].process.pid}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(broker: str) -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="tppo-bench-"))
    kafka = apache.start(folder / "kafka") if broker == "kafka" else None
    stack = Stack(folder / "stack", ["polda-jateng"], f"127.0.0.1:{kafka.port}" if kafka else None, ("intake",))
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        if kafka:
            kafka.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(broker: str) -> dict[str, float]:
    """Door and bare loop by turns; the median of each."""
    ones, twos, bares, durables, cpus = [], [], [], [], []
    with running(broker) as stack:
        for turn in range(ROUNDS):
            events = lines(date(2020 + turn, 3, 2), EVENTS)
            made = prepare(events)
            before = cpu_seconds(stack, "intake")
            ones.append(door(stack, events, 1))
            cpus.append(1e6 * (cpu_seconds(stack, "intake") - before) / len(events))
            bares.append(uvloop.run(bare(stack, made, f"a{turn}", durable=False)))
            durables.append(uvloop.run(bare(stack, made, f"b{turn}", durable=True)))
            twos.append(door(stack, lines(date(2020 + turn, 9, 2), EVENTS), 2))
        single = uvloop.run(open_loop(stack, lines(date(2024, 3, 4), OPEN_LOOP_RATE * OPEN_LOOP_S)))
    one, two, slow = statistics.median(ones), statistics.median(twos), statistics.median(bares)
    same = statistics.median(durables)
    return {
        "one": one, "two": two, "bare": slow, "one_ratio": one / slow, "two_ratio": two / slow, "durable": same,
        "one_durable": one / same, "two_durable": two / same, "cpu_us": statistics.median(cpus), **single,
    }  # fmt: skip


def memory(count: int) -> list[tuple[int, float]]:
    """Resident size of intake, MB, while so many events of a very large office go through the door by two senders."""
    found: list[tuple[int, float]] = []
    with running("embedded") as stack:
        world = World(Plan(date(2024, 1, 2), date(2025, 12, 31), rate=2000), lambda _: None)
        batch: list[bytes] = []
        sent = 0
        with client(stack) as http, ThreadPoolExecutor(2) as pool:
            waiting: deque[Future[httpx.Response]] = deque()
            for arrived in world.stream():
                batch.append(arrived.line)
                if len(batch) < BATCH:
                    continue
                body, batch = b"[" + b",".join(batch) + b"]", []
                headers = {"Content-Type": "application/cloudevents-batch+json"}
                waiting.append(pool.submit(http.post, "/events", content=body, headers=headers))
                sent += BATCH
                if len(waiting) > 2:
                    assert waiting.popleft().result().status_code == 202
                if sent % (count // 10) < BATCH:
                    found.append((sent, resident_mb(stack, "intake")))
                    print(f"{sent:,} events: {found[-1][1]:.0f} MB", flush=True)
                if sent >= count:
                    return found
    return found


def resident_mb(stack: Stack, child: str) -> float:
    status = Path(f"/proc/{stack.children[child].process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", default="embedded,kafka" if shutil.which("mvn") else "embedded")
    parser.add_argument("--memory", type=int, help="feed so many events and look at the memory of intake only")
    arguments = parser.parse_args()
    if arguments.memory:
        memory(arguments.memory)
        return
    brokers = arguments.brokers.split(",")
    found = {broker: measure(broker) for broker in brokers}
    split = cpu_split(lines(date(2025, 3, 3), EVENTS))
    header = ["broker", "one sender, events/s", "two senders", "bare loop", "one / bare", "two / bare", "bare, same documents, durable", "one / that", "two / that", "intake CPU, µs/event", "single at 200/s: p50 ms", "p99 ms", "p99.9 ms", "not 202"]  # fmt: skip
    rows = [
        [b, f"{f['one']:.0f}", f"{f['two']:.0f}", f"{f['bare']:.0f}", f"{f['one_ratio']:.2f}", f"{f['two_ratio']:.2f}", f"{f['durable']:.0f}", f"{f['one_durable']:.2f}", f"{f['two_durable']:.2f}", f"{f['cpu_us']:.0f}", f"{f['p50']:.0f}", f"{f['p99']:.0f}", f"{f['p99.9']:.0f}", f"{f['lost']:.0f}"]
        for b, f in found.items()
    ]  # fmt: skip
    notes = (
        "Intake's own steps, µs of CPU an event (plain functions): "
        + ", ".join(f"{k} {v:.0f}" for k, v in split.items())
        + "."
    )
    report.write("intake", "The door", header, rows, {"brokers": found, "cpu_split_us": split}, notes)


if __name__ == "__main__":
    main()
