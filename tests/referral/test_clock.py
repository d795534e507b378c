"""Clocks: working days, one request a step, pauses, jumps, expiry."""

from datetime import UTC, datetime, timedelta

import pytest

from services.contracts.alerts import AlertRequested, AlertSettled
from services.contracts.calendar import WIB, add_working_time, working_time
from services.contracts.cases import CaseMoved
from services.contracts.referrals import ReferralQueued
from services.referral import clock, decide
from services.referral.case import Case, Referral
from services.referral.deadline import share
from services.referral.steps import Step
from services.referral.tick import tick
from tests.referral.cases import BOSS, NOW, TABLES, THREAT, assessed, sent, step_of, waiting


def referred() -> tuple[Case, Referral]:
    """Friday 10:00: the police of Banjarnegara have five working days."""
    first = step_of(assessed("illegal_placement_fee"))
    rid = waiting(first, "investigate_recruitment")
    case = decide.approve(first.case, rid, BOSS, "bukti", TABLES, NOW).case
    referral = case.referral(rid)
    assert referral is not None
    return case, referral


def ticked(case: Case, at: datetime) -> Step:
    step = tick(case, TABLES, at)
    assert step is not None
    return step


def told(step: Step, referral: Referral) -> list[tuple[str, str]]:
    return [(a.step, a.to) for a in sent(step, AlertRequested) if a.ref == referral.referral_ref]


def wib(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=WIB)


def test_half_of_the_time_is_counted_on_working_days() -> None:
    start, due = wib(20, 10), wib(27, 10)  # Friday to Friday, five working days
    assert share(start, due, 50, working=True) == wib(24, 22)
    assert share(start, due, 150, working=True) == wib(1, 22, month=12)
    assert share(start, due, 50, working=False) == wib(23, 22)


def test_cuti_bersama_does_not_count() -> None:
    christmas = datetime(2026, 12, 23, 10, tzinfo=WIB)  # 24 is cuti bersama, 25 Christmas, then a week-end
    assert working_time(christmas, datetime(2026, 12, 28, 10, tzinfo=WIB)) == timedelta(hours=24)
    assert add_working_time(christmas, timedelta(hours=24)) == datetime(2026, 12, 28, 10, tzinfo=WIB)


def test_each_step_asks_for_somebody_once() -> None:
    case, referral = referred()
    steps = [(wib(24, 22), [("remind", "polres-3304:deputy")]),
             (wib(27, 10), [("escalate", "polres-3304:head"), ("escalate", "kanim-clp:inteldakim")]),
             (wib(1, 22, month=12), [("task_force", "gugus-tugas-3304")])]  # fmt: skip
    for at, wanted in steps:
        early = tick(case, TABLES, at - timedelta(minutes=1))
        assert early is None or told(early, referral) == []
        step = ticked(case, at)
        assert told(step, referral) == wanted
        case = step.case
        again = tick(case, TABLES, at)
        assert again is None
    assert clock.due(case, TABLES.clocks) is not None


def test_an_answer_settles_what_the_clock_asked_for() -> None:
    from services.referral import answer
    from tests.referral.cases import answered

    case, referral = referred()
    case = ticked(case, wib(27, 10)).case
    (running,) = case.running(referral.referral_id)
    assert len(running.alerts) == 4
    step = answer.answer(case, answered(referral.referral_id), "polres-3304", TABLES, wib(27, 11))
    assert step is not None
    assert {m.alert_id for m in sent(step, AlertSettled)} >= set(running.alerts)
    late = tick(step.case, TABLES, wib(30, 10, month=12))
    assert late is None or told(late, referral) == []


def test_a_clock_that_jumps_three_days_takes_every_step_once_and_none_again_when_it_jumps_back() -> None:
    case, referral = referred()
    step = ticked(case, wib(27, 10) + timedelta(days=3))
    assert [s for s, _ in told(step, referral)] == ["remind", "escalate", "escalate"]
    back = tick(step.case, TABLES, wib(20, 11))
    assert back is None
    onward = tick(step.case, TABLES, wib(30, 11))
    assert onward is None or told(onward, referral) == []


def test_nobody_answers_and_the_referral_expires_and_the_case_with_it() -> None:
    case, referral = referred()
    for other in [r for r in case.referrals if r.state == "planned"]:
        case = decide.refuse(case, other.referral_id, BOSS, "tidak perlu", TABLES, NOW).case
    step = ticked(case, wib(30, 10, month=12))
    assert (step.case.state, step.case.referral(referral.referral_id).state) == ("expired", "expired")  # type: ignore[union-attr]
    assert "referral_expired" in [m.action for m in sent(step, CaseMoved)]
    again = decide.ask_again(
        step.case, referral.referral_id, "polda-jateng", BOSS, "coba Polda", TABLES, wib(30, 11, month=12)
    )
    (queued,) = sent(again, ReferralQueued)
    assert (queued.agency_id, again.case.state) == ("polda-jateng", "referred")


def test_an_urgent_question_that_nobody_answers_is_asked_again_by_itself() -> None:
    case = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT)).case
    police = next(r for r in case.referrals if r.question == "protect_now")
    step = ticked(case, NOW + timedelta(hours=48))
    second = [m for m in sent(step, ReferralQueued) if m.agency_id == "polres-3304"]
    assert [m.question for m in second] == ["protect_now"]
    assert second[0].referral_id != police.referral_id
    assert all(a.severity == "must_act" for a in sent(step, AlertRequested) if a.to.startswith("polres"))


def test_a_planned_referral_that_nobody_approves_goes_to_the_head_of_the_office() -> None:
    first = step_of(assessed("illegal_placement_fee"))
    rid = waiting(first, "investigate_recruitment")
    step = ticked(first.case, NOW + timedelta(hours=2))
    ref = first.case.referral(rid)
    assert ref is not None
    assert told(step, ref) == [("remind", "kanim-clp:supervisor"), ("escalate", "kanim-clp:kakanim")]


@pytest.mark.parametrize("at", [datetime(2026, 11, 21, 3, tzinfo=UTC), datetime(2026, 11, 22, 10, tzinfo=UTC)])
def test_time_on_a_week_end_is_no_working_time(at: datetime) -> None:
    assert working_time(at, at + timedelta(hours=2)) == timedelta()
