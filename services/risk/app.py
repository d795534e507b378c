"""Wiring of risk: faust is the pump, state is in the document store, and no exception leaves the loop.

Measured: faust acks a batch whose body raises or is cancelled, and then it is lost. So every failure is dealt with
inside, and whatever cannot be ends the process without a commit: the batch is read again.
"""

import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import faust
import structlog
from aiokafka import AIOKafkaProducer

from services.contracts.calendar import local_date
from services.contracts.message import Message
from services.contracts.passport_events import (
    ApplicationErased,
    ApplicationReleased,
    ApplicationRestricted,
    EventAccepted,
    TokenKeysRotated,
)
from services.contracts.tokens import Newer
from services.risk import batch, measures, rekey
from services.risk.active import ActivePack
from services.risk.held import Held
from services.risk.settings import RiskSettings
from services.risk.store import INDEXES, MongoStore
from services.risk.transport import PromptTransport
from services.runtime import dead_letter, faults, health, logs, metrics
from services.runtime.away import AWAY
from services.runtime.broker import HEARTBEAT_MS, SESSION_TIMEOUT_MS, Incoming, Outgoing
from services.runtime.documents import connect_async, migrate_async
from services.runtime.failures import Reject
from services.runtime.identity import Signer
from services.runtime.newest import Newest
from services.runtime.watchdog import Progress, watch

T = TypeVar("T")
# A message without a kind is an event: the topic was written by hand.
KINDS: dict[str, type[EventAccepted | ApplicationRestricted | TokenKeysRotated]] = {"": EventAccepted}
KINDS |= {
    k.__name__: k
    for k in (EventAccepted, ApplicationRestricted, ApplicationReleased, ApplicationErased, TokenKeysRotated)
}
BACKOFF_S = 1.0
EXIT_UNEXPECTED = 70


class Pump:
    """Takes batches from faust until the process ends."""

    def __init__(
        self, settings: RiskSettings, log: structlog.typing.FilteringBoundLogger, state: health.Health
    ) -> None:
        self._settings, self._log, self._health = settings, log, state
        self.active = ActivePack(settings.packs, lambda: local_date(datetime.now(UTC)))
        self._newest = Newest(settings.intake_url, Signer.from_file(settings.key_file, "risk"), "risk")
        self._rotated = asyncio.Event()
        self._rotated.set()  # look at start: a move may have been cut short
        self._unexpected = 0
        self.busy = False
        self.progress = Progress()
        self.keys: dict[str, Any] = {"moving": False}

    async def start(self) -> None:
        """Connect; then also move to newer keys when a move was cut short."""
        database = connect_async(self._settings.store, "risk")
        await migrate_async(database, INDEXES)
        self._store = MongoStore(database, lambda: datetime.now(UTC))
        self._records = Held(self._store, self._settings.held)
        self._producer = AIOKafkaProducer(**self._settings.kafka.asyncio_producer())
        await self._producer.start()
        self._log.info("started", **self.active.state())

    async def take(self, messages: Sequence[Incoming]) -> None:
        """Returns only when every message has had its outcome."""
        started = time.monotonic()
        self._health.turned()
        items = []
        for message in messages:
            item = await self._decoded(message)
            if isinstance(item, TokenKeysRotated):
                await self._without_limit(partial(self._store.want_version, item.version))
                self._rotated.set()
            elif item is not None:
                items.append((message, item))
        await self._work(items)
        measures.BATCH_EVENTS.observe(len(messages))
        measures.BATCH_SECONDS.observe(time.monotonic() - started)

    async def _decoded(self, message: Incoming) -> batch.Item | TokenKeysRotated | None:
        model = KINDS.get(message.kind)
        if model is None or message.value is None:
            metrics.MESSAGES.labels(message.topic, "ignored").inc()
            return None
        try:
            return model.decode(message.value)
        except ValueError as error:  # includes pydantic's and orjson's
            await self._put_aside(message, "reject", f"cannot be decoded: {type(error).__name__}")
            return None

    async def _work(self, events: Sequence[tuple[Incoming, batch.Item]]) -> None:
        """The whole batch; when it fails, each half of it, so that one poison event harms no other and is found in few steps."""
        if not events:
            return
        self.progress.moved()
        try:
            items = [item for _, item in events]
            step = partial(batch.work, items, self._records, self.active.pack, self._send, self._newest_of)
            self._count(await self._without_limit(step))
            metrics.MESSAGES.labels(EventAccepted.TOPIC, "handled").inc(len(events))
        except Exception as error:
            if len(events) > 1:
                half = len(events) // 2
                await self._work(events[:half])
                await self._work(events[half:])
                return
            if isinstance(error, Reject):
                await self._put_aside(events[0][0], "reject", str(error))
                return
            self._unexpected += 1
            await self._put_aside(events[0][0], "unexpected", type(error).__name__, error)
            if self._unexpected > self._settings.max_unexpected:
                self._log.error("too many unexpected errors", count=self._unexpected)
                os._exit(EXIT_UNEXPECTED)

    def look_at_the_rules(self) -> None:
        """Between two batches: a batch is judged by one pack."""
        if said := self.active.look():
            (self._log.error if self.active.refused else self._log.info)("rules", said=said)

    async def rekey(self) -> None:
        """Move the store whenever newer token keys were announced; beside the work of events."""
        while True:
            await self._rotated.wait()
            self._rotated.clear()
            wanted, done = await self._without_limit(self._store.versions)
            if wanted > done:
                self.keys = {"moving": True, "token_version": done}
                moved = await self._without_limit(partial(rekey.move, self._store, wanted, self._newest_of))
                self._log.info("on newer token keys", version=wanted, moved=moved)
            self.keys = {"moving": False, "token_version": max(wanted, done)}

    def must_not_end(self, task: "asyncio.Task[None]") -> None:
        """An unexpected end of the mover is in the log; records still move when they are touched."""
        if not task.cancelled() and task.exception() is not None:
            self._log.error("moving to newer keys ended", exc_info=task.exception())
            self.keys = {"moving": False, "failed": type(task.exception()).__name__}

    async def _newest_of(self, tokens: Iterable[str], at_least: int) -> Newer:
        return Newer(*await asyncio.to_thread(self._newest, tokens, at_least))

    async def _without_limit(self, step: Callable[[], Awaitable[T]]) -> T:
        """Wait for broker, store and keys as long as it takes."""
        while True:
            try:
                done = await step()
            except AWAY as error:
                self._health.set_away(type(error).__name__)
                self._health.turned()
                self.progress.moved()
                self._log.warning("waiting", reason=type(error).__name__)
                await asyncio.sleep(BACKOFF_S)
                continue
            self._health.set_away(None)
            return done

    async def _send(self, messages: Sequence[Message]) -> None:
        started = [
            await self._producer.send(
                m.TOPIC, value=m.encode(), key=m.key, headers=[("kind", type(m).__name__.encode())]
            )
            for m in messages
        ]
        await asyncio.gather(*started)

    async def _put_aside(self, message: Incoming, kind: str, reason: str, error: BaseException | None = None) -> None:
        letter: Outgoing = dead_letter.letter(message, kind, reason, 1, error)
        self._log.warning("dead letter", topic=message.topic, offset=message.offset, kind=kind, reason=reason)
        while True:
            try:
                await self._producer.send_and_wait(
                    letter.topic, letter.value, key=letter.key, headers=list(letter.headers)
                )
                return
            except AWAY as away:
                self._health.set_away(type(away).__name__)
                self.progress.moved()
                await asyncio.sleep(BACKOFF_S)

    def _count(self, done: batch.Done) -> None:
        for assessed in done.assessments:
            measures.ASSESSMENTS.labels(str(assessed.level), assessed.cause).inc()
            for finding in assessed.findings:
                measures.FINDINGS.labels(finding.id).inc()
        measures.RECORDED.inc(len(done.recorded))
        measures.KNOWN.inc(done.known)
        for type_, name in done.unusable:
            measures.UNUSABLE.labels(type_, name).inc()


