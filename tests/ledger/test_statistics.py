"""Statistics: each application counts once, small groups are hidden, and the published figures come out."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.calendar import WIB
from services.contracts.cases import CaseMoved, ControlSampled
from services.contracts.message import decode
from services.ledger.counts import Count, counts
from services.ledger.statistics import HIDDEN, Group, flags, tables

TODAY = date(2026, 11, 27)


def moved(case: str, state: str, day: date, *, seq: int = 1, family: str = "dugaan_pmi_np", kab: str = "3301", to: str = "MY") -> CaseMoved:  # fmt: skip
    return CaseMoved.model_validate({
        "case_id": case, "application_id": case, "seq": seq, "head": "0" * 64, "action": "moved", "state": state, "actor_role": "kakanim",
        "office_code": "CLP", "family": family, "kabupaten": kab, "destination": to,
        "at": datetime.combine(day, datetime.min.time(), WIB).isoformat(),
    })  # fmt: skip


def counted(messages: Iterable[CaseMoved | ControlSampled]) -> dict[str, Count]:
    """As the store keeps them: the first of a key counts."""
    kept: dict[str, Count] = {}
    for m in messages:
        for each in counts(decode(type(m).__name__, m.encode())):
            kept.setdefault(each.key, each)
    return kept


def grouped(kept: dict[str, Count]) -> list[Group]:
    return [
        Group(c.what, c.day.isoformat()[:7], c.office, c.family, c.kabupaten, c.destination, 1) for c in kept.values()
    ]


def group(many: int, *, kab: str = "3301", to: str = "MY", what: str = "pmi_np", month: str = "2026-03") -> Group:
    return Group(what, month, "CLP", "dugaan_pmi_np", kab, to, many)


def test_refusals_a_year_come_out_as_the_office_publishes_them() -> None:
    """46 in 2023 and 18 in 2025 (practice.md, section 6): deferred first and refused later is one person, papers are not counted."""
    messages: list[CaseMoved] = []
    for year, many in ((2023, 46), (2025, 18)):
        for n in range(many):
            day = date(year, 1, 1) + timedelta(days=n * 7)
            messages.append(moved(f"{year}-{n}", "deferred", day))
            if n % 2:
                messages.append(moved(f"{year}-{n}", "refused", day + timedelta(days=30), seq=2))
        messages += [moved(f"berkas-{year}-{n}", "deferred", date(year, 5, 2), family="berkas") for n in range(9)]
    found = tables(grouped(counted([*messages, *messages])), TODAY)
    assert found["pmi_np_tahunan"] == [
        {"kantor": "CLP", "tahun": 2023, "jumlah": 46}, {"kantor": "CLP", "tahun": 2025, "jumlah": 18},
    ]  # fmt: skip
    assert [(r["tahun"], r["jumlah"]) for r in found["penolakan_tahunan"]] == [
        (2023, 23),
        (2025, 9),
    ]


def test_office_and_quarter_are_rounded_to_five() -> None:
    days = [date(2026, 1, 5), date(2026, 3, 31), date(2026, 4, 1)]
    messages = [
        moved(f"{d}-{n}", "interviewing", d) for d, many in zip(days, (3, 4, 2), strict=True) for n in range(many)
    ]
    rows = tables(grouped(counted(messages)), TODAY)["kantor_triwulan"]
    assert [(r["triwulan"], r["apa"], r["jumlah"]) for r in rows] == [
        ("2026-T1", "interview", 5),
        ("2026-T2", "interview", 0),
    ]


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ({"3301": 25, "3302": 12, "3303": 4}, {"3301": 25, "3302": HIDDEN, "3303": "<10"}),  # one hidden alone could be subtracted
        ({"3301": 25, "3302": 4, "3303": 4}, {"3301": 25, "3302": "<10", "3303": "<10"}),
        ({"3301": 25, "3302": 12}, {"3301": 25, "3302": 12}),
        ({"3301": 3}, {"3301": "<10"}),
        ({"3301": 25, "3207": 30}, {"3301": 25, "lain": 30}),
    ],
)  # fmt: skip
def test_a_small_kabupaten_is_hidden_and_cannot_be_had_by_subtraction(
    cells: dict[str, int], shown: dict[str, object]
) -> None:
    rows = tables([group(n, kab=k) for k, n in cells.items()], TODAY)["pmi_np_kabupaten"]
    assert {r["kabupaten"]: r["jumlah"] for r in rows} == shown


def test_the_window_ends_with_the_last_full_month() -> None:
    months = {"2026-11": 100, "2026-10": 20, "2025-11": 30, "2025-10": 400}
    rows = tables([group(n, month=m) for m, n in months.items()], TODAY)["pmi_np_kabupaten"]
    assert rows == [{"kabupaten": "3301", "jumlah": 50}]


@given(st.dictionaries(st.sampled_from(["MY", "HK", "TW", "KH", "SA", "JP"]), st.integers(1, 30)))
def test_no_destination_is_shown_below_eleven_nor_can_it_be_had_from_the_rest(many: dict[str, int]) -> None:
    rows = tables([group(n, to=to) for to, n in many.items()], TODAY)["tujuan"]
    numbers = [r["jumlah"] for r in rows]
    assert all(n == "<11" or n >= 11 for n in numbers)
    assert numbers.count("<11") == 0 or len(rows) == 1  # hidden only when nothing else is shown
    if all(isinstance(n, int) for n in numbers):
        assert sum(numbers) == sum(many.values())


def test_the_control_sample_is_counted_by_stage() -> None:
    at = "2026-03-02T09:00:00+07:00"
    messages = [ControlSampled(case_id=f"c{n}", status="drawn", office_code="CLP", at=at) for n in range(40)]
    messages += [ControlSampled(case_id=f"c{n}", status="interviewed", office_code="CLP", at=at) for n in range(30)]
    messages += [ControlSampled(case_id="c1", status="found", office_code="CLP", at=at)]
    rows = tables(grouped(counted([*messages, *messages])), TODAY)["sampel_kontrol"]
    assert [(r["apa"], r["jumlah"]) for r in rows] == [("drawn", 40), ("found", "<10"), ("interviewed", 30)]


def test_a_rule_with_three_expired_referrals_is_flagged() -> None:
    assert flags({"home_check": 3, "registry_status": 2}) == [{"route": "home_check", "expired": 3}]


def test_a_count_does_not_lead_back_to_a_person() -> None:
    (count,) = counted([moved("3f0c1f0e", "interviewing", TODAY)]).values()
    assert "3f0c1f0e" not in str(count)
