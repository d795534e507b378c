"""Replay: do the kept events and today's code still give the assessments of that day? Pure.

What other records said at that moment (`lic`, `net`, `hist`) is taken from the assessment itself: it is an input of it. Everything else
comes from the events of the application, in the order of their topic.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from services.contracts.assessments import RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.risk.assess import Cause, assess
from services.risk.pack import Pack
from services.risk.record import Record
from services.risk.usable import usable

SAID_BY_OTHERS = ("lic", "net", "hist")
Result = Literal["same", "differs", "missing", "other_pack", "other_keys"]


@dataclass(frozen=True)
class Replayed:
    """What became of one event; `fields` are those that differ."""

    application_id: str
    event_id: str
    result: Result
    fields: tuple[str, ...] = ()


def replay(
    application_id: str,
    events: Sequence[EventAccepted],
    assessed: Sequence[RiskAssessed],
    recorded: Collection[str],
    pack: Pack,
) -> Iterator[Replayed]:
    """`recorded` holds events that were stored without an assessment (a paused application).

    missing: neither assessed nor recorded. other_pack: made by a pack that is not at hand. other_keys: tokens of the events are of
    more than one key version, so that facts cannot be equal byte for byte.
    """
    by_cause = {a.caused_by: a for a in assessed if a.cause == "event"}
    record = Record(application_id)
    for event in events:
        event = usable(event)[0]
        if not record.add(event):
            continue
        then = by_cause.get(event.event_id)
        if then is None:
            if event.event_id not in recorded:
                yield Replayed(application_id, event.event_id, "missing")
            continue
        if then.pack_digest != pack.digest:
            yield Replayed(application_id, event.event_id, "other_pack")
            continue
        if len(record.key_versions()) > 1:
            yield Replayed(application_id, event.event_id, "other_keys")
            continue
        record.beside = {s: then.facts[s] for s in SAID_BY_OTHERS if s in then.facts}
        record.heard = then.record_version - len(record.events)
        now = assess(record, Cause.of(event), pack).encode()
        if now == then.encode():
            yield Replayed(application_id, event.event_id, "same")
        else:
            yield Replayed(application_id, event.event_id, "differs", _fields(now, then.encode()))


def _fields(now: bytes, then: bytes) -> tuple[str, ...]:
    one, two = orjson.loads(now), orjson.loads(then)
    return tuple(sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name)))
