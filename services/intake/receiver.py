"""The way of a batch through the door: read, accept, one atomic write per application, send, answer, mark as sent.

Whoever gets "accepted" may forget the event: it is in the vault, and the broker has acknowledged it (promise 3).
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import orjson
import structlog
from aiokafka import AIOKafkaProducer

from services.contracts.passport_events import EventAccepted
from services.contracts.upstream import REGISTRY, UpstreamData
from services.intake import measures
from services.intake.accept import REMEMBERED, accept, related
from services.intake.check import Checked
from services.intake.store import VaultEntry, VaultStore
from services.intake.tokens import Tokeniser
from services.intake.vault import DataKey, MasterKey
from services.runtime import faults

MAX_ROUNDS = 20
Answer = Literal["accepted", "duplicate"]


class Contended(ConnectionError):
    """The same application was written by others so often that this batch should be tried later."""


@dataclass
class _Work:
    """One batch on its way."""

    answers: dict[int, Answer] = field(default_factory=dict)
    to_send: dict[str, dict[str, bytes]] = field(default_factory=dict)  # application → event → bytes


class Receiver:
    """Takes batches of checked events; safe for any number of tasks and processes beside it."""

    def __init__(
        self,
        store: VaultStore,
        producer: AIOKafkaProducer,
        master: MasterKey,
        tokens: Tokeniser,
        clock: Callable[[], datetime],
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._store, self._producer, self._master, self._tokens = store, producer, master, tokens
        self._clock, self._log = clock, log
        self._marking: set[asyncio.Task[None]] = set()

    async def take(self, batch: Sequence[Checked]) -> list[Answer]:
        """Answers in the order of the batch; raises when broker or store is away, and then nothing was promised."""
        work = _Work()
        left = dict(enumerate(batch))
        for _ in range(MAX_ROUNDS):
            left = await self._round(left, work)
            if not left:
                break
            await asyncio.sleep(0.01)
        else:
            raise Contended("vault documents are contended")
        await self._send(work.to_send)
        self._mark_later(work.to_send)
        return [work.answers[i] for i in range(len(batch))]

    async def drain(self) -> None:
        """Wait for marks in flight."""
        await asyncio.gather(*self._marking, return_exceptions=True)

    async def resend(self, since: datetime, until: datetime) -> int:
        """Send again what a crash left owed in a span of time. Returns how many events."""
        owed = dict(await self._store.owed_between(since, until))
        owed = {application: events for application, events in owed.items() if events}
        await self._send(owed)
        await self._store.mark_sent(owed)
        return sum(len(events) for events in owed.values())

    async def _round(self, left: dict[int, Checked], work: _Work) -> dict[int, Checked]:
        """One read and one write; returns those whose document somebody else wrote first."""
        subjects = {c.event.subject for c in left.values()}
        beside = {name for c in left.values() for name in related(c)}
        entries = await self._store.read([*subjects, *(beside - subjects)])
        answers: dict[int, Answer] = {}
        for index, checked in left.items():
            answers[index] = self._accept(checked, entries)
        faults.point("intake.before_vault")
        changed = [e for e in entries.values() if e.added]
        lost = await self._store.write(changed, uuid.uuid4().hex, self._clock()) if changed else set()
        faults.point("intake.after_vault")
        again: dict[int, Checked] = {}
        for index, checked in left.items():
            subject, event_id = checked.event.subject, checked.event.event_id
            if subject in lost:
                again[index] = checked
                continue
            work.answers[index] = answers[index]
            owed = entries[subject].owed.get(event_id)
            if owed is not None:  # new, or known and never marked as sent
                work.to_send.setdefault(subject, {})[event_id] = owed
        return again

    def _accept(self, checked: Checked, entries: dict[str, VaultEntry]) -> Answer:
        event = checked.event
        entry = entries[event.subject]
        if entry.has(event.event_id):
            return "duplicate"
        if not entry.key:
            entry.key = self._master.new_data_key(event.subject).wrapped
        key = self._master.unwrap(bytes(entry.key), event.subject)
        earlier = remembered(entry, key)
        for name in related(checked):
            if entries[name].key:
                earlier += remembered(entries[name], self._master.unwrap(bytes(entries[name].key), name))
        accepted = accept(checked, earlier, self._tokens)
        measures.count_fields(accepted.unreadable, checked.unknown_fields)
        sealed = key.seal(event.event_id, orjson.dumps(checked.data.model_dump(exclude_none=True)))
        entry.add(event.event_id, event.type, event.time, sealed, accepted.event.encode())
        return "accepted"

    async def _send(self, to_send: dict[str, dict[str, bytes]]) -> None:
        faults.point("intake.before_send")
        headers = [("kind", EventAccepted.__name__.encode())]
        started = [
            await self._producer.send(EventAccepted.TOPIC, value=payload, key=application.encode(), headers=headers)
            for application, events in to_send.items()
            for payload in events.values()
        ]
        await asyncio.gather(*started)
        faults.point("intake.after_send")

    def _mark_later(self, sent: dict[str, dict[str, bytes]]) -> None:
        async def mark() -> None:
            try:
                await self._store.mark_sent(sent)
            except Exception as error:  # stays owed; the sweep sends it once more, which readers tolerate
                self._log.warning("marking as sent failed", reason=type(error).__name__)

        task = asyncio.create_task(mark())
        self._marking.add(task)
        task.add_done_callback(self._marking.discard)


def remembered(entry: VaultEntry, key: DataKey) -> list[tuple[str, UpstreamData]]:
    """Clear data of the earlier events that derivations need."""
    return [
        (e["at"], REGISTRY[e["type"]].model_validate(orjson.loads(key.open(e["id"], bytes(e["sealed"])))))
        for e in entry.events
        if e["type"] in REMEMBERED
    ]
