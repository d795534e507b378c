"""What would lower the level, what changed, and what the applicant may be told."""

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.assessments import RiskAssessed
from services.risk.assess import Cause, assess
from services.risk.evidence import Fired, level_of, weigh
from services.risk.explain import NEVER_SHOWN, changed, counterfactual, for_the_applicant, papers_missing, unknown
from services.risk.pack import Pack
from tests.build import house, record
from tests.risk.test_assess import of

PACK = Pack.load()
BY_ID = {i.id: i for i in PACK.indicators}


def history(number: int) -> list[RiskAssessed]:
    """Every assessment of one application of the day."""
    events = of(number)
    return [assess(record(*events[: n + 1]), Cause.of(event), PACK) for n, event in enumerate(events)]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([7, 23, 41, 58, 77, 96, 140]))
def test_without_the_named_signs_the_level_is_lower_and_no_smaller_set_does_it(number: int) -> None:
    last = history(number)[-1]
    gone = counterfactual(last, PACK)
    if gone is None:
        assert last.level == 0 or len(last.findings) > 4
        return
    thresholds = PACK.policy.at(date(2026, 11, 24), "CLP")["thresholds"]["levels"]
    protective = [p for p in PACK.protective if p.id in last.protective]

    def level(without: tuple[str, ...]) -> int:
        left = [Fired(BY_ID[f.id], f.weight) for f in last.findings if f.id not in without]
        return level_of(weigh(left, protective), left, thresholds).level

    assert level(gone) < last.level
    smaller = (c for size in range(1, len(gone)) for c in combinations([f.id for f in last.findings], size))
    assert all(level(c) == last.level for c in smaller)


def test_what_changed_names_what_came_and_what_was_settled() -> None:
    steps = history(41)
    change = changed(steps[0], steps[-1])
    assert change.level == (steps[0].level, steps[-1].level)
    assert set(change.came) == {f.id for f in steps[-1].findings} - {f.id for f in steps[0].findings}
    assert change.came
    assert not set(change.settled) & set(unknown(steps[-1]))
    assert changed(steps[-1], steps[-1]).came == ()


@pytest.mark.parametrize("number", [7, 23, 41, 58, 77, 96, 140])
def test_the_applicant_hears_no_method_no_threshold_and_nothing_of_others(number: int) -> None:
    last = history(number)[-1]
    told = for_the_applicant(last, PACK)
    hidden = [i for i in PACK.indicators if i.of_others or NEVER_SHOWN in i.guards or i.dimension == "means"]
    assert not {i.clears.id for i in hidden} & set(told)
    assert len(told) == len(set(told))
    assert not any(word in text for text in told for word in ("dB", "skor", "tingkat", "ambang", "indikator"))


def test_when_somebody_must_act_whoever_reads_along_learns_nothing() -> None:
    steps = history(7)
    assert not steps[0].must_act
    assert steps[-1].must_act
    assert for_the_applicant(steps[-1], PACK) == []


def test_papers_that_would_help_are_named() -> None:
    assert any(for_the_applicant(step, PACK) for number in (41, 58, 77, 96) for step in history(number))


@pytest.mark.parametrize(
    ("day", "purpose", "asked"),
    [
        ("2023-02-21", "umrah", ["Rekomendasi Kementerian Agama"]),
        ("2023-02-22", "umrah", []),
        ("2023-08-27", "bekerja_pmi", ["Rekomendasi Dinas Tenaga Kerja"]),
        ("2023-08-28", "bekerja_pmi", []),
        ("2026-11-24", "magang", []),
        ("2023-08-27", "wisata", []),
    ],
)
def test_the_circulars_of_2023_decide_which_papers_were_asked_for_on_that_day(
    day: str, purpose: str, asked: list[str]
) -> None:
    """IMI-GR.01.01-0070 (22 Feb 2023) and IMI-GR.01.01-0252 (28 Aug 2023)."""
    papers = [{"type": t, "verdict": "verified"} for t in ("ktp", "kk", "ijazah")]
    events = [
        house("application.submitted", f"{day}T09:00:00+07:00", "e1", purpose=purpose),
        house("documents.checked", f"{day}T10:00:00+07:00", "e2", items=papers),
    ]
    assessed = assess(record(*events), Cause.of(events[-1]), PACK)
    assert papers_missing(assessed, PACK) == asked


def test_papers_that_nobody_looked_at_are_not_missing_and_an_invalid_one_is() -> None:
    form = house("application.submitted", "2026-11-01T09:00:00+07:00", "e1", purpose="wisata")
    assert papers_missing(assess(record(form), Cause.of(form), PACK), PACK) == []
    items = [{"type": "ktp", "verdict": "invalid"}, {"type": "kk", "verdict": "verified"}, {"type": "akta"}]
    seen = house("documents.checked", "2026-11-01T10:00:00+07:00", "e2", items=items)
    assert papers_missing(assess(record(form, seen), Cause.of(seen), PACK), PACK) == ["KTP-el"]
