"""What agencies answer, and what they may not."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.alerts import AlertSettled
from services.contracts.cases import OutcomeRecorded
from services.contracts.referrals import ReferralAnswered, ReferralQueued
from services.referral import answer, decide
from services.referral.case import Case, Referral
from services.referral.move import NotAllowed
from services.referral.steps import Step, Tombstone
from tests.referral.cases import BOSS, NOW, TABLES, THREAT, answered, assessed, sent, step_of, waiting


def test_an_answer_settles_the_alert_and_is_taken_once() -> None:
    first = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT))
    police = next(r for r in first.case.referrals if r.question == "protect_now")
    second = answer.answer(first.case, answered(police.referral_id), "polres-3304", TABLES, NOW)
    assert second is not None
    assert [m.alert_id for m in sent(second, AlertSettled)] == [
        a for c in first.case.running(police.referral_id) for a in c.alerts
    ]
    assert answer.answer(second.case, answered(police.referral_id), "polres-3304", TABLES, NOW) is None
    with pytest.raises(NotAllowed, match="only another final"):
        answer.answer(second.case, answered(police.referral_id, "working", answer_id="j2"), "polres-3304", TABLES, NOW)


@pytest.mark.parametrize("agency", ["polres-3301", "uptd-ppa-3304"])
def test_an_agency_can_answer_only_what_was_sent_to_it(agency: str) -> None:
    first = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT))
    police = next(r for r in first.case.referrals if r.question == "protect_now")
    with pytest.raises(NotAllowed, match="was not asked"):
        answer.answer(first.case, answered(police.referral_id), agency, TABLES, NOW)


def test_a_planned_referral_cannot_be_answered() -> None:
    first = step_of(assessed("illegal_placement_fee"))
    with pytest.raises(NotAllowed, match="was not asked"):
        answer.answer(first.case, answered(waiting(first, "investigate_recruitment")), "polres-3304", TABLES, NOW)


AGENT = "phone.1." + "b" * 32


def police(act: bool = True) -> tuple[Case, Referral]:
    """A threat case whose agent is E1, with the police asked."""
    message = assessed("threat_or_fear_disclosed", act=act, **THREAT)
    message.facts["app"]["agent_token"] = AGENT
    case = step_of(message).case
    return case, next(r for r in case.referrals if r.question == "protect_now")


def taken(case: Case, word: ReferralAnswered, agency: str = "polres-3304") -> Step:
    step = answer.answer(case, word, agency, TABLES, NOW)
    assert step is not None
    return step


def test_an_agency_sees_references_and_no_tokens() -> None:
    _, referral = police()
    assert {ref: e.kind for ref, e in referral.entities.items()} == {"E1": "agent"}
    queued = next(m for m in sent(step_of(_with_agent()), ReferralQueued) if m.agency_id == "polres-3304")
    assert queued.coded["entities"] == {"E1": {"kind": "agent"}}
    assert AGENT not in queued.encode().decode()


def _with_agent() -> Any:
    message = assessed("threat_or_fear_disclosed", act=True, **THREAT)
    message.facts["app"]["agent_token"] = AGENT
    return message


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ({"code": "guilty"}, "guilty is no answer of this kind of agency; its codes are: lp_filed"),
        ({"code": None}, "a final answer needs a code, one of: lp_filed"),
        ({"code": "lp_filed:now"}, "is no answer"),
        ({"marks": ["E7"]}, "the referral names no E7; it names: E1"),
        ({"status": "need_more_data"}, "names the field groups that are wanted"),
        ({"status": "need_more_data", "wants": ["R8"]}, "names the field groups"),
    ],
)
def test_what_an_agency_cannot_mean_is_refused_with_what_it_can(word: dict[str, Any], says: str) -> None:
    case, referral = police()
    with pytest.raises(NotAllowed, match=says):
        taken(case, answered(referral.referral_id, **word))


def test_a_person_confirms_the_outcome_and_the_mark_goes_along_with_it() -> None:
    case, referral = police()
    step = taken(case, answered(referral.referral_id, code="recruiter_confirmed", marks=["E1"]))
    assert sent(step, OutcomeRecorded) == []
    said = step.case.referral(referral.referral_id)
    assert said is not None
    assert said.proposed == "confirmed_tppo"
    (outcome,) = sent(
        decide.confirm(step.case, said.referral_id, said.proposed, 3, BOSS, "sesuai", TABLES, NOW), OutcomeRecorded
    )
    assert (outcome.code, outcome.agency_code, outcome.agency_id) == (
        "confirmed_tppo",
        "recruiter_confirmed",
        "polres-3304",
    )
    assert [(m.entity_kind, m.token, m.mark) for m in outcome.marks] == [("agent", AGENT, "recruiter_confirmed")]


def test_a_fact_without_an_outcome_still_marks_with_its_end() -> None:
    message = assessed("work_intent_not_in_siskop2mi")
    message.facts["app"]["agent_token"] = AGENT
    case = step_of(message).case
    referral = next(r for r in case.referrals if r.question == "registry_status")
    step = taken(case, answered(referral.referral_id, code="agent_alert"), "bp3mi-jateng")
    (outcome,) = sent(
        decide.confirm(step.case, referral.referral_id, None, 2, BOSS, "catat", TABLES, NOW), OutcomeRecorded
    )
    assert outcome.code == "none"
    assert [(m.mark, m.expires_at) for m in outcome.marks] == [("alerted", (NOW + timedelta(days=180)).isoformat())]


def test_the_same_outcome_is_confirmed_once_and_a_correction_again() -> None:
    case, referral = police()
    case = taken(case, answered(referral.referral_id, code="no_crime_found")).case
    case = decide.confirm(case, referral.referral_id, "cleared", 2, BOSS, "ya", TABLES, NOW).case
    with pytest.raises(NotAllowed, match="confirmed already"):
        decide.confirm(case, referral.referral_id, "cleared", 2, BOSS, "ya", TABLES, NOW)
    corrected = taken(case, answered(referral.referral_id, code="lp_filed", answer_id="j2")).case
    said = corrected.referral(referral.referral_id)
    assert said is not None
    assert [a["code"] for a in said.answers] == ["no_crime_found", "lp_filed"]
    assert (said.outcome, said.proposed) == (None, "suspected_tppo_open")


def test_the_wrong_agency_sends_the_question_to_the_next_one_in_the_territory() -> None:
    case, referral = police()
    step = taken(case, answered(referral.referral_id, "wrong_agency"))
    (queued,) = sent(step, ReferralQueued)
    assert (queued.agency_id, queued.question) == ("polda-jateng", "protect_now")
    assert [(t, m.key.decode()) for t, m in step.messages if isinstance(m, Tombstone)] == [
        ("queue-polres-3304", referral.referral_id)
    ]


def test_where_no_other_agency_is_known_a_person_must_resolve() -> None:
    case = step_of(assessed("dukcapil_no_match")).case
    referral = next(r for r in case.referrals if r.question == "identity_doubt" and r.state == "sent")
    step = taken(case, answered(referral.referral_id, "wrong_agency"), referral.agency_id)
    new = step.case.referrals[-1]
    assert (new.agency_id, new.state, new.fields) == ("kanim-clp", "planned", ["R0"])
    assert "a person must resolve" in step.case.history[-1].reason


def test_more_data_is_released_by_a_person_and_the_clock_waits_for_it() -> None:
    case, referral = police()
    step = taken(case, answered(referral.referral_id, "need_more_data", wants=["R9"]))
    asked = step.case.referral(referral.referral_id)
    assert asked is not None
    assert (asked.wants, asked.owner) == (["R9"], "kanim-clp:supervisor")
    assert [c.name for c in step.case.running(asked.referral_id) if c.paused_at is None] == ["fields"]
    later = NOW + timedelta(hours=3)
    with pytest.raises(NotAllowed, match="R5 was not asked for"):
        decide.release_fields(step.case, asked.referral_id, ["R5"], BOSS, "ya", TABLES, later)
    given = decide.release_fields(step.case, asked.referral_id, ["R9"], BOSS, "ya", TABLES, later)
    (queued,) = sent(given, ReferralQueued)
    assert "R9" in queued.fields
    assert queued.deadline == (referral.deadline + timedelta(hours=3)).isoformat()


def test_answers_out_of_order_change_nothing_that_is_known() -> None:
    case, referral = police()
    case = taken(case, answered(referral.referral_id, "working", answer_id="b")).case
    case = taken(case, answered(referral.referral_id, "acknowledged", answer_id="a")).case
    said = case.referral(referral.referral_id)
    assert said is not None
    assert (said.state, [a["status"] for a in said.answers]) == ("working", ["working", "acknowledged"])


def test_answers_that_contradict_each_other_are_shown_side_by_side() -> None:
    case, referral = police()
    ppa = next(r for r in case.referrals if r.question == "victim_support")
    case = taken(case, answered(referral.referral_id, code="lp_filed")).case
    assert case.contradictions() == []
    case = taken(case, answered(ppa.referral_id, code="not_a_victim", answer_id="p1"), "uptd-ppa-3304").case
    assert case.contradictions() == [
        {"referral_ref": referral.referral_ref, "outcome": "suspected_tppo_open"},
        {"referral_ref": ppa.referral_ref, "outcome": "cleared"},
    ]


@pytest.mark.parametrize("role", sorted(TABLES.answers))
def test_every_code_of_an_agency_is_taken_as_it_is_shown(role: str) -> None:
    for shown in answer.codes(TABLES, role):
        given = shown.replace("…", "2026-11-01").split("|")[0]
        assert TABLES.code(role, given) is not None, shown
