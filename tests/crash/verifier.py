"""Says whether anything was lost or happened twice, from what stands on topics and in the store alone.

It knows the contracts and nothing of how the services work. Repetitions are allowed, as at-least-once has it, but every
copy must be the same bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from services.contracts import ids
from services.contracts.alerts import AlertProgressed, AlertRequested
from services.contracts.assessments import FactRecorded, RiskAssessed
from services.contracts.cases import CaseMoved
from services.contracts.message import decode
from services.contracts.passport_events import EventAccepted
from services.contracts.referrals import ReferralQueued


@dataclass(frozen=True)
class Record:
    """One record of one topic, in the order of its partition."""

    topic: str
    kind: str
    value: bytes | None


@dataclass
class World:
    """Everything the verifier may look at."""

    sent: Sequence[tuple[str, str]] = ()  # (application, event_id) that upstream was told is durable, in its order
    records: Sequence[Record] = ()
    vault: Mapping[str, Sequence[str]] = field(default_factory=dict)  # application → event ids in the vault
    mails: Sequence[tuple[str, str]] = ()  # (recipient, idempotency key)


def verify(world: World) -> list[str]:
    """One sentence for each thing that is wrong; empty when all is well."""
    seen = _Seen(world.records)
    return [*_events(world, seen), *_order(world, seen), *_cases(seen), *_referrals(seen), *_alerts(world, seen)]


class _Seen:
    """Distinct messages by identity, in order of first appearance; differing copies are remembered."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.events: dict[str, EventAccepted] = {}
        self.outcomes: dict[str, set[str]] = defaultdict(set)
        self.assessed: dict[str, RiskAssessed] = {}
        self.moved: dict[tuple[str, int], CaseMoved] = {}
        self.queued: dict[tuple[str, int], ReferralQueued] = {}
        self.requested: dict[str, AlertRequested] = {}
        self.progressed: dict[tuple[str, int], AlertProgressed] = {}
        self.differing: list[str] = []
        self._bytes: dict[tuple[str, str], bytes] = {}
        for record in records:
            self._take(record)

    def _take(self, record: Record) -> None:
        if record.value is None:
            return
        if record.topic == "passport-events-dlq":
            self.outcomes[orjson.loads(record.value)["event_id"]].add("dead letter")
            return
        match decode(record.kind, record.value):
            case EventAccepted() as m:
                self._same("event", m.event_id, record.value)
                self.events.setdefault(m.event_id, m)
            case RiskAssessed() as m:
                if m.cause == "event":  # those of signals and outcomes are counted apart (promise 2)
                    self.outcomes[m.caused_by].add(f"assessment {m.assessment_id}")
                # The last word: an attempt that died may have taken causes in another order.
                self.assessed[m.assessment_id] = m
            case FactRecorded() as m:
                self.outcomes[m.caused_by].add("fact")
            case CaseMoved() as m:
                self._same("entry of a case", f"{m.case_id}#{m.seq}", record.value)
                self.moved.setdefault((m.case_id, m.seq), m)
            case ReferralQueued() as m:
                self._same("referral", f"{m.referral_id}#{m.record_version}", record.value)
                self.queued.setdefault((m.referral_id, m.record_version), m)
            case AlertRequested() as m:
                self._same("alert", m.alert_id, record.value)
                self.requested.setdefault(m.alert_id, m)
            case AlertProgressed() as m:
                self._same("step of an alert", f"{m.alert_id}#{m.seq}", record.value)
                self.progressed.setdefault((m.alert_id, m.seq), m)

    def _same(self, what: str, identity: str, value: bytes) -> None:
        if self._bytes.setdefault((what, identity), value) != value:
            self.differing.append(f"{what} {identity}: two copies differ")


def _events(world: World, seen: _Seen) -> Iterable[str]:
    yield from seen.differing
    for _, event_id in world.sent:
        if event_id not in seen.events:
            yield f"event {event_id}: was answered as durable and is not on passport-events"
    for application, event_ids in world.vault.items():
        for event_id in event_ids:
            if event_id not in seen.events:
                yield f"event {event_id} of {application}: is in the vault and was never sent"
    for event_id in seen.events:
        outcomes = seen.outcomes.get(event_id, set())
        if not outcomes:
            yield f"event {event_id}: has no outcome"
        elif len(outcomes) > 1:
            yield f"event {event_id}: has {len(outcomes)} different outcomes"
    for event_id in seen.outcomes.keys() - seen.events.keys():
        yield f"event {event_id}: has an outcome and was never accepted"


