"""consent and glass: who agreed to what, what a withdrawal takes back, and a look for which two supervisors are told."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.alerts import AlertRequested
from services.contracts.referrals import ReferralQueued
from services.referral import consent, decide, glass
from services.referral.case import Actor, Case
from services.referral.move import NotAllowed
from services.referral.reveal import of_case
from services.referral.steps import Tombstone
from tests.referral.cases import BOSS, NOW, TABLES, assessed, sent, step_of, waiting

OFFICER = Actor(ref="petugas-1", role="officer")
TEXT = "ormas-2026-1"


def agreed(**facts: Any) -> tuple[Case, str]:
    case = step_of(assessed("illegal_placement_fee", **facts)).case
    step = consent.give(case, ["sbmi"], TEXT, "person", OFFICER, TABLES, NOW)
    return step.case, step.case.consents[0].consent_ref


def test_an_ormas_gets_a_referral_with_the_consent_of_the_person_and_sees_the_record() -> None:
    case, ref = agreed(int={"support_need": ["language"], "recruiter_token": "phone.1." + "c" * 32})
    rid = next(r.referral_id for r in case.referrals if r.question == "accompany")
    step = decide.approve(case, rid, BOSS, "diminta", TABLES, NOW, ref)
    assert [m.agency_id for m in sent(step, ReferralQueued)] == ["sbmi"]
    referral = step.case.referral(rid)
    assert referral is not None
    assert of_case(step.case, referral) == {
        "needs": {"minor": False, "support_need": ["language"]},
        "consent": {"consent_ref": ref, "text": TEXT, "given_by": "person", "at": "2026-11-20T03:00:00Z"},
    }


def test_the_interview_that_a_person_releases_is_coded_and_holds_no_token() -> None:
    case, _ = agreed(int={"payer": "agent", "recruiter_token": "phone.1." + "c" * 32, "answers_simhash": 7})
    referral = case.referrals[0].model_copy(update={"fields": ["R0", "R9"]})
    assert of_case(case, referral) == {"interview": {"payer": "agent"}}


def test_consent_is_for_the_agencies_that_it_names() -> None:
    case, ref = agreed()
    rid = next(r.referral_id for r in case.referrals if r.question == "accompany")
    with pytest.raises(NotAllowed, match="is for sbmi, not for migrant-care"):
        consent.must_hold(case, ref, "migrant-care")
    sent_case = decide.approve(case, rid, BOSS, "diminta", TABLES, NOW, ref).case
    assert sent_case.state == "referred"


@pytest.mark.parametrize(
    ("agencies", "text", "by", "actor", "minor", "words"),
    [
        (["sbmi"], "lisan", "person", OFFICER, False, "no text lisan is in force; there is: ormas-2026-1"),
        (["polres-3304"], TEXT, "person", OFFICER, False, "polres-3304: consent is asked for community organisations"),
        (["sbmi"], TEXT, "person", OFFICER, True, "for a child the parent or guardian agrees"),
        (["sbmi"], TEXT, "person", Actor(ref="x", role="kanwil"), False, "kanwil may not do this"),
    ],
)
def test_a_consent_that_is_none_is_refused_with_the_rule(
    agencies: list[str], text: str, by: Any, actor: Actor, minor: bool, words: str
) -> None:
    case = step_of(assessed("illegal_placement_fee", person={"is_minor": minor})).case
    with pytest.raises(NotAllowed, match=words):
        consent.give(case, agencies, text, by, actor, TABLES, NOW)


def test_consent_withdrawn_takes_back_what_rests_on_it_and_nothing_else() -> None:
    case, ref = agreed()
    rid = next(r.referral_id for r in case.referrals if r.question == "accompany")
    case = decide.approve(case, rid, BOSS, "diminta", TABLES, NOW, ref).case
    first = step_of(assessed("illegal_placement_fee"))
    case = decide.approve(case, waiting(first, "investigate_recruitment"), BOSS, "bukti", TABLES, NOW).case
    step = consent.withdraw(case, ref, OFFICER, "tidak mau lagi", TABLES, NOW)
    assert [(t, m.key.decode()) for t, m in step.messages if isinstance(m, Tombstone)] == [("queue-sbmi", rid)]
    states = {r.question: (r.state, r.retracted) for r in step.case.referrals if r.sent_at}
    assert states == {"accompany": ("withdrawn", True), "investigate_recruitment": ("sent", False)}
    with pytest.raises(NotAllowed, match="was withdrawn"):
        consent.must_hold(step.case, ref, "sbmi")
    with pytest.raises(NotAllowed, match="withdrawn already"):
        consent.withdraw(step.case, ref, OFFICER, "lagi", TABLES, NOW)


def test_whoever_breaks_the_glass_sees_for_three_hours_and_two_supervisors_are_told() -> None:
    case = step_of(assessed("illegal_placement_fee")).case
    step = glass.break_(case, OFFICER, "keluarga menelepon: hilang kontak", frozenset(), TABLES, NOW)
    assert [a.to for a in sent(step, AlertRequested)] == ["kanim-clp:supervisor", "kanim-clp:inteldakim"]
    assert len({a.alert_id for a in sent(step, AlertRequested)}) == 2
    entry = step.case.history[-1]
    assert (entry.action, entry.actor) == ("glass_broken", "petugas-1")
    assert "hilang kontak" in entry.reason
    assert glass.opened(step.case, OFFICER, NOW + timedelta(hours=2, minutes=59)) is not None
    assert glass.opened(step.case, OFFICER, NOW + timedelta(hours=3)) is None
    assert glass.opened(step.case, BOSS, NOW) is None
    with pytest.raises(NotAllowed, match="open for you already"):
        glass.break_(step.case, OFFICER, "lagi", frozenset(), TABLES, NOW)


def test_nobody_breaks_the_glass_of_a_case_that_he_is_part_of() -> None:
    case = step_of(assessed("illegal_placement_fee")).case
    with pytest.raises(NotAllowed, match="conflict of interest"):
        glass.break_(case, OFFICER, "ingin tahu", frozenset({"phone.1." + "a" * 32}), TABLES, NOW)
    with pytest.raises(NotAllowed, match="may not do this"):
        glass.break_(case, Actor(ref="x", role="kanwil"), "ingin tahu", frozenset(), TABLES, NOW)
