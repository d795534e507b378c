"""Wiring of intake: settings in, HTTP and topic doors up, until a signal ends it."""

import asyncio
import contextlib
import gc
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from services.contracts import regions
from services.contracts.cases import RetentionSet
from services.intake import measures, retention
from services.intake.http import make_app
from services.intake.keyring import Keyring
from services.intake.limits import RateLimit
from services.intake.raw import TOPIC, RawDoor, truncate
from services.intake.receiver import Receiver
from services.intake.rejects import RejectStore
from services.intake.settings import IntakeSettings
from services.intake.store import INDEXES, VaultStore
from services.intake.subjects import Subjects
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey
from services.runtime import health, logs
from services.runtime.away import AWAY
from services.runtime.broker import HEARTBEAT_MS, SESSION_TIMEOUT_MS
from services.runtime.documents import connect_async, migrate
from services.runtime.identity import Follower, Verifier

GROUP = "intake"
WATCH_EVERY_S = 60
COLLECT_EVERY = 15  # turns of the watch


def now() -> datetime:
    return datetime.now(UTC)


async def run(settings: IntakeSettings) -> None:
    log = logs.set_up("intake")
    regions.desa()  # read now: the first event must not wait for it
    state = health.Health()
    keyring: list[Keyring] = []  # there once the store is
    pages = {"/unknown-fields": lambda: dict(measures.unknown_names), "/keys": lambda: [k.state() for k in keyring]}
    health.serve(settings.admin_host, settings.admin_port, state, pages)
    await asyncio.to_thread(migrate, settings.store, "intake", INDEXES)
    database = connect_async(settings.store, "intake")
    store, master = VaultStore(database), MasterKey(*settings.master_keys)
    tokens, rejects = Tokeniser(*settings.token_keys), RejectStore(store, master)
    producer = AIOKafkaProducer(**settings.kafka.asyncio_producer())
    consumer, outcomes = _consumer(settings, TOPIC, GROUP), _consumer(settings, RetentionSet.TOPIC, "intake-retention")
    await producer.start()
    await consumer.start()
    await outcomes.start()
    truncate_raw = partial(truncate, settings.kafka, GROUP) if settings.truncate_raw else None
    receiver = Receiver(store, producer, master, tokens, now, log)
    keyring.append(Keyring(master, tokens, store, receiver, now))
    door = RawDoor(consumer, producer, receiver, store, rejects, state, now, log, truncate_raw)
    verifier = Verifier(settings.jwks_dir, settings.audience)
    if settings.jwks_urls:
        Follower(verifier, settings.jwks_urls).start()
    api = make_app(
        receiver=receiver, store=store, rejects=rejects, master=master, tokens=tokens,
        verifier=verifier, clock=now, log=log,
        subjects=Subjects(store, receiver, master, tokens, now, truncate_raw),
        limit=RateLimit(settings.rate_per_client, settings.burst_per_client), body_timeout_s=settings.body_timeout_s,
    )  # fmt: skip
    server = uvicorn.Server(
        uvicorn.Config(
            api,
            settings.host,
            settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    log.info("started", api=f"http://{settings.host}:{settings.port}")
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(server.serve()),
        asyncio.create_task(door.run()),
        asyncio.create_task(_sweep(receiver, settings.resend_after_s, log)),
        asyncio.create_task(_watch(store, settings.reveal_alarm, log)),
        asyncio.create_task(keyring[0].follow(log)),
        asyncio.create_task(retention.follow(outcomes, store, log)),
        asyncio.create_task(retention.forever(store, now, log)),
    ]
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await receiver.drain()
    for each in (consumer, outcomes):
        if each.assignment():  # else it is joining, and to leave then wedges the embedded broker's group (measured)
            await each.stop()
    await producer.stop()
    for task in done - {waiting}:
        task.result()  # an unexpected end is an error, not a stop


def _consumer(settings: IntakeSettings, topic: str, group: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        topic, **settings.kafka.asyncio_consumer(), group_id=group, enable_auto_commit=False, auto_offset_reset="earliest",
        session_timeout_ms=SESSION_TIMEOUT_MS, heartbeat_interval_ms=HEARTBEAT_MS,
    )  # fmt: skip


async def _sweep(receiver: Receiver, after_s: float, log: Any) -> None:
    """Send again what a crash left owed, once it is too old to be in flight."""
    while True:
        measures.look_at_the_clock(now())
        with contextlib.suppress(*AWAY):
            again = await receiver.resend(now() - timedelta(seconds=after_s))
            if again:
                measures.RESENT.inc(again)
                log.info("sent again", events=again)
        await asyncio.sleep(after_s / 2)


async def _watch(store: VaultStore, limit: int, log: Any) -> None:
    """Who looks at many people in an hour: a gauge for the alert, and the actors' references in the log."""
    for turn in count():
        if turn % COLLECT_EVERY == COLLECT_EVERY - 1:
            gc.collect()  # see main: what the rare collections leave
        with contextlib.suppress(*AWAY):
            many = {a: n for a, n in (await store.looked_at(now() - timedelta(hours=1))).items() if n > limit}
            measures.LOOKED_AT_MANY.set(len(many))
            for actor, seen in sorted(many.items()):
                log.warning("many applications revealed", actor=actor, applications=seen)
        await asyncio.sleep(WATCH_EVERY_S)


def main() -> None:
    import uvloop

    # Tens of thousands of remembered applications live long: a full collection over them stops the door for a quarter second,
    # so it is made every quarter of an hour instead of every few seconds.
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    uvloop.run(run(IntakeSettings.load()))


if __name__ == "__main__":
    main()
