"""What people decide on the referrals of a case."""

import pytest

from services.contracts.alerts import AlertRequested
from services.contracts.cases import CaseMoved
from services.contracts.referrals import ReferralQueued
from services.referral import decide
from services.referral.case import Actor
from services.referral.move import NotAllowed
from tests.referral.cases import BOSS, NOW, TABLES, assessed, sent, step_of, waiting


def test_a_supervisor_lets_a_referral_leave() -> None:
    first = step_of(assessed("illegal_placement_fee"))
    referral_id = waiting(first, "investigate_recruitment")
    second = decide.approve(first.case, referral_id, BOSS, "bukti cukup", TABLES, NOW)
    assert [m.referral_id for m in sent(second, ReferralQueued)] == [referral_id]
    assert [m.to for m in sent(second, AlertRequested)] == ["polres-3304"]
    assert [m.action for m in sent(second, CaseMoved)] == ["referral_approved", "referral_sent", "moved", "moved"]
    assert second.case.state == "referred"
    assert waiting(first, "investigate_recruitment") == referral_id  # the step left the old case alone


@pytest.mark.parametrize(
    ("actor", "reason", "consent", "question", "words"),
    [
        (Actor(ref="p", role="officer"), "x", None, "investigate_recruitment", "may not do this"),
        (BOSS, "  ", None, "investigate_recruitment", "reason"),
        (BOSS, "x", None, "accompany", "name the consent record"),
        (BOSS, "x", "S-1", "accompany", "the case has no consent S-1; it has: none"),
    ],
)
def test_what_a_person_may_not_do_is_refused_with_the_rule(
    actor: Actor, reason: str, consent: str | None, question: str, words: str
) -> None:
    first = step_of(assessed("illegal_placement_fee"))
    with pytest.raises(NotAllowed, match=words):
        decide.approve(first.case, waiting(first, question), actor, reason, TABLES, NOW, consent)


def test_a_sent_referral_cannot_be_approved_again() -> None:
    first = step_of(assessed("illegal_placement_fee"))
    referral_id = waiting(first, "investigate_recruitment")
    second = decide.approve(first.case, referral_id, BOSS, "bukti", TABLES, NOW)
    with pytest.raises(NotAllowed, match="is sent"):
        decide.approve(second.case, referral_id, BOSS, "lagi", TABLES, NOW)


def test_below_level_3_a_person_refers_and_a_supervisor_approves() -> None:
    case = step_of(assessed("told_to_lie", level=2)).case
    handler = Actor(ref="penyidik-1", role="case_officer")
    step = decide.refer(case, "victim_support_social", handler, "laki-laki, butuh rumah aman", TABLES, NOW)
    (referral,) = step.case.referrals
    assert (referral.agency_id, referral.state, referral.question) == ("dinsos-3304", "planned", "victim_support")
    assert sent(step, ReferralQueued) == []
    with pytest.raises(NotAllowed, match="no such question; one of: protect_now"):
        decide.refer(case, "ask_everybody", handler, "x", TABLES, NOW)
    with pytest.raises(NotAllowed, match="in the case already"):
        decide.refer(step.case, "victim_support_social", handler, "x", TABLES, NOW)
