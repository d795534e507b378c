"""The work of one batch: read what is needed, assess event by event, send everything, then write. No broker, no clock.

Sends are acknowledged before the state is written, and the state is written before the caller commits (promise 1).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from services.contracts.assessments import FactRecorded, RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.contracts.upstream import REGISTRY
from services.risk import licences
from services.risk.assess import assess
from services.risk.pack import Pack
from services.risk.record import Record
from services.risk.records import RecordStore
from services.runtime import faults

MAX_ROUNDS = 10
Produced = RiskAssessed | FactRecorded
Send = Callable[[Sequence[Produced]], Awaitable[None]]


@dataclass
class Done:
    """What a batch led to."""

    assessments: list[RiskAssessed] = field(default_factory=list)
    recorded: list[FactRecorded] = field(default_factory=list)
    known: int = 0  # events that were in their record already


async def work(events: Sequence[EventAccepted], store: RecordStore, pack: Pack, send: Send) -> Done:
    """Raises when broker or store is away; then nothing was written that was not sent."""
    done = Done()
    outside = [e for e in events if not has_application(e)]
    if outside:
        done.recorded = [
            FactRecorded(subject=e.application_id, caused_by=e.event_id, type=e.type, at=e.at) for e in outside
        ]
        await send(done.recorded)
        await store.keep_facts(outside)
    left = [e for e in events if has_application(e)]
    for _ in range(MAX_ROUNDS):
        left = await _round(left, store, pack, send, done)
        if not left:
            return done
    raise ConnectionError("records are contended")


def has_application(event: EventAccepted) -> bool:
    """Types that the dictionary does not know any more are kept as facts."""
    return event.type in REGISTRY and REGISTRY[event.type].HAS_APPLICATION


async def _round(
    events: Sequence[EventAccepted], store: RecordStore, pack: Pack, send: Send, done: Done
) -> list[EventAccepted]:
    """One read and one write; returns events whose record another worker wrote first."""
    if not events:
        return []
    records = await store.read(e.application_id for e in events)
    known_licences, any_feed = await _licences(events, records, store)
    assessments: list[RiskAssessed] = []
    changed: dict[str, Record] = {}
    for event in events:
        record = records[event.application_id]
        if not record.add(event):
            done.known += 1
            continue
        record.beside["lic"] = licences.facts(record.events.values(), known_licences, any_feed)
        assessments.append(assess(record, event, pack))
        changed[record.application_id] = record
    if not changed:
        return []
    faults.point("risk.before_send")
    await send(assessments)
    faults.point("risk.after_send")
    lost = await store.write(list(changed.values()))
    faults.point("risk.after_write")
    done.assessments += [a for a in assessments if a.application_id not in lost]
    return [e for e in events if e.application_id in lost]


async def _licences(
    events: Sequence[EventAccepted], records: dict[str, Record], store: RecordStore
) -> tuple[dict[str, licences.Licence], bool]:
    """Licences that the applications name, the new events included."""
    numbers: set[str] = set()
    for event in events:
        numbers |= set(licences.named([event]).values())
    for record in records.values():
        numbers |= set(licences.named(record.events.values()).values())
    if not numbers:
        return {}, False
    return await store.licences(numbers), await store.any_licence()
