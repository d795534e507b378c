"""The work of one batch: read what is needed, assess event by event, send everything, then write. No broker, no clock.

Sends are acknowledged before the state is written, and the state is written before the caller commits (promise 1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from services.contracts import ids, tokens
from services.contracts.assessments import FactRecorded, RecordErased, RiskAssessed
from services.contracts.cases import OutcomeRecorded
from services.contracts.network import EntityMarked, EntityReviewed, EntitySeen, EntitySignalled, EntityUnseen
from services.contracts.passport_events import (
    ApplicationErased,
    ApplicationReleased,
    ApplicationRestricted,
    EventAccepted,
)
from services.contracts.tokens import Newer
from services.contracts.upstream import REGISTRY
from services.risk import licences
from services.risk.assess import Cause, assess
from services.risk.network import heard, marks
from services.risk.network.look import look
from services.risk.pack import Pack
from services.risk.record import Record, with_newest
from services.risk.records import RecordStore
from services.risk.usable import usable
from services.runtime import faults

MAX_ROUNDS = 10
PARTS, AT_LEAST = 16, 50  # of a batch; fewer events than that are one part
AT_ONCE = 8  # events between two looks at what broker and store have answered
Item = EventAccepted | ApplicationRestricted | EntitySignalled | OutcomeRecorded  # released and erased are restrictions
ToNetwork = EntitySeen | EntityUnseen | EntityMarked | EntityReviewed
Produced = RiskAssessed | FactRecorded | RecordErased | ToNetwork
Send = Callable[[Sequence[Produced]], Awaitable[None]]
Newest = Callable[[Iterable[str], int], Awaitable[Newer]]


async def nothing_newer(_: Iterable[str], version: int) -> Newer:
    """For runs of one key version."""
    return Newer(version, {})


@dataclass
class Done:
    """What a batch led to."""

    assessments: list[RiskAssessed] = field(default_factory=list)
    recorded: list[FactRecorded] = field(default_factory=list)
    known: int = 0  # events that were in their record already
    unusable: list[tuple[str, str]] = field(default_factory=list)  # event type and fact that was taken out


async def work(
    items: Sequence[Item], store: RecordStore, pack: Pack, send: Send, newest: Newest = nothing_newer
) -> Done:
    """Raises when broker or store is away; then nothing was written that was not sent."""
    done = Done()
    items = [_usable(item, done) for item in items]
    outside = [e for e in items if isinstance(e, EventAccepted) and not has_application(e)]
    if outside:
        done.recorded = [fact(e) for e in outside]
        await store.keep_facts(outside)  # before anybody is told to look at them; safe to repeat
        numbers = [e.data["license_no"] for e in outside if "license_no" in e.data]
        known = await store.licences(numbers) if numbers else {}
        news = (e for e in outside if not licences.says_the_same(known.get(e.data.get("license_no", "")), e))
        await send([*done.recorded, *(m for e in news for m in marks.of(e))])
    left = [i for i in items if not isinstance(i, EventAccepted) or has_application(i)]
    one_at_a_time = asyncio.Lock()
    ends = await asyncio.gather(
        *(_rounds(part, store, pack, send, newest, done, one_at_a_time) for part in _parts(left)),
        return_exceptions=True,
    )
    for end in ends:  # every part has ended: nothing goes on behind a caller that tries again
        if end is not None:
            raise end
    return done


def _parts(items: Sequence[Item]) -> list[list[Item]]:
    """Parts with no application in common: one is assessed while another waits for broker and store."""
    count = min(PARTS, 1 + len(items) // AT_LEAST)
    parts: list[list[Item]] = [[] for _ in range(count)]
    for item in items:
        parts[crc32(item.application_id.encode()) % count].append(item)
    return parts


async def _rounds(
    left: Sequence[Item], store: RecordStore, pack: Pack, send: Send, newest: Newest, done: Done, turn: asyncio.Lock
) -> None:
    for _ in range(MAX_ROUNDS):
        left = await _round(left, store, pack, send, newest, done, turn)
        if not left:
            return
    raise ConnectionError("records are contended")


def _usable(item: Item, done: Done) -> Item:
    """Facts that no condition could read are taken out."""
    if not isinstance(item, EventAccepted):
        return item
    event, bad = usable(item)
    done.unusable += [(event.type, name) for name in bad]
    return event


def has_application(event: EventAccepted) -> bool:
    """Types that the dictionary does not know any more are kept as facts."""
    return event.type in REGISTRY and REGISTRY[event.type].HAS_APPLICATION


def fact(event: EventAccepted) -> FactRecorded:
    return FactRecorded(subject=event.application_id, caused_by=event.event_id, type=event.type, at=event.at)


async def _round(
    items: Sequence[Item], store: RecordStore, pack: Pack, send: Send, newest: Newest, done: Done, turn: asyncio.Lock
) -> list[Item]:
    """One read and one write; returns items whose record another worker wrote first."""
    if not items:
        return []
    records = await store.read(i.application_id for i in items)
    items = await _of_one_key_version(items, records, newest)
    known_licences, any_feed = await _licences(items, records, store)
    async with turn:  # the first parts are sent and written while the others are assessed (measured)
        produced, changed = await _step(items, records, (known_licences, any_feed), pack, done)
    if not changed:
        return []
    faults.point("risk.before_send")
    await send(produced)
    faults.point("risk.after_send")
    lost = await store.write(list(changed.values()))
    faults.point("risk.after_write")
    done.assessments += [p for p in produced if isinstance(p, RiskAssessed) and p.application_id not in lost]
    done.recorded += [p for p in produced if isinstance(p, FactRecorded) and p.subject not in lost]
    return [i for i in items if i.application_id in lost]


async def _step(
    items: Sequence[Item],
    records: Mapping[str, Record],
    known: tuple[Mapping[str, licences.Licence], bool],
    pack: Pack,
    done: Done,
) -> tuple[list[Produced], dict[str, Record]]:
    """What the items lead to, and the records that changed. Looks up now and then, so that what was sent before goes on."""
    produced: list[Produced] = []
    changed: dict[str, Record] = {}
    called: dict[str, EntitySignalled] = {}  # who must be assessed again once all of the batch is known
    for number, item in enumerate(items):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
        record = records[item.application_id]
        if isinstance(item, EntitySignalled):
            if record.state == "erased" or not heard.keep(record.signals, item):
                done.known += 1
                continue
            record.heard += 1
            if record.events:  # else its first event was read but not written, and will be read again
                called[item.application_id] = item
        elif isinstance(item, EventAccepted | OutcomeRecorded):
            event = item if isinstance(item, EventAccepted) else _outcome_of(item, record)
            if event is None or not record.add(event):
                done.known += 1
                continue
            record.beside["lic"] = licences.facts(record.events.values(), *known)
            produced += _judged(record, Cause.of(event, "event" if event is item else "outcome"), pack, event)
            produced += marks.of_outcome(item) if isinstance(item, OutcomeRecorded) else marks.of(event)
        else:
            produced += _changed(record, item, pack)
        changed[record.application_id] = record
    for application, signal in called.items():
        record = records[application]
        record.beside["lic"] = licences.facts(record.events.values(), *known)
        produced += _called(record, signal, pack)
    return produced, changed


def _outcome_of(outcome: OutcomeRecorded, record: Record) -> EventAccepted | None:
    """None for an application that risk does not know: nobody needs its outcome."""
    if not record.events:
        return None
    return marks.as_event(outcome, record.last.office_code)


def _judged(record: Record, cause: Cause, pack: Pack, event: EventAccepted) -> list[Produced]:
    """An assessment; a mere fact when the application is erased, or paused and nobody must act (Ps 41: safety goes first)."""
    if record.state == "erased":
        record.beside = {}
        return [fact(event)]
    news = look(record, pack) if record.state == "open" else []
    assessed = assess(record, cause, pack)
    silent = record.state == "restricted" and not assessed.must_act
    return [fact(event) if silent else assessed, *news]


def _called(record: Record, signal: EntitySignalled, pack: Pack) -> list[Produced]:
    """The assessment that what others say leads to; none when it changes no fact, or the application is paused."""
    before = record.folded.facts if record.folded else None
    news: list[Produced] = [*look(record, pack)]
    cause = Cause(
        ids.signal_id(record.application_id, signal.entity_kind, signal.entity, signal.record_version), signal.at,
        record.last.office_code, "signal",
    )  # fmt: skip
    assessed = assess(record, cause, pack)
    same = before is not None and record.folded is not None and record.folded.facts == before
    if same or (record.state == "restricted" and not assessed.must_act):
        return news
    return [assessed, *news]


def _changed(record: Record, change: ApplicationRestricted, pack: Pack) -> list[Produced]:
    """What intake says about the application as a whole. An erasure is the last word."""
    if isinstance(change, ApplicationErased):
        record.erase()
        return [RecordErased(application_id=record.application_id, at=change.at), *look(record, pack)]
    if record.state == "erased":
        return []
    if not isinstance(change, ApplicationReleased):
        record.state = "restricted"
        return []
    was_restricted, record.state = record.state == "restricted", "open"
    if not was_restricted or not record.events:
        return []
    news = look(record, pack)
    cause = Cause(ids.release_id(record.application_id, change.at), change.at, record.last.office_code, "signal")
    return [assess(record, cause, pack), *news]


async def _of_one_key_version(items: Sequence[Item], records: dict[str, Record], newest: Newest) -> list[Item]:
    """Tokens are compared with one another, so all of a record are of one key version: older ones move to the newest."""
    incoming: dict[str, list[EventAccepted]] = {}
    for item in items:
        if isinstance(item, EventAccepted):
            incoming.setdefault(item.application_id, []).append(item)
    mixed = {
        name: versions
        for name, events in incoming.items()
        if len(versions := records[name].key_versions() | {e.key_version for e in events}) > 1
    }
    if not mixed:
        return list(items)
    older = {t for name in mixed for t in records[name].tokens()}
    older |= {t for name in mixed for e in incoming[name] for t in tokens.found(e.data)}
    newer = await newest(older, max(v for versions in mixed.values() for v in versions))
    for name in mixed:
        records[name].move(newer)
    return [with_newest(i, newer) if isinstance(i, EventAccepted) and i.application_id in mixed else i for i in items]


async def _licences(
    items: Sequence[Item], records: dict[str, Record], store: RecordStore
) -> tuple[dict[str, licences.Licence], bool]:
    """Licences that the applications name, the new events included."""
    numbers: set[str] = set()
    for item in items:
        if isinstance(item, EventAccepted):
            numbers |= set(licences.named([item]).values())
    for record in records.values():
        numbers |= set(licences.named(record.events.values()).values())
    return await store.licences(numbers) if numbers else {}, await store.any_licence()
