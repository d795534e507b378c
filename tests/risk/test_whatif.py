"""What a change of rules would do: the same rules move nothing, another limit moves whom it must."""

from datetime import date
from pathlib import Path

import pytest

from services.risk.pack import HERE, Pack
from services.risk.whatif import Verdict, compare, differences, fitting, judge, outcome, strongest
from services.simulator.day import play
from tests.build import accepted, house, record

PACK = Pack.load()
EVENTS = [accepted(e) for e in play(date(2026, 11, 24), applications=100)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("indicators", "protective", "policy"):
        (tmp_path / part).mkdir()
        for file in (HERE / part).glob("*.yaml"):
            (tmp_path / part / file.name).write_text(file.read_text())
    return tmp_path


def changed(folder: Path, name: str, old: str, new: str) -> Pack:
    file = folder / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    return Pack.load(folder)


def test_the_same_rules_move_nobody() -> None:
    now, then = judge(EVENTS, (PACK, PACK))
    report = compare(now, then)
    assert report.applications == 100
    assert report.moved == {}
    assert report.fired == {}
    assert list(differences(PACK, PACK)) == []


def test_another_limit_moves_whom_it_must_and_nobody_who_must_be_helped(folder: Path) -> None:
    stricter = changed(folder, "policy/thresholds.yaml", "levels: [80, 130, 170]", "levels: [600, 700, 800]")
    now, then = judge(EVENTS, (PACK, stricter))
    report = compare(now, then)
    assert report.moved
    assert all(after < before and not now[a].must_act for a, (before, after) in report.moved.items())
    assert all(then[a].level == 3 for a, verdict in now.items() if verdict.must_act)
    assert report.fired == {}
    (sentence,) = differences(PACK, stricter)
    assert sentence.startswith("policy thresholds: + from 2015-01-01")


def test_another_condition_is_told_with_both_texts_and_fires_otherwise(folder: Path) -> None:
    lighter = changed(folder, "indicators/work_intent_not_in_siskop2mi.yaml", "decibans: 9", "decibans: 1")
    assert list(differences(PACK, lighter)) == ["work_intent_not_in_siskop2mi: decibans: 9 → 1"]
    gone = changed(folder, "indicators/work_intent_not_in_siskop2mi.yaml", "== 'not_found'", "== 'nowhere'")
    now, then = judge(EVENTS, (PACK, gone))
    before, after = compare(now, then).fired["work_intent_not_in_siskop2mi"]
    assert before > after == 0


def test_a_rule_that_is_gone_and_one_that_is_new_are_named(folder: Path) -> None:
    (folder / "indicators" / "public_tip_match.yaml").unlink()
    smaller = Pack.load(folder)
    assert list(differences(PACK, smaller)) == ["public_tip_match: is gone"]
    assert next(iter(differences(smaller, PACK))).startswith("public_tip_match: is new: net.tip")


def test_a_backtest_keeps_the_highest_level_an_application_ever_had() -> None:
    """A registry that answers later clears the sign; the interview was held all the same."""
    day = "2026-11-02T"
    events = [
        house("application.submitted", f"{day}08:00:00+07:00", "e1", purpose="bekerja_pmi"),
        house("siskop2mi.verified", f"{day}09:00:00+07:00", "e2", status="not_found"),
        house("siskop2mi.verified", f"{day}10:00:00+07:00", "e3", status="registered_active"),
    ]
    (highest,) = strongest(record(*reversed(events)), {}, (PACK,))
    ((last,),) = [list(verdicts.values()) for verdicts in judge(events, (PACK,))]
    assert (highest.level, last.level) == (1, 0)
    assert "work_intent_not_in_siskop2mi" in highest.fired


def test_the_budget_carries_the_lowest_threshold_that_keeps_within_it() -> None:
    def verdict(score: int, must: bool = False) -> Verdict:
        return Verdict("CLP", date(2026, 11, 24), 2, False, must, score, frozenset())

    people = [verdict(score) for score in range(101, 201)]  # one of each
    assert fitting(people, 0.5, [80, 130, 170]) == 151
    assert fitting(people, 1.0, [80, 130, 170]) == 81
    assert fitting(people, 0.3, [80, 130, 170]) is None, "even the highest below level 3 is too low"
    assert fitting([*people, *(verdict(0, must=True) for _ in range(20))], 0.5, [80, 130, 170]) == 161


def test_an_outcome_tells_whether_a_flag_was_right_and_the_last_one_counts() -> None:
    def told(*codes: str) -> str | None:
        events = [house("application.submitted", "2026-01-01T08:00:00+07:00", "e0", purpose="wisata")]
        for n, code in enumerate(codes, start=1):
            events.append(house("referral.outcome", f"2026-01-{n + 1:02}T08:00:00+07:00", f"e{n}", code=code))
        return outcome(record(*events))

    assert told() is None
    assert told("unreachable") is None
    assert told("cleared") == "wrong"
    assert told("cleared", "confirmed_tppo") == "right"


def test_precision_counts_flagged_applications_with_a_known_outcome() -> None:
    now, then = judge(EVENTS, (PACK, PACK))
    flagged = sorted(a for a, v in now.items() if v.level >= 2)
    assert len(flagged) >= 2
    report = compare(now, then, {flagged[0]: "right", flagged[1]: "wrong"})
    assert (report.right, report.wrong) == ((1, 1), (1, 1))


def test_an_application_without_a_form_has_a_verdict_as_well() -> None:
    came = house("interview.completed", "2026-11-24T08:00:00+07:00", "i1", threat_disclosed=True)
    (verdict,) = strongest(record(came), {}, (PACK,))
    assert (verdict.level, verdict.groups) == (3, ())
