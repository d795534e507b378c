"""Ids, calendar, times and the answers hash."""

from datetime import datetime
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import ids, simhash
from services.contracts.calendar import WIB, add_working_days, is_working_day
from services.contracts.envelope import UpstreamEvent
from services.contracts.fields import parse_time
from tests.build import submitted


@given(st.text(), st.text())
def test_an_event_id_depends_on_source_and_id_alone(source: str, id_: str) -> None:
    assert ids.event_id(source, id_) == ids.event_id(source, id_)
    assert ids.event_id(source, id_) != ids.event_id(source + "x", id_)


@given(st.text(), st.text())
def test_ids_are_uuid5_of_their_parts(one: str, other: str) -> None:
    assert ids.event_id(one, other) == str(uuid5(ids.NAMESPACE, f"event\x1f{one}\x1f{other}"))


def test_the_same_id_of_two_sources_is_two_events_r38() -> None:
    one = UpstreamEvent.model_validate(submitted())
    two = UpstreamEvent.model_validate(submitted() | {"source": "urn:other"})
    assert one.event_id != two.event_id


def test_working_days_skip_weekends_and_cuti_bersama() -> None:
    assert not is_working_day(datetime(2026, 3, 21, tzinfo=WIB).date())  # Saturday and Idul Fitri
    assert not is_working_day(datetime(2026, 3, 24, tzinfo=WIB).date())  # cuti bersama
    friday = datetime(2026, 11, 20, 9, tzinfo=WIB)
    assert add_working_days(friday, 1) == datetime(2026, 11, 23, 9, tzinfo=WIB)
    assert add_working_days(friday, 0) == friday


def test_the_answers_hash_has_its_published_vector() -> None:
    assert simhash.simhash(simhash.TEST_ANSWERS) == simhash.TEST_VECTOR


def test_near_answers_have_near_hashes() -> None:
    answers = {f"q{n}": n % 3 for n in range(40)}
    other = answers | {"q7": 99}
    distance = (int(simhash.simhash(answers), 16) ^ int(simhash.simhash(other), 16)).bit_count()
    assert 0 < distance <= 16


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:15:00",
        "2026-11-20",
        "20-11-2026T09:15:00+07:00",
        "2026-13-20T09:15:00Z",
        "",
        "2026-11-20T25:00:00Z",
    ],
)
def test_a_time_without_offset_or_off_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|calendar"):
        parse_time(text)


def test_nanoseconds_and_z_are_taken() -> None:
    assert parse_time("2026-11-20T02:15:00.123456789Z") == datetime.fromisoformat("2026-11-20T02:15:00.123456+00:00")
