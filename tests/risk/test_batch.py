"""The work of one batch: send, then write; safe to repeat; two workers that both believe they own a record."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from services.contracts.assessments import FactRecorded, RiskAssessed
from services.contracts.network import EntityReviewed, EntitySeen, EntitySignalled, EntityUnseen, NetFacts
from services.contracts.passport_events import ApplicationErased, EventAccepted
from services.risk import batch
from services.risk.pack import Pack
from services.risk.record import Record
from services.risk.records import MemoryStore
from services.simulator.day import play
from tests.build import accepted, house

PACK = Pack.load()
PHONE = "phone.1." + "0" * 32
EVENTS = [accepted(e) for e in play(date(2026, 11, 24), applications=12) if e["type"] != "license.snapshot"]


def work(
    events: Sequence[EventAccepted], store: MemoryStore, fail: bool = False
) -> tuple[batch.Done | None, list[Any]]:
    sent: list[Any] = []

    async def send(messages: Sequence[Any]) -> None:
        if fail:
            raise ConnectionError("broker")
        sent.extend(messages)

    try:
        return asyncio.run(batch.work(events, store, PACK, send)), sent
    except ConnectionError:
        return None, sent


def test_promise_2_every_event_of_an_application_leads_to_one_assessment_and_every_other_to_one_fact() -> None:
    _, sent = work(EVENTS, MemoryStore())
    said = [m for m in sent if isinstance(m, RiskAssessed | FactRecorded)]
    assert sorted(m.caused_by for m in said) == sorted(e.event_id for e in EVENTS)
    kinds = {m.caused_by: type(m) for m in said}
    assert all(kinds[e.event_id] is (RiskAssessed if batch.has_application(e) else FactRecorded) for e in EVENTS)


def test_promise_1_a_redelivered_batch_says_and_changes_nothing() -> None:
    store = MemoryStore()
    work(EVENTS, store)
    versions = {a: r.version for a, r in store.records.items()}
    done, sent = work(EVENTS, store)
    assert done is not None
    assert [m for m in sent if isinstance(m, RiskAssessed)] == []
    assert done.known == sum(batch.has_application(e) for e in EVENTS)
    assert {a: r.version for a, r in store.records.items()} == versions


def test_promise_1_when_sending_fails_nothing_is_written_and_the_retry_gives_the_same_ids() -> None:
    store = MemoryStore()
    assert work(EVENTS, store, fail=True) == (None, [])
    assert store.records == {}
    _, sent = work(EVENTS, store)
    _, fresh = work(EVENTS, MemoryStore())
    assert [m.encode() for m in sent] == [m.encode() for m in fresh]


class Contested(MemoryStore):
    """Another worker writes one more event just before our first write."""

    def __init__(self, theirs: EventAccepted) -> None:
        super().__init__()
        self._theirs: EventAccepted | None = theirs

    async def read(self, application_ids: Any) -> dict[str, Record]:
        found = await super().read(application_ids)
        return {a: Record(a, r.version, dict(r.events), dict(r.beside)) for a, r in found.items()}

    async def write(self, records: Sequence[Record]) -> set[str]:
        if self._theirs is not None:
            theirs, self._theirs = self._theirs, None
            other = Record(theirs.application_id, 1, {theirs.event_id: theirs})
            self.records[other.application_id] = other
            kept = [r for r in records if r.application_id != theirs.application_id]
            await super().write(kept)
            return {theirs.application_id}
        return await super().write(records)


def test_a_worker_that_lost_the_race_reads_again_and_both_events_count() -> None:
    ours = house("application.submitted", "2026-11-01T09:00:00+07:00", "ours", purpose="wisata")
    theirs = house("interview.completed", "2026-11-02T09:00:00+07:00", "theirs", told_what_to_say=True)
    store = Contested(theirs)
    done, sent = work([ours], store)
    assert store.records["A1"].events.keys() == {"ours", "theirs"}
    assert [a.record_version for a in sent if isinstance(a, RiskAssessed)] == [1, 2]
    assert done is not None
    assert [(a.caused_by, a.record_version) for a in done.assessments] == [("ours", 2)]


def test_contention_without_end_is_tried_later() -> None:
    class Always(MemoryStore):
        async def write(self, records: Sequence[Record]) -> set[str]:
            return {r.application_id for r in records}

    assert work(EVENTS[10:12], Always())[0] is None


@pytest.mark.parametrize("type_", ["license.snapshot", "tip.received", "mission_alert.published"])
def test_events_without_an_application_are_facts_r05(type_: str) -> None:
    _, sent = work([house(type_, "2026-11-01T09:00:00+07:00", "f1", license_no="U1")], MemoryStore())
    assert [type(m) for m in sent] == [FactRecorded] + [EntityReviewed] * (type_ == "license.snapshot")


def test_a_signal_that_comes_before_its_application_is_written_is_kept() -> None:
    event = house("application.submitted", "2026-11-01T09:00:00+07:00", "e1", purpose="wisata", host_phone_token=PHONE)
    signal = EntitySignalled(
        application_id="A1", entity=PHONE, entity_kind="host_phone", net=NetFacts(households=5), record_version=3,
        at=event.at,
    )  # fmt: skip
    store = MemoryStore()
    done, sent = asyncio_work([signal], store)
    assert (done.assessments, sent) == ([], [])
    done, _ = asyncio_work([event], store)
    assert done.assessments[-1].facts["net"]["host_phone"]["households"] == 5


def test_a_signal_leads_to_one_assessment_and_repeated_to_none() -> None:
    event = house("application.submitted", "2026-11-01T09:00:00+07:00", "e1", purpose="wisata", host_phone_token=PHONE)
    signal = EntitySignalled(
        application_id="A1", entity=PHONE, entity_kind="host_phone", net=NetFacts(households=5), record_version=3,
        at=event.at,
    )  # fmt: skip
    store = MemoryStore()
    asyncio_work([event], store)
    done, _ = asyncio_work([signal, signal], store)
    assert [(a.cause, a.record_version) for a in done.assessments] == [("signal", 2)]
    assert "shared_host_contact_abroad" in {f.id for f in done.assessments[0].findings}
    older = signal.model_copy(update={"record_version": 2, "net": NetFacts(households=1)})
    done, _ = asyncio_work([signal, older], store)
    assert (done.assessments, done.known) == ([], 2)


def test_what_an_application_shows_is_sent_once_and_unsent_when_it_is_corrected_or_erased() -> None:
    store = MemoryStore()
    event = house("application.submitted", "2026-11-01T09:00:00+07:00", "e1", purpose="wisata", phone_token=PHONE)
    other = house(
        "application.submitted", "2026-11-01T10:00:00+07:00", "e2", purpose="wisata", phone_token=PHONE[:-1] + "1"
    )
    checked_in = house("applicant.checked_in", "2026-11-01T11:00:00+07:00", "e3")
    _, sent = asyncio_work([event], store)
    assert [(type(m), m.entity) for m in sent if not isinstance(m, RiskAssessed)] == [(EntitySeen, PHONE)]
    _, sent = asyncio_work([checked_in], store)
    assert [m for m in sent if not isinstance(m, RiskAssessed)] == []
    _, sent = asyncio_work([other], store)
    assert {(type(m), m.entity) for m in sent if not isinstance(m, RiskAssessed)} == {
        (EntityUnseen, PHONE),
        (EntitySeen, PHONE[:-1] + "1"),
    }
    _, sent = asyncio_work([ApplicationErased(application_id="A1", at="2026-11-02T09:00:00+07:00")], store)
    assert [(type(m), m.entity) for m in sent if isinstance(m, EntityUnseen)] == [(EntityUnseen, PHONE[:-1] + "1")]


def asyncio_work(items: Sequence[batch.Item], store: MemoryStore) -> tuple[batch.Done, list[Any]]:
    sent: list[Any] = []

    async def send(messages: Sequence[Any]) -> None:
        sent.extend(messages)

    return asyncio.run(batch.work(items, store, PACK, send)), sent


def test_a_licence_whose_snapshot_repeats_itself_calls_nobody_and_a_change_calls_its_members() -> None:
    store = MemoryStore()

    def snapshot(day: int, status: str) -> EventAccepted:
        at = f"2026-11-{day:02}T09:00:00+07:00"
        return house("license.snapshot", at, f"l{day}", license_no="U1", kind="ppiu", status=status, name="PT")

    called = []
    for day, status in (
        (3, "active"),
        (4, "active"),
        (5, "suspended"),
        (6, "suspended"),
        (2, "revoked"),
        (2, "revoked"),
    ):
        _, sent = asyncio_work([snapshot(day, status)], store)
        called.append(sum(isinstance(m, EntityReviewed) for m in sent))
    assert called == [1, 0, 1, 0, 1, 1]  # one that comes late too, and again when it is delivered again


def test_the_last_event_is_the_last_by_the_clock_whatever_its_zone() -> None:
    record = Record("A1")
    earlier = house("payment.received", "2026-01-05T10:00:00+07:00", "e1")
    later = house("documents.checked", "2026-01-05T04:00:00Z", "e2")
    for event in (later, earlier):
        record.add(event)
    assert record.last == later
    assert record.in_order() == [earlier, later]
