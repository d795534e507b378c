"""The past of a person, a village's own year, an agent's clients: what each table of the catalogue says."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.risk.network import history
from services.risk.network.burst import burst, dispersion, harmed, upper_tail
from services.risk.network.season import factor

NOW = "2026-06-01T09:00:00+07:00"
OWN: dict[str, Any] = {"submitted_at": NOW, "office": "CLP", "purpose": "wisata", "countries": ["MY"]}


def past(at: str = "2026-03-01T09:00:00+07:00", **more: Any) -> dict[str, Any]:
    return {"submitted_at": at, "office": "SMG", "purpose": "bekerja_pmi", "countries": ["MY"]} | more


@pytest.mark.parametrize(
    ("other", "fact", "value"),
    [
        (past(decision=["deferred", "dugaan_pmi_np", "2026-03-05T09:00:00+07:00"]), "pmi_refusal_other_office", True),
        (past(decision=["deferred", "dokumen", "2026-03-05T09:00:00+07:00"]), "pmi_refusal_other_office", False),
        (past(decision=["withdrawn", "dugaan_pmi_np", "2026-03-05T09:00:00+07:00"]), "pmi_refusal_other_office", False),
        (past(office="CLP", decision=["refused", "dugaan_pmi_np", "2026-03-05T09:00:00+07:00"]), "pmi_refusal_other_office", False),
        (past("2024-01-01T09:00:00+07:00", decision=["refused", "dugaan_pmi_np", "2024-01-05T09:00:00+07:00"]), "pmi_refusal_other_office", False),
        (past(), "purpose_switched", True),
        (past("2025-10-01T09:00:00+07:00"), "purpose_switched", False),  # more than 180 days
        (past(countries=["SA"]), "purpose_switched", False),
        (past(countries=["SA"], host="h"), "purpose_switched", False),
        (past(pages=24), "pages_24_before", True),
        (past(placed=True), "sis_before", True),
        (past(returns=[["2026-02-01T09:00:00+07:00", "deported"]]), "returned_12_months", ["deported"]),
        (past(returns=[["2025-02-01T09:00:00+07:00", "deported"]]), "returned_12_months", []),
        (past(stops=[["2026-02-01T09:00:00+07:00", "PMI_NP"]]), "tpi_pmi_np_24_months", True),
        (past(purpose="wisata", cleared_at="2026-03-09T09:00:00+07:00"), "cleared_24_months", True),
        (past(purpose="umrah", cleared_at="2026-03-09T09:00:00+07:00"), "cleared_24_months", False),  # other facts
        (past("2026-07-01T09:00:00+07:00", pages=24), "pages_24_before", False),  # later things change nothing (R41)
    ],
)  # fmt: skip
def test_what_another_application_of_the_person_means(other: dict[str, Any], fact: str, value: Any) -> None:
    assert history.told(OWN, [other])[fact] == value


def test_losses_of_36_months_are_counted_with_the_own_one_r59() -> None:
    own = OWN | {"losses": [["2026-05-20T09:00:00+07:00", "inland"]]}
    before = past(losses=[["2024-05-20T09:00:00+07:00", "KH"], ["2020-05-20T09:00:00+07:00", "inland"]])
    told = history.told(own, [before], hubs=["KH"])
    assert (told["losses_36_months"], told["lost_abroad_risk"]) == (2, True)
    assert history.told(own, [before])["lost_abroad_risk"] is False  # not a hub by the policy of that day


def test_somebody_who_was_never_seen_before_has_no_history_and_that_is_an_answer() -> None:
    told = history.told(OWN, [])
    assert not any(told.values())
    assert "same_purpose_address" not in told


END = date(2026, 10, 14)


def applications(a_month: float, days: int = 365) -> list[date]:
    every = 30 / a_month
    return [END - timedelta(days=14 + int(n * every)) for n in range(int(days / every))]


@pytest.mark.parametrize(
    ("usual", "now", "expected"),
    [(1, 8, True), (1, 2, False), (10, 8, False), (10, 25, True)],
)
def test_a_village_is_compared_with_its_own_year(usual: float, now: int, expected: bool) -> None:
    days = applications(usual) + [END - timedelta(days=n % 14) for n in range(now)]
    assert burst(days, END, END - timedelta(days=500)) is expected


def test_the_weeks_before_ramadan_and_those_of_the_haj_are_no_organiser() -> None:
    before_ramadan, haj, usual = date(2026, 1, 14), date(2026, 5, 13), date(2026, 9, 16)
    assert factor(before_ramadan) > 1.2 * factor(usual) > 1.2 * factor(haj)

    def busy(end: date) -> bool | None:
        """Seven people of a village in which one comes every ten days."""
        days = [end - timedelta(days=n) for n in (*range(14, 400, 10), *(n % 14 for n in range(7)))]
        return burst(days, end, date(2024, 1, 1))

    assert [busy(day) for day in (before_ramadan, usual, haj)] == [False, True, True]


def test_a_village_without_90_days_of_history_is_unknown_r57() -> None:
    assert burst([END] * 9, END, END - timedelta(days=60)) is None


def test_a_village_that_always_comes_in_groups_is_wider_than_a_poisson() -> None:
    mean, variance = 2.0, 12.0
    assert upper_tail(9, mean, dispersion(mean, variance)) > 0.001 > upper_tail(9, mean, None)


@pytest.mark.parametrize(
    ("bad", "of", "expected"),
    [(0, 4, None), (0, 50, False), (1, 5, False), (2, 5, True), (3, 100, False), (9, 100, True)],
)
def test_an_agent_is_judged_by_the_lower_bound_of_its_rate(bad: int, of: int, expected: bool | None) -> None:
    assert harmed(bad, of) is expected