def _order(world: World, seen: _Seen) -> Iterable[str]:
    arrived: dict[str, list[str]] = defaultdict(list)
    for event in seen.events.values():
        arrived[event.application_id].append(event.event_id)
    wanted: dict[str, list[str]] = defaultdict(list)
    for application, event_id in world.sent:
        wanted[application].append(event_id)
    for application, events in wanted.items():
        there = [e for e in arrived[application] if e in set(events)]
        if there != [e for e in events if e in set(there)]:
            yield f"application {application}: its events stand in another order than they were sent"
    versions: dict[str, list[int]] = defaultdict(list)
    for assessed in seen.assessed.values():
        if assessed.cause == "event":
            versions[assessed.application_id].append(assessed.record_version)
    for application, found in versions.items():
        if len(set(found)) != len(found):
            yield f"application {application}: two of its events have assessments of one version: {sorted(found)}"


def _cases(seen: _Seen) -> Iterable[str]:
    entries: dict[str, list[CaseMoved]] = defaultdict(list)
    for (case_id, _), moved in seen.moved.items():
        entries[case_id].append(moved)
    for case_id, found in entries.items():
        if [m.seq for m in sorted(found, key=_seq)] != list(range(len(found))):
            yield f"case {case_id}: its history has a hole"
        if [m.action for m in found].count("flagged") != 1:
            yield f"case {case_id}: was flagged {[m.action for m in found].count('flagged')} times"
    for assessed in seen.assessed.values():
        needs = assessed.level >= 2 or assessed.must_act or assessed.must_review
        if needs and ids.case_id(assessed.application_id) not in entries:
            yield f"application {assessed.application_id}: needs a case and has none"
        urgent = assessed.level == 3 or assessed.must_act
        if urgent and ids.alert_id(ids.case_id(assessed.application_id), 1, "open new") not in seen.requested:
            yield f"application {assessed.application_id}: nobody was to be told of its case"


def _referrals(seen: _Seen) -> Iterable[str]:
    sent = {m.referral_id for m in seen.moved.values() if m.action == "referral_sent" and m.referral_id}
    queued = {referral_id for referral_id, _ in seen.queued}
    for referral_id in sent - queued:
        yield f"referral {referral_id}: was sent and stands in no queue"
    for referral_id in queued - sent:
        yield f"referral {referral_id}: stands in a queue and no case sent it"
    by_question: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for queue_entry in seen.queued.values():
        by_question[(queue_entry.case_ref, queue_entry.agency_id, queue_entry.question)].add(queue_entry.referral_id)
    for (case_ref, agency, question), found in by_question.items():
        if len(found) > 1:
            yield f"case {case_ref}: {agency} was asked {question} {len(found)} times"
    for referral_id in sent:
        if ids.alert_id(referral_id, 1, "new") not in seen.requested:
            yield f"referral {referral_id}: nobody was to be told"


def _alerts(world: World, seen: _Seen) -> Iterable[str]:
    done = {a for (a, _), p in seen.progressed.items() if p.status in ("sent", "exhausted", "settled", "seen")}
    last = {a: p for (a, _), p in sorted(seen.progressed.items(), key=lambda each: each[0])}
    waits = {a for a, p in last.items() if p.status == "held" and p.reason == "an alert of the whole ring is open"}
    for alert_id in seen.requested.keys() - done - waits:
        yield f"alert {alert_id}: was requested and never delivered"
    keys: dict[str, set[str]] = defaultdict(set)
    for (alert_id, _), progress in seen.progressed.items():
        if progress.status == "sent" and progress.idempotency_key:
            if progress.idempotency_key in keys[alert_id]:
                yield f"alert {alert_id}: told the same person twice"
            keys[alert_id].add(progress.idempotency_key)
    known = {key for found in keys.values() for key in found}
    mailed: dict[str, set[str]] = defaultdict(set)
    for recipient, key in world.mails:
        mailed[key].add(recipient)
    for key in known - mailed.keys():
        yield f"alert with key {key}: is said to be sent and no mail arrived"
    for key, recipients in mailed.items():
        if len(recipients) > 1:
            yield f"alert with key {key}: went to {len(recipients)} recipients"


def _seq(moved: CaseMoved) -> int:
    return moved.seq
