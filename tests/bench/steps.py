"""Where the CPU of risk's own work goes: its plain functions, step by step over the same events."""

import time
from typing import Any

from services.contracts.passport_events import EventAccepted
from services.risk import batch, licences
from services.risk.assess import Cause, assess, day_of
from services.risk.evaluate import evaluate
from services.risk.fold import folded
from services.risk.pack import Pack
from services.risk.record import Record
from services.risk.usable import usable


def split(events: list[tuple[bytes, bytes]]) -> dict[str, float]:
    """Microseconds an event; `put together` is the assessment around what was folded and evaluated."""
    pack = Pack.load()
    records: dict[str, Record] = {}
    spent: dict[str, float] = {}
    count = 0

    def lap(name: str, since: float) -> float:
        now = time.perf_counter()
        spent[name] = spent.get(name, 0.0) + now - since
        return now

    for _, wire in events:
        at = time.perf_counter()
        event = EventAccepted.decode(wire)
        at = lap("decode", at)
        event, _ = usable(event)
        at = lap("check facts", at)
        if not batch.has_application(event):
            continue
        count += 1
        record = records.setdefault(event.application_id, Record(event.application_id))
        record.add(event)
        record.beside["lic"] = licences.facts(record.events.values(), {}, True)
        at = lap("record", at)
        record.folded = folded(record.events, record.beside, record.folded)
        at = lap("fold", at)
        facts: dict[str, Any] = record.folded.facts
        policy = pack.policy.at(day_of(facts, event.at), event.office_code)
        record.memo = evaluate(pack, facts | {"policy": policy}, record.memo)
        at = lap("conditions", at)
        _ = record.memo.answers.evidence, record.memo.answers.dimensions
        at = lap("evidence", at)
        _ = record.memo.answers.questions
        at = lap("questions", at)
        found = assess(record, Cause.of(event), pack)
        at = lap("put together", at)
        found.encode()
        lap("encode", at)
    return {name: 1e6 * seconds / count for name, seconds in spent.items()}
