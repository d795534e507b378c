"""The pump: batches in, outcomes out, and no exception leaves it.

Measured: faust acks a batch whose body raises or is cancelled, and then it is lost. So every failure is dealt with here, and whatever
cannot be ends the process without a commit: the batch is read again.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from services.contracts.message import Message
from services.risk import measures
from services.risk.settings import RiskSettings
from services.runtime import dead_letter, health, metrics
from services.runtime.away import AWAY
from services.runtime.broker import Incoming, Outgoing
from services.runtime.failures import Reject
from services.runtime.watchdog import Progress

T = TypeVar("T")
Kinds = Mapping[str, type[Message]]
BACKOFF_S = 1.0
EXIT_UNEXPECTED = 70


@lru_cache(maxsize=50_000)
def _place(key: bytes, count: int) -> int:
    """The partition where every client puts a key; remembered, since the hash is plain Python and the same keys come again (measured)."""
    return int(murmur2(key) & 0x7FFFFFFF) % count


@cache
def _kind(model: type[Message]) -> list[tuple[str, bytes]]:
    """Header of every message of ours."""
    return [("kind", model.__name__.encode())]


class Parts:
    """What every pump of this worker shares: settings, log, health, producer."""

    def __init__(
        self, settings: RiskSettings, log: structlog.typing.FilteringBoundLogger, state: health.Health
    ) -> None:
        self.settings, self.log, self.health = settings, log, state
        self.unexpected = 0
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                self._producer = AIOKafkaProducer(**self.settings.kafka.asyncio_producer())
                await self._producer.start()
        return self._producer

    async def send(self, messages: Sequence[Message]) -> None:
        """All of them started, then all awaited: one delivery at a time would be the cost of the batch (measured).

        Batches are filled here: a call and a future for each message were a seventh of the loop's work (measured).
        """
        producer = await self.producer()
        counts = {topic: len(await producer.partitions_for(topic)) for topic in {m.TOPIC for m in messages}}
        filling: dict[tuple[str, int], BatchBuilder] = {}
        started: list[asyncio.Future[object]] = []
        for m in messages:
            key = m.key
            place = m.TOPIC, _place(key, counts[m.TOPIC])
            record = {"timestamp": None, "key": key, "value": m.encode(), "headers": _kind(type(m))}
            batch = filling.get(place)
            while batch is None or batch.append(**record) is None:
                if batch is not None:  # it is full
                    started.append(await producer.send_batch(batch, place[0], partition=place[1]))
                batch = filling[place] = producer.create_batch()
        started += [await producer.send_batch(b, topic, partition=p) for (topic, p), b in filling.items()]
        await asyncio.gather(*started)

    async def without_limit(self, step: Callable[[], Awaitable[T]], progress: Progress | None = None) -> T:
        """Wait for broker, store and keys as long as it takes."""
        while True:
            try:
                done = await step()
            except AWAY as error:
                self.health.set_away(type(error).__name__)
                self.health.turned()
                if progress is not None:
                    progress.moved()
                self.log.warning("waiting", reason=type(error).__name__)
                await asyncio.sleep(BACKOFF_S)
                continue
            self.health.set_away(None)
            return done


class Pump:
    """Takes batches of one stream from faust until the process ends. `work` does a batch and may be called again with the same."""

    def __init__(self, parts: Parts, kinds: Kinds, work: Callable[[list[Any]], Awaitable[None]]) -> None:
        self._parts, self._kinds, self._do = parts, kinds, work
        self.busy = False
        self.progress = Progress()

    async def take(self, messages: Sequence[Incoming]) -> None:
        """Returns only when every message has had its outcome."""
        started = time.monotonic()
        self._parts.health.turned()
        items = [(m, item) for m in messages if (item := await self._decoded(m)) is not None]
        await self._work(items)
        measures.BATCH_EVENTS.observe(len(messages))
        measures.BATCH_SECONDS.observe(time.monotonic() - started)

    async def _decoded(self, message: Incoming) -> Message | None:
        model = self._kinds.get(message.kind)
        if model is None or message.value is None:
            metrics.MESSAGES.labels(message.topic, "ignored").inc()
            return None
        try:
            return model.decode(message.value)
        except ValueError as error:  # includes pydantic's and orjson's
            await self._put_aside(message, "reject", f"cannot be decoded: {type(error).__name__}")
            return None

    async def _work(self, events: Sequence[tuple[Incoming, Message]]) -> None:
        """The whole batch; when it fails, each half of it, so that one poison event harms no other and is found in few steps."""
        if not events:
            return
        self.progress.moved()
        try:
            await self._parts.without_limit(lambda: self._do([item for _, item in events]), self.progress)
            for topic, count in Counter(message.topic for message, _ in events).items():
                metrics.MESSAGES.labels(topic, "handled").inc(count)
        except Exception as error:
            if len(events) > 1:
                half = len(events) // 2
                await self._work(events[:half])
                await self._work(events[half:])
                return
            if isinstance(error, Reject):
                await self._put_aside(events[0][0], "reject", str(error))
                return
            self._parts.unexpected += 1
            await self._put_aside(events[0][0], "unexpected", type(error).__name__, error)
            if self._parts.unexpected > self._parts.settings.max_unexpected:
                self._parts.log.error("too many unexpected errors", count=self._parts.unexpected)
                os._exit(EXIT_UNEXPECTED)

    async def _put_aside(self, message: Incoming, kind: str, reason: str, error: BaseException | None = None) -> None:
        letter: Outgoing = dead_letter.letter(message, kind, reason, 1, error)
        self._parts.log.warning("dead letter", topic=message.topic, offset=message.offset, kind=kind, reason=reason)

        async def send() -> None:
            producer = await self._parts.producer()
            await producer.send_and_wait(letter.topic, letter.value, key=letter.key, headers=list(letter.headers))

        await self._parts.without_limit(send, self.progress)
