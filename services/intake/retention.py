"""How long the vault keeps clear data (privacy-and-safety.md, section 2): 90 days after the last event of an application, longer
only while a case needs it. At the end the key is destroyed; tokens and coded facts live on where they were sent.

"90 days in clear" is read as 90 days after the application's last event: one key seals all its events.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer

from services.contracts.cases import RetentionSet
from services.contracts.fields import parse_time
from services.intake import measures
from services.intake.store import SEEN_DAYS, VaultStore
from services.runtime.away import AWAY

CLEAR_DAYS = 90
A_RUN = 500  # batches or applications of one step
EVERY_S = 3600
BACKOFF_S = 1.0


async def run(store: VaultStore, now: datetime) -> int:
    """One run: what is past its time is destroyed. Returns how many applications; safe to repeat at any point."""
    due, done = now - timedelta(days=CLEAR_DAYS), 0
    since = await store.mark("retention") or datetime.min.replace(tzinfo=now.tzinfo, year=1970)
    while batches := await store.arrived(since, due, A_RUN):
        names = sorted({name for _, applications in batches for name in applications})
        done += await _destroy(store, names, due, now)
        since = batches[-1][0] + timedelta(milliseconds=1)
        await store.set_mark("retention", since)
        if len(batches) < A_RUN:
            break
    while names := await store.no_longer_kept(now, A_RUN):
        done += await _destroy(store, names, due, now)
        for name in names:
            await store.keep_no_longer(name)
    await store.unlink_older(now - timedelta(days=SEEN_DAYS))
    measures.DESTROYED.inc(done)
    return done


async def _destroy(store: VaultStore, names: list[str], due: datetime, now: datetime) -> int:
    needed = await store.still_kept(names, now)
    return await store.destroy([n for n in names if n not in needed], due)


async def forever(store: VaultStore, clock: Callable[[], datetime], log: structlog.typing.FilteringBoundLogger) -> None:
    """A run every hour."""
    while True:
        try:
            destroyed = await run(store, clock())
        except AWAY as error:
            log.warning("retention waits", reason=type(error).__name__)
            await asyncio.sleep(BACKOFF_S)
            continue
        if destroyed:
            log.info("end of retention", applications=destroyed)
        await asyncio.sleep(EVERY_S)


async def follow(consumer: AIOKafkaConsumer, store: VaultStore, log: structlog.typing.FilteringBoundLogger) -> None:
    """What cases say about how long they need an application (topic `case-outcomes`)."""
    while True:
        for partition, records in (await consumer.getmany(timeout_ms=1000, max_records=200)).items():
            for record in records:
                await _until_kept(store, record, log)
            if partition in consumer.assignment():
                await consumer.commit({partition: records[-1].offset + 1})


async def _until_kept(store: VaultStore, record: Any, log: structlog.typing.FilteringBoundLogger) -> None:
    if (b"RetentionSet") not in dict(record.headers or ()).values() or record.value is None:
        return
    try:
        wanted = RetentionSet.decode(record.value)
    except ValueError as error:
        # Longer than needed is the safe side: what cannot be read shortens nothing.
        log.error("retention cannot be read", offset=record.offset, reason=type(error).__name__)
        return
    while True:
        try:
            await store.keep(wanted.application_id, parse_time(wanted.keep_until), wanted.reason)
            return
        except AWAY as error:
            log.warning("retention waits", reason=type(error).__name__)
            await asyncio.sleep(BACKOFF_S)
