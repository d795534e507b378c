"""The topic door: reads `passport-raw` in both modes of the CloudEvents Kafka binding and takes the same way as HTTP."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import CommitFailedError, IllegalStateError

from services.contracts import envelope, ids
from services.contracts.dead_letters import RawRejected
from services.intake import measures
from services.intake.check import Checked, Rejected, check, check_value, parse, reject
from services.intake.receiver import Receiver
from services.intake.rejects import RejectStore
from services.intake.store import VaultStore
from services.runtime import faults
from services.runtime.away import AWAY
from services.runtime.health import Health
from services.runtime.settings import KafkaSettings

TOPIC = "passport-raw"
BACKOFF_S = 1.0
TURN_MS = 200
MAX_UNEXPECTED = 20


class RawDoor:
    """One consumer; offsets are committed after the batch is accepted, sent, and its rejects are put aside."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        producer: AIOKafkaProducer,
        receiver: Receiver,
        store: VaultStore,
        rejects: RejectStore,
        health: Health,
        clock: Callable[[], datetime],
        log: structlog.typing.FilteringBoundLogger,
        truncate: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._truncate, self._erased_seen = truncate, False
        self._consumer, self._producer, self._receiver, self._store = consumer, producer, receiver, store
        self._rejects, self._health, self._clock, self._log = rejects, health, clock, log
        self._unexpected = 0

    async def run(self) -> None:
        while True:
            polled = await self._consumer.getmany(timeout_ms=TURN_MS, max_records=500)
            self._health.turned()
            self._health.assigned = bool(self._consumer.assignment())
            for partition, records in polled.items():
                await self._until_done(partition, records)

    async def _until_done(self, partition: TopicPartition, records: Sequence[Any]) -> None:
        """Try without limit while broker or store is away: the partition waits, nothing is skipped."""
        while partition in self._consumer.assignment():
            try:
                await self._batch(records)
                faults.point("intake.raw_before_commit")
                await self._consumer.commit({partition: records[-1].offset + 1})
                if self._erased_seen and self._truncate:
                    await self._truncate()
                    self._erased_seen = False
            except (CommitFailedError, IllegalStateError):
                return  # the partition was lost; its owner reads again, and all effects are safe to repeat
            except AWAY as error:
                self._health.set_away(type(error).__name__)
                self._health.turned()
                self._log.warning("passport-raw waits", reason=type(error).__name__)
                await asyncio.sleep(BACKOFF_S)
                continue
            self._health.set_away(None)
            return

    async def _batch(self, records: Sequence[Any]) -> None:
        """The whole batch; when something unexpected happens, one by one, so that one event harms no other."""
        try:
            await self._take_all(records)
        except AWAY:
            raise
        except Exception as error:
            if len(records) > 1:
                for record in records:
                    await self._batch([record])
                return
            self._unexpected += 1
            if self._unexpected > MAX_UNEXPECTED:
                raise  # a bad deploy must not empty the topic into dead letters
            self._log.error("unexpected", reason=type(error).__name__, exc_info=error)
            why = reject(500, "", "unexpected", kind=type(error).__name__)
            await self._put_aside([(records[0], why)], self._clock())

    async def _take_all(self, records: Sequence[Any]) -> None:
        now = self._clock()
        results = [read(record, now) for record in records]
        refused = [(r, x) for r, x in zip(records, results, strict=True) if isinstance(x, Rejected)]
        good = [x for x in results if isinstance(x, Checked)]
        answers = await self._take(good)
        await self._put_aside(refused, now)
        self._erased_seen |= "erased" in answers  # the topic holds it in clear: not longer than it must
        measures.count_taken("topic", good, answers)

    async def _take(self, good: list[Checked]) -> list[str]:
        return [str(answer) for answer in await self._receiver.take(good)] if good else []

    async def _put_aside(self, refused: Sequence[tuple[Any, Rejected]], now: datetime) -> None:
        if not refused:
            return
        letters = []
        for record, why in refused:
            reference = str(
                uuid.uuid5(ids.NAMESPACE, f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}")
            )
            letters.append((reference, record, why))
            measures.count_rejected("topic", why)
        await self._store.keep_rejects(
            [self._rejects.seal(ref, record.value or b"", why, now, record.key) for ref, record, why in letters]
        )
        sends = [
            await self._producer.send(
                RawRejected.TOPIC,
                value=RawRejected(
                    reference=ref,
                    faults=list(why.faults),
                    partition=record.partition,
                    offset=record.offset,
                    at=now.isoformat(),
                ).encode(),
                key=ref.encode(),
                headers=[("kind", b"RawRejected"), ("dlq-kind", b"reject")],
            )
            for ref, record, why in letters
        ]
        await asyncio.gather(*sends)


async def truncate(kafka: KafkaSettings, group: str) -> None:
    """Delete from the topic what the group has taken: there it stands in clear, in the vault it is sealed (Kafka only)."""
    admin = AIOKafkaAdminClient(**kafka.asyncio_consumer())
    await admin.start()
    try:
        taken = await admin.list_consumer_group_offsets(group)
        before = {
            p: RecordsToDelete(before_offset=o.offset) for p, o in taken.items() if p.topic == TOPIC and o.offset > 0
        }
        if before:
            await admin.delete_records(before, timeout_ms=10_000)
    finally:
        await admin.close()


def read(record: Any, now: datetime) -> Checked | Rejected:
    """One record: binary mode when there are `ce_` headers, structured mode else."""
    value: bytes | None = record.value
    if value is None:
        return reject(400, "", "empty")
    attributes: dict[str, Any] = {}
    for name, content in record.headers or ():
        if name.startswith("ce_"):
            try:
                attributes[name.removeprefix("ce_")] = content.decode()
            except UnicodeDecodeError:
                return reject(400, name, "utf8")
    if not attributes:
        return check(value, now)
    if len(value) > envelope.MAX_EVENT_BYTES:
        return reject(413, "", "event_size", bytes=envelope.MAX_EVENT_BYTES)
    data = parse(value)
    return data if isinstance(data, Rejected) else check_value(attributes | {"data": data}, now)
