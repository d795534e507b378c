"""The verifier itself: it is content with a good world, and each seeded fault makes it fail."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.message import Message
from services.contracts.passport_events import EventAccepted
from services.notify import channels, deliver
from services.notify.chains import Chains
from services.notify.channels.channel import Done
from services.notify.roster import Roster
from services.notify.settings import HERE
from services.notify.stages import Look
from services.notify.store import progressed
from services.referral.case import Case
from services.referral.route import route
from services.referral.tables import Tables
from services.risk import batch
from services.risk.pack import Pack
from services.risk.records import MemoryStore
from services.simulator.day import play
from tests.build import accepted
from tests.crash.verifier import Record, World, verify

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
PACK, TABLES = Pack.load(), Tables.load()
ROSTER = Roster.load(HERE / "receivers.yaml", channels.names())
CHAINS = Chains.load(HERE.parent / "embedded" / "chains.yaml")
DAY = [accepted(e) for e in play(date(2026, 11, 24), applications=45)]
# Licences first, as if they had come long before: then every place in the list is an event of an application.
EVENTS = sorted(DAY, key=lambda e: not e.application_id.startswith("LIC-"))


def record(topic: str, message: Message) -> Record:
    return Record(topic, type(message).__name__, message.encode())


def run(
    events: Sequence[EventAccepted], store: MemoryStore | None = None, *, swap: bool = False, crash: bool = False
) -> list[Record]:
    """Risk over some events, in memory. `swap` writes the state before it sends; `crash` ends it in between."""
    out: list[Record] = []
    store = store or MemoryStore()

    async def send(messages: Sequence[Any]) -> None:
        if not crash:
            out.extend(record("risk-assessments", m) for m in messages)

    async def work() -> None:
        if swap:  # the faulty order: the state is written although nothing was sent
            records = await store.read(e.application_id for e in events)
            for event in events:
                records[event.application_id].add(event)
            await store.write(list(records.values()))
            if crash:
                return
        await batch.work(events, store, PACK, send)

    asyncio.run(work())
    return out


def good_world() -> World:
    """The whole way in memory, every step with the real functions."""
    records = [record("passport-events", e) for e in EVENTS]
    assessments = run(EVENTS)
    records += assessments
    cases: dict[str, Case] = {}
    mails: list[tuple[str, str]] = []
    for each in assessments:
        from services.contracts.assessments import RiskAssessed

        if each.kind != "RiskAssessed" or each.value is None:
            continue
        assessed = RiskAssessed.decode(each.value)
        step = route(assessed, cases.get(ids.case_id(assessed.application_id)), TABLES, NOW)
        if step is None:
            continue
        cases[step.case.case_id] = step.case
        for topic, message in step.messages:
            assert isinstance(message, Message)
            records.append(record(topic, message))
            if type(message).__name__ == "AlertRequested":
                records += _deliver(message, mails)
    sent = [(e.application_id, e.event_id) for e in EVENTS]
    vault: dict[str, list[str]] = {}
    for application, event_id in sent:
        vault.setdefault(application, []).append(event_id)
    return World(sent, records, vault, mails)


def _deliver(request: Any, mails: list[tuple[str, str]], now: datetime = NOW) -> list[Record]:
    planned = deliver.plan(request, ROSTER, CHAINS, now)
    look = Look(ROSTER, tokens=dict.fromkeys(ROSTER.people, frozenset()))
    claimed = deliver.take(planned.alert, look, now)
    assert claimed.alert.sending is not None
    mails.append((claimed.alert.sending.to, claimed.alert.sending.key))
    told = deliver.after_result(claimed.alert, Done("ok"), ROSTER, now)
    return [record("alert-deliveries", m) for m in (*progressed(planned), *progressed(told))]


WORLD = good_world()


def test_a_good_world_has_nothing_wrong() -> None:
    assert verify(WORLD) == []
    assert len(WORLD.mails) >= 4


def test_repetitions_of_the_same_bytes_are_allowed() -> None:
    assert verify(replace(WORLD, records=[*WORLD.records, *WORLD.records], mails=[*WORLD.mails, *WORLD.mails])) == []


def without(kind: str, place: int = 0) -> World:
    found = [r for r in WORLD.records if r.kind == kind]
    return replace(WORLD, records=[r for r in WORLD.records if r is not found[place]])


def test_seeded_fault_commit_before_effect_loses_an_event() -> None:
    """The offset of a batch was committed, then the process ended: nobody reads it again."""
    lost = EVENTS[100:110]
    store = MemoryStore()
    outcomes = run(EVENTS[:100], store) + run(EVENTS[110:], store)
    records = [r for r in WORLD.records if r.topic != "risk-assessments"] + outcomes
    found = verify(replace(WORLD, records=records))
    assert {f"event {e.event_id}: has no outcome" for e in lost} <= set(found)


def test_seeded_fault_send_after_state_loses_assessments() -> None:
    """The state was written, then the process ended before it sent: the redelivery is known and stays silent."""
    store = MemoryStore()
    lost = EVENTS[50:60]
    outcomes = (
        run(EVENTS[:50], store) + run(lost, store, swap=True, crash=True) + run(lost, store) + run(EVENTS[60:], store)
    )
    records = [r for r in WORLD.records if r.topic != "risk-assessments"] + outcomes
    found = verify(replace(WORLD, records=records))
    assert any("has no outcome" in sentence for sentence in found)


def test_seeded_fault_no_inbox_takes_a_case_step_twice() -> None:
    """A redelivered assessment that the case does not remember is written into its history once more."""
    message = next(r for r in WORLD.records if r.kind == "CaseMoved" and b'"flagged"' in (r.value or b""))
    from services.contracts.cases import CaseMoved

    first = CaseMoved.decode(message.value or b"")
    again = [r for r in WORLD.records if r.kind == "CaseMoved" and first.case_id.encode() in (r.value or b"")]
    repeated = first.model_copy(update={"seq": len(again), "head": "f" * 64})
    found = verify(replace(WORLD, records=[*WORLD.records, record("case-events", repeated)]))
    assert f"case {first.case_id}: was flagged 2 times" in found


def test_seeded_fault_no_inbox_tells_a_person_twice() -> None:
    """A redelivered request that notify does not remember is planned anew, later, and sent again."""
    from services.contracts.alerts import AlertRequested

    request = next(r for r in WORLD.records if r.kind == "AlertRequested")
    again = _deliver(AlertRequested.decode(request.value or b""), [], NOW.replace(hour=4))
    found = verify(replace(WORLD, records=[*WORLD.records, *again]))
    assert any("two copies differ" in sentence and "step of an alert" in sentence for sentence in found)


def test_seeded_fault_lost_owed_event_is_found() -> None:
    """Accepted in the vault, the process ended before the send, and nobody sent it again."""
    lost = EVENTS[7]
    records = [r for r in WORLD.records if lost.event_id.encode() not in (r.value or b"")]
    found = verify(replace(WORLD, records=records, sent=[s for s in WORLD.sent if s[1] != lost.event_id]))
    assert f"event {lost.event_id} of {lost.application_id}: is in the vault and was never sent" in found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("EventAccepted", "is not on passport-events"),
        ("ReferralQueued", "stands in no queue"),
        ("AlertRequested", "nobody was to be told"),
        ("CaseMoved", "hole"),
    ],
)
def test_a_missing_message_is_found(kind: str, words: str) -> None:
    assert any(words in sentence for sentence in verify(without(kind)))


def test_events_in_another_order_are_found() -> None:
    one, two = (
        next(i for i, r in enumerate(WORLD.records) if EVENTS[n].event_id.encode() in (r.value or b"")) for n in _pair()
    )
    records = list(WORLD.records)
    records[one], records[two] = records[two], records[one]
    assert any("another order" in s for s in verify(replace(WORLD, records=records)))


def _pair() -> tuple[int, int]:
    first = next(e for e in EVENTS if e.type == "application.submitted")
    places = [n for n, e in enumerate(EVENTS) if e.application_id == first.application_id]
    return places[0], places[1]


def test_a_mail_that_did_not_arrive_is_found() -> None:
    assert any("no mail arrived" in s for s in verify(replace(WORLD, mails=WORLD.mails[1:])))


def test_two_outcomes_of_one_event_are_found() -> None:
    letter = Record("passport-events-dlq", "", EVENTS[0].encode())
    assert any("2 different outcomes" in s for s in verify(replace(WORLD, records=[*WORLD.records, letter])))
