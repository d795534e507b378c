"""Facts out of range are unknown, counted and harm nothing else."""

import asyncio
from typing import Any

import pytest

from services.contracts.passport_events import EventAccepted, house_model
from services.contracts.upstream import REGISTRY
from services.risk import batch
from services.risk.pack import Pack
from services.risk.records import MemoryStore
from services.risk.usable import usable
from tests.build import house

PACK = Pack.load()
STRANGE: list[Any] = [-1, 10**30, "x" * 5000, {"a": {"b": 1}}, [[]], True, 1.5, "2026-13-40", [None]]


def assessed(event: EventAccepted) -> tuple[Any, batch.Done]:
    async def send(_: Any) -> None:
        """Nobody listens."""

    done = asyncio.run(batch.work([event], MemoryStore(), PACK, send))
    return done.assessments[0], done


def test_a_fact_out_of_range_is_unknown_and_counted() -> None:
    event = house("interview.completed", "2026-11-01T09:00:00+07:00", knows_itinerary=7, told_what_to_say=True)
    found, done = assessed(event)
    assert done.unusable == [("interview.completed", "knows_itinerary")]
    assert "knows_itinerary" not in found.facts["int"]
    assert found.facts["int"]["told_what_to_say"] is True


def test_a_good_event_is_left_alone() -> None:
    event = house("interview.completed", "2026-11-01T09:00:00+07:00", knows_itinerary=3)
    assert usable(event) == (event, ())


@pytest.mark.parametrize("type_", [t for t, m in REGISTRY.items() if m.HAS_APPLICATION])
@pytest.mark.parametrize("value", STRANGE, ids=lambda v: type(v).__name__ + str(len(str(v))))
def test_whatever_stands_in_a_fact_no_event_crashes_and_nothing_fires_by_it(type_: str, value: Any) -> None:
    bare = house(type_, "2026-11-01T09:00:00+07:00")
    nothing, _ = assessed(bare)
    for name in house_model(type_).model_fields:
        found, done = assessed(bare.model_copy(update={"data": {name: value}}))
        if done.unusable:
            assert found.indicators == nothing.indicators, name
