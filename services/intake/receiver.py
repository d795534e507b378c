"""The way through the door: events gather, and what has gathered goes in one read, one write and one send.

Whoever gets "accepted" may forget the event: it is in the vault, and the broker has acknowledged it (promise 3).
Single events that come at the same time share a write; a large batch goes in parts, so that the store works while we do.
An application is in one part at a time, so this process never races with itself; others are noticed by the version.
"""

import asyncio
import math
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
import structlog
from aiokafka import AIOKafkaProducer
from bson.binary import Binary

from services.contracts.message import Message
from services.contracts.passport_events import EventAccepted
from services.intake import measures
from services.intake.accept import accept, needs_earlier, related
from services.intake.check import Checked
from services.intake.entry import VaultEntry, kind_of
from services.intake.store import VaultStore
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey
from services.runtime import faults

PART = 180  # events of one read, write and send
BREATH = 40  # events worked on before others get their turn, some 4 ms
AT_ONCE = 3  # parts on their way together, when so many events wait
SETTLE_AFTER_S = 0.25
GATHER_S = 0.008  # how long a single event waits for others to share a write with
MAX_WAITING = 4000  # more are refused at once instead of waiting in memory
MAX_ROUNDS = 20
REMEMBERED_APPLICATIONS = 5_000  # some 15 kB each
Answer = Literal["accepted", "duplicate", "erased"]  # erased: nothing of this application is taken any more


class Contended(ConnectionError):
    """The same application was written by others so often that this batch should be tried later."""


class Busy(ConnectionError):
    """Too much waits already; nothing was taken."""


@dataclass(slots=True)
class _Waiting:
    """One event and who waits for its answer."""

    checked: Checked
    answer: "asyncio.Future[Answer]"


