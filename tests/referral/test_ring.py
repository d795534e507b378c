"""The case of a ring: one, whatever its id, with members by reference and Polda for two kabupaten or more."""

from typing import Any

from services.contracts.alerts import AlertRequested
from services.contracts.cases import CaseMoved, OutcomeRecorded
from services.contracts.network import RingAssessed
from services.contracts.referrals import ReferralQueued
from services.referral import answer, decide
from services.referral.case import Case
from services.referral.ring import route_ring
from services.referral.steps import Step
from tests.referral.cases import BOSS, NOW, TABLES, answered, assessed, sent, step_of

HOST = "phone.1." + "f" * 32


def ring(
    *members: str, ring_id: str = "ring-1", version: int = 1, kab: tuple[str, ...] = ("3304",), **more: Any
) -> RingAssessed:
    return RingAssessed(
        ring_id=ring_id, members=list(members), entities=[{"kind": "host_phone", "token": HOST}], kabupaten=list(kab),
        first_at="2026-11-01T08:00:00+07:00", last_at="2026-11-20T08:00:00+07:00", density=0.6, hypothesis_id="Satu penjamin.",
        hypothesis_en="One host.", record_version=version, **{"licensed_share": 0.0, **more},
    )  # fmt: skip


def only(message: RingAssessed, *cases: Case) -> Step:
    (step,) = route_ring(message, list(cases), TABLES, NOW)
    return step


def test_a_ring_of_one_kabupaten_is_for_its_police_and_waits_for_a_person() -> None:
    step = only(ring("A1", "A2", "A3"))
    (referral,) = step.case.referrals
    assert (referral.agency_id, referral.state, referral.fields) == ("polres-3304", "planned", ["R0", "R5", "R6"])
    assert sent(step, ReferralQueued) == []
    assert [a.to for a in sent(step, AlertRequested)] == ["kanim-clp:supervisor"]


def test_polda_is_asked_about_members_by_reference_and_of_nobody_else() -> None:
    case = only(ring("A1", "A2", "A3", kab=("3301", "3304"))).case
    (referral,) = case.referrals
    assert referral.agency_id == "polda-jateng"
    (queued,) = sent(decide.approve(case, referral.referral_id, BOSS, "ya", TABLES, NOW), ReferralQueued)
    own = step_of(assessed("told_to_lie", level=2)).case
    assert own.application_id == "A1"
    assert queued.coded["members"][0] == own.case_ref
    assert (len(queued.coded["members"]), queued.coded["kabupaten"]) == (3, ["3301", "3304"])
    assert queued.coded["entities"] == {"E1": {"kind": "host_phone"}}
    assert HOST not in queued.encode().decode()
    assert "A1" not in queued.encode().decode().replace(queued.coded["members"][0], "")


def test_the_case_follows_its_ring_when_an_earlier_member_gives_it_another_id() -> None:
    case = only(ring("A1", "A2", "A3")).case
    step = only(ring("A0", "A1", "A2", "A3", ring_id="ring-0", kab=("3301", "3304"), supersedes=["ring-1"]), case)
    assert step.case.case_id == case.case_id
    assert step.case.members == ["A0", "A1", "A2", "A3"]
    assert [(r.agency_id, r.state) for r in step.case.referrals] == [
        ("polres-3304", "withdrawn"),
        ("polda-jateng", "planned"),
    ]
    assert route_ring(ring("A1", "A2", "A3", version=2), [step.case], TABLES, NOW) == []


def test_the_same_version_twice_and_an_older_one_change_nothing() -> None:
    case = only(ring("A1", "A2", "A3", version=3)).case
    for version in (3, 2):
        assert route_ring(ring("A1", "A2", version=version), [case], TABLES, NOW) == []


def test_two_rings_that_grow_together_leave_one_case_and_one_that_says_so() -> None:
    first, second = only(ring("A1", "A2", "A3")).case, only(ring("B1", "B2", "B3", ring_id="ring-2")).case
    one, other = route_ring(
        ring("A1", "A2", "A3", "B1", "B2", "B3", version=9, supersedes=["ring-2"]), [first, second], TABLES, NOW
    )
    assert (one.case.case_id, len(one.case.members)) == (first.case_id, 6)
    assert (
        first.case_ref in sent(other, CaseMoved)[0].model_dump_json() or first.case_ref in other.case.history[-1].reason
    )


def test_a_tour_with_a_licence_makes_no_case_and_a_ring_that_falls_apart_closes_none() -> None:
    assert route_ring(ring("A1", "A2", "A3", licensed_share=0.9), [], TABLES, NOW) == []
    step = only(ring(version=2, kab=()), only(ring("A1", "A2", "A3")).case)
    assert step.case.state == "flagged"
    assert "fell apart" in step.case.history[-1].reason


def test_the_outcome_of_a_ring_is_one_message_a_member_and_its_mark_goes_once() -> None:
    case = only(ring("A1", "A2", "A3", kab=("3301", "3304"))).case
    rid = case.referrals[0].referral_id
    case = decide.approve(case, rid, BOSS, "ya", TABLES, NOW).case
    word = answered(rid, code="recruiter_confirmed", marks=["E1"])
    step = answer.answer(case, word, "polda-jateng", TABLES, NOW)
    assert step is not None
    outcomes = sent(decide.confirm(step.case, rid, "confirmed_tppo", 3, BOSS, "ya", TABLES, NOW), OutcomeRecorded)
    assert [o.application_id for o in outcomes] == ["A1", "A2", "A3"]
    assert {o.ring_id for o in outcomes} == {"ring-1"}
    assert [len(o.marks) for o in outcomes] == [1, 0, 0]
    assert len({o.outcome_id for o in outcomes}) == 3


def test_a_passport_that_is_out_is_told_to_the_supervisor_once() -> None:
    message = assessed("shared_host_contact_abroad", level=2).model_copy(update={"notices": ["issued-passport"]})
    step = step_of(message)
    assert ("kanim-clp:supervisor", "new") in [(a.to, a.step) for a in sent(step, AlertRequested)]
    again = step_of(message.model_copy(update={"record_version": 6, "assessment_id": "as-6"}), step.case)
    assert sent(again, AlertRequested) == []
