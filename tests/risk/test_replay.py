"""Replay finds what changed, and nothing where nothing did."""

from datetime import date

import pytest

from services.contracts.assessments import RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.risk.assess import Cause, assess
from services.risk.pack import Pack
from services.risk.record import Record
from services.risk.replay import replay
from services.simulator.day import play
from tests.build import accepted

PACK = Pack.load()
APPLICATION = next(
    e["subject"] for e in play(date(2026, 11, 24), applications=10) if e["type"] == "interview.completed"
)
EVENTS = [accepted(e) for e in play(date(2026, 11, 24), applications=10) if e["subject"] == APPLICATION]


def that_day() -> list[RiskAssessed]:
    """As risk said it, with a licence feed."""
    record, found = Record(APPLICATION), []
    for event in EVENTS:
        record.add(event)
        record.beside["lic"] = {"feed": True}
        found.append(assess(record, Cause.of(event), PACK))
    return found


def results(events: list[EventAccepted], assessed: list[RiskAssessed], recorded: set[str] | None = None) -> list[str]:
    return [r.result for r in replay(APPLICATION, events, assessed, recorded or set(), PACK)]


def test_the_same_code_and_pack_give_the_same_bytes() -> None:
    assert results(EVENTS, that_day()) == ["same"] * len(EVENTS)
    assert results([*EVENTS, EVENTS[0]], that_day()) == ["same"] * len(EVENTS)  # a redelivery says nothing


def test_a_changed_assessment_is_named_with_its_fields() -> None:
    then = that_day()
    then[2] = then[2].model_copy(update={"e_np": then[2].e_np + 1, "level": 3})
    found = list(replay(APPLICATION, EVENTS, then, set(), PACK))
    assert [(r.event_id, r.fields) for r in found if r.result == "differs"] == [(EVENTS[2].event_id, ("e_np", "level"))]


def test_a_lost_assessment_is_missing_unless_the_event_was_recorded() -> None:
    lost = EVENTS[1].event_id
    then = [a for a in that_day() if a.caused_by != lost]
    assert results(EVENTS, then).count("missing") == 1
    assert "missing" not in results(EVENTS, then, {lost})


@pytest.mark.parametrize(("change", "result"), [({"pack_digest": "0" * 64}, "other_pack")])
def test_what_cannot_be_compared_is_said(change: dict[str, str], result: str) -> None:
    then = that_day()
    then[0] = then[0].model_copy(update=change)
    assert results(EVENTS, then)[0] == result


def test_events_of_two_key_versions_are_not_compared() -> None:
    later = [*EVENTS[:-1], EVENTS[-1].model_copy(update={"key_version": 2})]
    assert results(later, that_day())[-1] == "other_keys"
