"""Other loops around the same work, each alone in its process, for `tests.bench.risk`: started with a name and a broker.

Every loop does what risk does for an event: decode, state, all conditions, explanation, sightings, messages out. They differ in who
carries events and state. None takes the sightings in: what entities and rings cost stands in the row of all of risk.
"""

import asyncio
import gc
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from services.contracts.assessments import FactRecorded, RiskAssessed
from services.contracts.message import Message
from services.contracts.network import EntitySeen
from services.contracts.passport_events import EventAccepted
from services.risk import batch, licences
from services.risk.assess import Cause, assess
from services.risk.network.look import look
from services.risk.pack import Pack
from services.risk.record import Record
from services.risk.usable import usable
from services.runtime.broker import HEARTBEAT_MS, SESSION_TIMEOUT_MS

BATCH = 500


def quix(broker: str, state: str) -> None:
    """Quix Streams with its RocksDB state: one event at a time, the record decoded, every condition asked, the record written."""
    from quixstreams import Application
    from quixstreams.models import Serializer
    from quixstreams.state import State

    class Last(Serializer):  # type: ignore[misc]
        """A message on its way is (topic, key, value)."""

        def __call__(self, value: tuple[str, bytes, bytes], ctx: Any) -> bytes:
            return value[2]

    app = Application(
        broker_address=broker, consumer_group="bench-quix", auto_offset_reset="earliest", state_dir=state, loglevel="WARNING",
        consumer_extra_config={"session.timeout.ms": SESSION_TIMEOUT_MS, "heartbeat.interval.ms": HEARTBEAT_MS},
        auto_create_topics=True, commit_interval=1.0,
    )  # fmt: skip
    raw = app.topic(EventAccepted.TOPIC, value_deserializer="bytes", key_deserializer="bytes")
    topics = {
        name: app.topic(name, value_serializer=Last(), key_serializer="bytes")
        for name in (RiskAssessed.TOPIC, EntitySeen.TOPIC)
    }
    pack = Pack.load()

    def work(payload: bytes, state: State) -> list[tuple[str, bytes, bytes]]:
        """Topic, key and value of every message out."""
        event, _ = usable(EventAccepted.decode(payload))
        if not batch.has_application(event):
            return [wire(batch.fact(event))]
        kept = orjson.loads(state.get_bytes("record") or b'{"events":[],"shown":{}}')
        record = Record(event.application_id, shown=kept["shown"])
        for each in kept["events"]:
            record.add(EventAccepted.model_validate(each))
        if not record.add(event):
            return []
        record.beside["lic"] = licences.facts(record.events.values(), {}, True)
        news = look(record, pack)
        found = [wire(assess(record, Cause.of(event), pack)), *map(wire, news)]
        events = b",".join(e.wire for e in record.events.values())
        state.set_bytes("record", b'{"events":[%s],"shown":%s}' % (events, orjson.dumps(record.shown)))
        return found

    frame = app.dataframe(raw).apply(work, stateful=True, expand=True)
    frame.to_topic(lambda message, *_: topics[message[0]], key=lambda message: message[1])
    app.run()


def wire(message: Message) -> tuple[str, bytes, bytes]:
    return message.TOPIC, message.key, message.encode()


def plain(broker: str, store: str) -> None:
    """aiokafka alone around risk's own batches, evaluator and state in the same store."""
    import uvloop

    uvloop.run(_plain(broker, store))


async def _plain(broker: str, store: str) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from pymongo import AsyncMongoClient

    from services.risk.held import Held
    from services.risk.store import MongoStore

    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(store)
    records = Held(MongoStore(client["bench_plain"], lambda: datetime.now(UTC)), 4000)
    pack = Pack.load()
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", enable_idempotence=True)
    reader = AIOKafkaConsumer(
        EventAccepted.TOPIC, bootstrap_servers=broker, group_id="bench-plain", enable_auto_commit=False,
        auto_offset_reset="earliest", session_timeout_ms=SESSION_TIMEOUT_MS, heartbeat_interval_ms=HEARTBEAT_MS,
    )  # fmt: skip
    await producer.start()
    await reader.start()

    async def send(messages: Any) -> None:
        started = [await producer.send(m.TOPIC, value=m.encode(), key=m.key) for m in messages]
        await asyncio.gather(*started)

    while True:
        polled = await reader.getmany(timeout_ms=50, max_records=BATCH)
        items = [EventAccepted.decode(r.value) for each in polled.values() for r in each]
        if items:
            await batch.work(items, records, pack, send)
            await reader.commit()


def score() -> None:
    """risk without the loops that take sightings and links in: the work of the other rows."""
    from services.risk import app, worker

    for name in ("link", "tie"):
        del worker.STREAMS[name]
    app.main()


def pump() -> None:
    """risk's own pump without the score: every event is decoded and answered by a message of the usual length."""
    from services.risk import app

    length = 6_000

    async def work(items: Any, store: Any, pack: Any, send: Any, newest: Any) -> batch.Done:
        await send(
            [
                _Padded(subject=i.application_id, caused_by=i.event_id, type=i.type, at=i.at, pad="x" * length)
                for i in items
            ]
        )
        return batch.Done()

    batch.work = work  # type: ignore[assignment]
    app.main()


class _Padded(FactRecorded):
    pad: str


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)  # as risk does
    name, *rest = sys.argv[1:]
    {"quix": quix, "plain": plain, "pump": lambda *_: pump(), "score": lambda *_: score()}[name](*rest)
