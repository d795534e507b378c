"""match: which thing a message opens and which it closes, by id and never by offset (promise 2). Pure.

An item is one thing that must come out: an event (assessed, recorded or dead-lettered), a case that an assessment asks
for, a referral that was sent (and stands in its queue), an alert (delivered, settled or given up), an erasure by a service.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import orjson

from services.contracts import ids
from services.contracts.alerts import AlertProgressed, AlertRequested, AlertSettled
from services.contracts.assessments import FactRecorded, RecordErased, RiskAssessed
from services.contracts.cases import CaseErased, CaseMoved
from services.contracts.message import Message, decode
from services.contracts.network import RingAssessed
from services.contracts.passport_events import ApplicationErased, EventAccepted
from services.contracts.referrals import ReferralQueued

Kind = Literal["event", "case", "referral", "alert", "erasure"]
KINDS: tuple[Kind, ...] = ("event", "case", "referral", "alert", "erasure")
# An erasure is done when each of these has confirmed it (promise 8). Notify and the ledger hold nothing of a person.
MUST_ERASE = ("risk", "referral")


@dataclass(frozen=True)
class Note:
    """One thing that a message says about an item. `into` opens it; `out` closes it and names how."""

    kind: Kind
    id: str
    into: bool = False
    out: str | None = None
    out_id: str | None = None  # what closed it; two different ones are a fault
    also: str | None = None  # a further fact to count, e.g. "planned"


def notes(topic: str, kind: str, value: bytes | None) -> Iterable[Note]:
    """What a message says; kinds that the ledger does not know say nothing."""
    if value is None:
        return
    if topic.endswith("-dlq"):
        yield from _dead_letter(topic, value)
        return
    yield from of(decode(kind, value))


def of(message: Message | None) -> Iterable[Note]:
    """The same of a message that is decoded already."""
    match message:
        case EventAccepted() as m:
            yield Note("event", m.event_id, into=True)
        case RiskAssessed() as m:
            if m.cause == "event":
                yield Note("event", m.caused_by, out="assessed", out_id=m.assessment_id)
            if m.level >= 2 or m.must_act or m.must_review:  # R66
                yield Note("case", ids.case_id(m.application_id), into=True)
        case RingAssessed() as m:
            own = ids.case_id(m.ring_id)
            if m.supersedes:  # it goes on with the case of the one before, and its later versions name none
                yield Note("case", own, out="continues")
            elif m.asks_for_a_case:
                yield Note("case", own, into=True)
            for gone in m.supersedes:
                yield Note("case", ids.case_id(gone), out="superseded")
        case ApplicationErased() as m:
            for service in MUST_ERASE:
                yield Note("erasure", f"{m.application_id}/{service}", into=True)
            yield Note("case", ids.case_id(m.application_id), out="erased")
        case RecordErased() as m:
            yield Note("erasure", f"{m.application_id}/risk", out="confirmed")
        case CaseErased() as m:
            yield Note("erasure", f"{m.application_id}/referral", out="confirmed")
        case FactRecorded() as m:
            yield Note("event", m.caused_by, out="recorded", out_id=m.caused_by)
        case CaseMoved() as m:
            yield from _moved(m)
        case ReferralQueued() as m:
            yield Note("referral", m.referral_id, out="queued", out_id=m.referral_id)
        case AlertRequested() as m:
            yield Note("alert", m.alert_id, into=True)
        case AlertSettled() as m:
            yield Note("alert", m.alert_id, out="settled")
        case AlertProgressed() as m:
            if m.status in (
                "held",
                "sent",
                "exhausted",
                "settled",
                "seen",
            ):  # a held one has its next step and a reason
                yield Note("alert", m.alert_id, out=m.status)
        case _:
            return


def _moved(moved: CaseMoved) -> Iterable[Note]:
    if moved.action == "flagged":
        yield Note("case", moved.case_id, out="flagged", out_id=moved.case_id)
    if moved.referral_id and moved.action == "referral_planned":
        yield Note("referral", moved.referral_id, also="planned")
    if moved.referral_id and moved.action == "referral_sent":
        yield Note("referral", moved.referral_id, into=True)


def _dead_letter(topic: str, value: bytes) -> Iterable[Note]:
    """A dead letter holds the original bytes; the ledger closes the event that they name."""
    if topic != f"{EventAccepted.TOPIC}-dlq":
        return
    try:
        event_id = orjson.loads(value).get("event_id")
    except (orjson.JSONDecodeError, AttributeError):
        return
    if isinstance(event_id, str):
        yield Note("event", event_id, out="dead_lettered", out_id=event_id)