class _App(faust.App):
    def _new_transport(self) -> PromptTransport:
        return PromptTransport(self.conf.broker_consumer, self)


def make_app(settings: RiskSettings) -> faust.App:
    """The faust application; the settings beside it are those that were measured to lose nothing."""
    log = logs.set_up("risk")
    state = health.Health()
    pump = Pump(settings, log, state)
    health.serve(
        settings.admin_host,
        settings.admin_port,
        state,
        {"/keys": lambda: pump.keys, "/pack": lambda: pump.active.state()},
    )
    app = _App(
        "risk",
        broker=[f"kafka://{server}" for server in settings.kafka.bootstrap.split(",")],
        broker_session_timeout=SESSION_TIMEOUT_MS / 1000,
        broker_heartbeat_interval=HEARTBEAT_MS / 1000,
        broker_rebalance_timeout=SESSION_TIMEOUT_MS / 1000,
        broker_commit_interval=1.0,
        broker_max_poll_records=settings.batch,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=True,
        stream_buffer_maxsize=32768,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        autodiscover=False,
        datadir=Path(tempfile.gettempdir()) / "tppo-risk",  # nothing is kept there: no tables
    )
    topic = app.topic(
        EventAccepted.TOPIC, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    @app.agent(topic, concurrency=1)
    async def assess(stream: Any) -> None:
        await pump.start()
        rekeying = asyncio.create_task(pump.rekey())
        rekeying.add_done_callback(pump.must_not_end)
        try:
            async for events in stream.take_events(settings.batch, within=settings.within_s):
                pump.busy = True
                await pump.take([_incoming(event) for event in events])
                faults.point("risk.before_commit")
                pump.busy = False
        except BaseException as error:
            # A body that raises or is cancelled is acked, and its batch lost: end the process, so that it is read again.
            if pump.busy or not app.should_stop:
                log.error("the loop ended", reason=type(error).__name__, exc_info=error)
                sys.stderr.flush()
                os._exit(EXIT_UNEXPECTED)
            raise

    @app.task
    async def turn() -> None:
        pump.progress.moved()
        watch(pump.progress, settings.stalled_after_s, log)
        while not app.should_stop:
            state.turned()
            if not pump.busy:
                pump.progress.moved()
            state.assigned = bool(app.consumer.assignment())
            pump.look_at_the_rules()
            await asyncio.sleep(0.5)

    return app


def _incoming(event: Any) -> Incoming:
    message = event.message
    headers = message.headers or {}
    pairs = headers.items() if hasattr(headers, "items") else headers
    return Incoming(message.topic, message.partition, message.offset, message.key, message.value, dict(pairs))


def main() -> None:
    import mode.loop

    mode.loop.use("uvloop")
    app = make_app(RiskSettings.load())
    # Records in hand are many small objects: the usual thresholds scan them over and over (measured: a tenth of the CPU).
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    app.Worker(loglevel="WARN", quiet=True, blocking_timeout=30.0, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
