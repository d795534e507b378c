"""People of one far kecamatan at one office with one contact or agent (catalogue, 62; R60)."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.cli.offline import Offline
from services.contracts.regions import distance_km, place
from tests.build import TOKENS
from tests.simulator.signs import DAY, FAR, LATER, Events, form

NOW = datetime(2027, 1, 1, tzinfo=UTC)
CIAMIS = "3207172006"  # Lakbok: beside Majenang, in another province
PHONE = "+6281100000062"
AGENT = {"name": "CV Contoh", "phone": "+6281100000063"}


def answers(events: Events) -> set[str]:
    offline = Offline(TOKENS, NOW)
    offline.run((orjson.dumps(e) for e in events), lambda _: None)
    assert offline.bad == []
    return {a.indicators["remote_office_cluster"] for a in offline.last.values()}


def group(count: int, **data: Any) -> Events:
    return [form(n, DAY, **({"ktp_desa_code": FAR, "phone": PHONE} | data)) for n in range(count)]


def test_four_households_of_one_far_kecamatan_with_one_phone() -> None:
    assert answers(group(4)) == {"yes"}
    assert answers(group(3)) == {"no"}


def test_one_agent_joins_them_as_one_phone_does() -> None:
    each = [form(n, DAY, ktp_desa_code=FAR, phone=f"+62811000001{n:02}", agent=AGENT) for n in range(4)]
    assert answers(each) == {"yes"}
    assert answers([e | {"data": {**e["data"], "agent": {"name": f"CV {n}"}}} for n, e in enumerate(each)]) == {"no"}


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": "pelaut_niaga"},  # seafarers go where the harbour is
        {"ktp_desa_code": CIAMIS},  # another province, and near
        {"ktp_desa_code": "3301012001"},
    ],
)
def test_seafarers_and_neighbours_do_not_count(changed: dict[str, str]) -> None:
    assert answers(group(6, **changed)) == {"no"}


def test_of_two_kecamatan_or_two_months_they_are_no_group() -> None:
    two = [*group(3), *(form(n, DAY, ktp_desa_code="3510012001", phone=PHONE) for n in range(3, 6))]
    assert answers(two) == {"no"}
    late = [*group(3), form(3, "2026-07-20", ktp_desa_code=FAR, phone=PHONE)]
    assert answers(late) == {"no"}
    assert answers([*group(3), form(3, LATER, ktp_desa_code=FAR, phone=PHONE)]) == {"yes"}


def test_nothing_is_said_without_a_place() -> None:
    assert answers([form(0, DAY)]) == {"unknown"}
    assert answers([e | {"officecode": "K9999"} for e in group(5)]) == {"unknown"}


def test_a_kecamatan_nobody_has_placed_takes_its_kabupaten_and_how_far_it_may_be_off() -> None:
    office, own, of_kabupaten = place("330122"), place("330117"), place("330705")
    assert office
    assert own
    assert of_kabupaten
    assert own.within_km == 0 < of_kabupaten.within_km
    assert distance_km(office, own) == pytest.approx(28, abs=3)  # Binangun, east of the town
    assert place("9999") is None