class Receiver:
    """Takes checked events; safe for any number of tasks and processes beside it."""

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
        self._queue: dict[str, list[_Waiting]] = {}  # by application, oldest first
        self._queued = 0
        self._hurry = False  # a batch waits: it need not gather
        self._busy: set[str] = set()  # applications on their way
        self._parts = 0
        self._at_the_store = asyncio.Semaphore(
            2
        )  # two statements at a time: more share its time and take longer (measured)
        self._settled: list[str] = []
        self._gathering = False
        self._entries: OrderedDict[str, VaultEntry] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def take(self, batch: Sequence[Checked]) -> list[Answer]:
        """Answers in the order of the batch; raises when broker or store is away, and then nothing was promised."""
        if not batch:
            return []
        if self._waiting + len(batch) > MAX_WAITING:
            raise Busy(f"{self._waiting} events are waiting already")
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(checked, loop.create_future()) for checked in batch]
        self._waiting += len(waiting)
        try:
            for each in waiting:
                self._queue.setdefault(each.checked.event.subject, []).append(each)
            self._queued += len(waiting)
            self._hurry |= len(waiting) > 1
            self._go()
            answers = await asyncio.gather(*(w.answer for w in waiting), return_exceptions=True)
        finally:
            self._waiting -= len(waiting)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [a for a in answers if not isinstance(a, BaseException)]

    async def drain(self) -> None:
        """Wait for what is in flight."""
        if self._settled:
            await self._settle()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def resend(self, until: datetime) -> int:
        """Send again what batches before a moment still owe. Returns how many messages.

        Never of a batch that may be on its way: its mark would go before its write had come.
        """
        left = await self._store.left_open(until)
        count = 0
        for batch, owed in left.items():
            await self._send(owed)
            await self._store.settle([batch])
            count += sum(len(events) for events in owed.values())
        return count

    async def send_owed(self, application_id: str, owed: Mapping[str, bytes]) -> None:
        """Send what one document owes, by name."""
        await self._send({application_id: owed})

    async def tell(self, message: Message) -> None:
        """Send one message that no document owes."""
        await self._producer.send_and_wait(
            message.TOPIC, value=message.encode(), key=message.key, headers=[("kind", type(message).__name__.encode())]
        )

    def forget(self, application_id: str | None = None) -> None:
        """Somebody changed the document by another way; without a name, all of them."""
        if application_id is None:
            self._entries.clear()
        else:
            self._entries.pop(application_id, None)

    # -- parts on their way

    def _go(self) -> None:
        """Start what can start: one part always (after gathering for a moment), more when a whole part waits."""
        if self._queue and self._parts == 0 and self._queued < PART and not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(GATHER_S, self._gathered)
            return
        while self._queue and (self._hurry or self._queued >= PART or (self._parts == 0 and not self._gathering)):
            if self._parts >= AT_ONCE or not self._start_part():
                return
            self._hurry &= bool(self._queue)

    def _gathered(self) -> None:
        self._gathering = False
        if self._queue and self._parts == 0:
            self._start_part()

    def _start_part(self) -> bool:
        """Take applications that no other part has in hand, each with all its waiting events, in the order they came."""
        part: list[_Waiting] = []
        subjects: list[str] = []
        size = math.ceil(self._queued / math.ceil(self._queued / PART))  # even parts: the last one is no straggler
        for subject in self._queue:
            if subject not in self._busy:
                subjects.append(subject)
                part += self._queue[subject]
                if len(part) >= size:
                    break
        if not part:
            return False
        for subject in subjects:
            del self._queue[subject]
        self._queued -= len(part)
        self._busy.update(subjects)
        self._parts += 1
        self._start(self._part(part, subjects))
        return True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _part(self, part: list[_Waiting], subjects: list[str]) -> None:
        try:
            await self._batch(part)
        except Exception as error:
            for each in part:
                self.forget(each.checked.event.subject)  # what its document holds is not known any more
                if not each.answer.done():
                    each.answer.set_exception(error)
        finally:
            self._busy.difference_update(subjects)
            self._parts -= 1
            self._go()

    async def _batch(self, batch: list[_Waiting]) -> None:
        left = batch
        for _ in range(MAX_ROUNDS):
            left = await self._round(left)
            if not left:
                return
            await asyncio.sleep(0.01)
        raise Contended("vault documents are contended")

    async def _round(self, waiting: list[_Waiting]) -> list[_Waiting]:
        """One read of what is not remembered and one write; returns those whose document somebody else wrote first."""
        entries = await self._read(waiting)
        answers: list[tuple[_Waiting, Answer]] = []
        for place, each in enumerate(waiting):
            if place % BREATH == BREATH - 1:
                await asyncio.sleep(0)  # the store and the broker answered other parts meanwhile
            try:
                answers.append((each, self._accept(each.checked, entries)))
            except Exception as error:  # a fault of ours with one event harms no other
                each.answer.set_exception(error)
        # Only its own: what a form is related to (a licence) may be in the hands of another part, with additions of that part.
        own = {each.checked.event.subject for each in waiting}
        changed = [e for name, e in entries.items() if name in own and e.added]
        batch, lost = uuid.uuid4().hex, set()
        faults.point("intake.before_vault")
        if changed:
            arrived = {event_id: e.application_id for e in changed for event_id in e.added_owed}
            async with self._at_the_store:
                lost = await self._store.write(changed, batch, arrived, self._clock())
        faults.point("intake.after_vault")
        to_send: dict[str, dict[str, bytes]] = {}
        for entry in changed:
            if entry.application_id in lost:
                self.forget(entry.application_id)
            else:
                entry.commit(batch)
                to_send[entry.application_id] = dict(entry.owed)
        for each, answer in answers:
            if answer == "duplicate":
                self._owed_again(each.checked, entries, to_send)
        await self._send(to_send)
        for application in to_send:
            entries[application].acknowledged()
        if changed:
            self._settle_later(batch)
        again: list[_Waiting] = []
        for each, answer in answers:
            if each.checked.event.subject in lost:
                again.append(each)
            elif not each.answer.done():
                each.answer.set_result(answer)
        return again

    async def _read(self, waiting: list[_Waiting]) -> dict[str, VaultEntry]:
        """Documents of the batch and of what it is related to; those read last are remembered."""
        names = {w.checked.event.subject for w in waiting} | {n for w in waiting for n in related(w.checked)}
        found = {n: self._entries[n] for n in names if n in self._entries}
        missing = sorted(names - found.keys())
        if missing:
            async with self._at_the_store:
                read = await self._store.read(missing)
                still_open = await self._store.still_open(e.batch for e in read.values() if e.owed)
            for name, entry in read.items():
                entry.owed_is_open = entry.batch in still_open
                # another part may have read and changed it meanwhile; the remembered one is the newer
                found[name] = self._entries.setdefault(name, entry)
        for name in found:
            if name in self._entries:
                self._entries.move_to_end(name)
        while len(self._entries) > REMEMBERED_APPLICATIONS:
            self._entries.popitem(last=False)
        return found

    def _accept(self, checked: Checked, entries: Mapping[str, VaultEntry]) -> Answer:
        event = checked.event
        entry = entries[event.subject]
        if entry.has(event.event_id):
            return "duplicate"
        if entry.state == "erased":
            return "erased"
        key = entry.key(self._master)
        earlier = []
        if needs_earlier(checked):
            earlier = entry.remembered(self._master)
            for name in related(checked):
                earlier = earlier + entries[name].remembered(self._master)
        accepted = accept(checked, earlier, self._tokens)
        measures.count_fields(accepted.unreadable, checked.unknown_fields)
        sealed = key.seal(event.event_id, orjson.dumps(checked.data.model_dump(exclude_none=True)))
        stored = {"id": event.event_id, "type": event.type, "at": event.time, "sealed": Binary(sealed)}
        entry.add(stored, checked.data, accepted.event.encode(), accepted.event.data.get("subject_token"))
        return "accepted"

    def _owed_again(
        self, checked: Checked, entries: Mapping[str, VaultEntry], to_send: dict[str, dict[str, bytes]]
    ) -> None:
        """A known event that may never have been sent is sent again before it is answered."""
        entry = entries[checked.event.subject]
        owed = entry.owed.get(checked.event.event_id) if entry.owed_is_open else None
        if owed is not None:
            to_send.setdefault(entry.application_id, {})[checked.event.event_id] = owed

    async def _send(self, to_send: Mapping[str, Mapping[str, bytes]]) -> None:
        if not to_send:
            return
        faults.point("intake.before_send")
        started = [
            await self._producer.send(
                EventAccepted.TOPIC, value=bytes(payload), key=application.encode(), headers=[("kind", kind_of(name))]
            )
            for application, events in to_send.items()
            for name, payload in events.items()
        ]
        await asyncio.gather(*started)
        faults.point("intake.after_send")

    def _settle_later(self, batch: str) -> None:
        """The batch is acknowledged; several are taken from the store in one statement."""
        if not self._settled:
            asyncio.get_running_loop().call_later(SETTLE_AFTER_S, lambda: self._start(self._settle()))
        self._settled.append(batch)

    async def _settle(self) -> None:
        settled, self._settled = self._settled, []
        try:
            async with self._at_the_store:
                await self._store.settle(settled)
        except Exception as error:  # stays open; the sweep sends it once more, which readers tolerate
            self._log.warning("marking as sent failed", reason=type(error).__name__)
