"""move: who may take a case from state to state, and what must be there."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.alerts import AlertRequested
from services.contracts.cases import OutcomeRecorded, RetentionSet
from services.contracts.fields import parse_time
from services.referral import decide, move
from services.referral.case import Actor, Case, Deferral
from services.referral.move import NotAllowed, Wish
from services.referral.route import route
from services.referral.steps import Step, Tombstone
from services.referral.tick import tick
from tests.referral.cases import BOSS, NOW, TABLES, THREAT, assessed, sent, step_of

OFFICER, OTHER = Actor(ref="petugas-1", role="officer"), Actor(ref="petugas-2", role="officer")
HANDLER, KAKANIM = Actor(ref="penyidik-1", role="case_officer"), Actor(ref="kakanim-1", role="kakanim")
BOSS_2, KANWIL = Actor(ref="pengawas-2", role="supervisor"), Actor(ref="kanwil-1", role="kanwil")
LETTER = Deferral(
    bring=["kontrak kerja", "surat izin keluarga"], objection="Tulis keberatan kepada kepala kantor, 21 hari kerja."
)
LAW = "Permenkumham 8/2014 Ps 24"


def moved(case: Case, to: str, actor: Actor, **more: Any) -> Case:
    return move.move(case, Wish(to, "alasan", **more), actor, TABLES, NOW).case


def flagged(level: int = 2, **facts: Any) -> Case:
    return step_of(assessed("told_to_lie", level=level, **facts)).case


def deferred(**facts: Any) -> Case:
    case = moved(flagged(3, **facts), "case_opened", BOSS)
    case = moved(
        moved(case, "verifying", BOSS), "deferred", HANDLER, legal_ref=LAW, deferral=LETTER, family="dugaan_pmi_np"
    )
    return moved(case, "deferred", KAKANIM)


def test_what_is_not_legal_is_refused_with_the_list_of_what_is() -> None:
    with pytest.raises(NotAllowed, match="cannot become refused; it can become: interviewing, dismissed, case_opened"):
        moved(flagged(), "refused", KAKANIM)


def test_a_role_that_may_not_is_told_which_may() -> None:
    with pytest.raises(
        NotAllowed, match="role kanwil may not move a case to interviewing; officer or case_officer may"
    ):
        moved(flagged(), "interviewing", KANWIL)


def test_a_second_officer_confirms_that_somebody_is_cleared_at_level_2() -> None:
    case = moved(moved(flagged(), "interviewing", OFFICER), "closed_cleared", OFFICER)
    assert case.state == "interviewing"
    assert case.proposal is not None
    with pytest.raises(NotAllowed, match="proposed by the same person; another officer"):
        moved(case, "closed_cleared", OFFICER)
    assert moved(case, "closed_cleared", OTHER).state == "closed_cleared"


def test_nobody_closes_his_own_level_3_case() -> None:
    case = moved(flagged(3), "case_opened", BOSS)
    case = moved(moved(case, "verifying", BOSS), "closed_cleared", HANDLER)
    with pytest.raises(NotAllowed, match="nobody closes his own level 3 case"):
        moved(case, "closed_cleared", BOSS)
    assert moved(case, "closed_cleared", BOSS_2).state == "closed_cleared"


def test_an_officer_linked_to_an_entity_of_the_case_hands_it_on() -> None:
    case = step_of(assessed("told_to_lie", level=2)).case
    case.facts["app"]["agent_token"] = token = "phone.1." + "c" * 32
    with pytest.raises(NotAllowed, match="conflict of interest"):
        moved(case, "interviewing", OFFICER, linked=frozenset({token}))
    assert moved(case, "interviewing", OFFICER, linked=frozenset({"phone.1." + "d" * 32})).officer == OFFICER.ref


@pytest.mark.parametrize("missing", ["legal_ref", "deferral"])
def test_a_deferral_without_law_list_and_objection_text_cannot_be_stored(missing: str) -> None:
    case = moved(moved(flagged(3), "case_opened", BOSS), "verifying", BOSS)
    given: dict[str, Any] = {"legal_ref": LAW, "deferral": LETTER, "family": "dugaan_pmi_np"}
    del given[missing]
    with pytest.raises(NotAllowed, match="a deferral needs in writing"):
        moved(case, "deferred", HANDLER, **given)


def test_a_deferral_is_signed_by_the_head_of_the_office_and_gives_thirty_days() -> None:
    case = deferred()
    assert (case.state, case.deferral) == ("deferred", LETTER)
    (clock,) = case.running(case.case_id)
    assert (clock.name, clock.due_at) == ("evidence", NOW + timedelta(days=30))
    with pytest.raises(NotAllowed, match="the applicant has until 2026-12-20"):
        moved(case, "cancelled_incomplete", BOSS)


def test_nobody_is_refused_without_an_interview_and_only_the_head_signs() -> None:
    with pytest.raises(NotAllowed, match="role supervisor may not move a case to refused; kakanim may"):
        moved(deferred(), "refused", BOSS, legal_ref=LAW)
    with pytest.raises(NotAllowed, match="without an interview"):
        moved(deferred(), "refused", KAKANIM, legal_ref=LAW)
    assert moved(deferred(int={"recruiter_met": True}), "refused", KAKANIM, legal_ref=LAW).state == "refused"


def test_an_objection_is_decided_by_somebody_who_was_not_involved() -> None:
    case = moved(moved(deferred(int={"recruiter_met": True}), "refused", KAKANIM, legal_ref=LAW), "objection", OFFICER)
    involved = Actor(ref=KAKANIM.ref, role="kanwil")
    with pytest.raises(NotAllowed, match="not involved before"):
        moved(case, "upheld", involved, legal_ref=LAW)
    assert moved(case, "upheld", KANWIL, legal_ref=LAW).state == "upheld"


def test_a_safety_hold_keeps_a_case_open_until_police_or_ppa_release_it() -> None:
    case = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT)).case
    case = moved(moved(case, "case_opened", BOSS), "verifying", BOSS)
    with pytest.raises(NotAllowed, match="safety hold"):
        moved(case, "closed_cleared", HANDLER)
    with pytest.raises(NotAllowed, match="only the police or the UPTD PPA"):
        decide.release_hold(case, "disnaker-3304", "aman", TABLES, NOW)
    with pytest.raises(NotAllowed, match="was not asked"):
        decide.release_hold(case, "polres-3301", "aman", TABLES, NOW)
    free = decide.release_hold(case, "polres-3304", "aman", TABLES, NOW).case
    assert moved(moved(free, "closed_cleared", HANDLER), "closed_cleared", BOSS_2).state == "closed_cleared"


def closing() -> Step:
    case = step_of(assessed("work_intent_not_in_siskop2mi")).case
    case = moved(moved(moved(case, "case_opened", BOSS), "verifying", BOSS), "closed_cleared", HANDLER)
    return move.move(case, Wish("closed_cleared", "alasan"), BOSS_2, TABLES, NOW)


def test_cleared_leaves_every_queue_in_the_same_step() -> None:
    step = closing()
    left = [t for t, m in step.messages if isinstance(m, Tombstone)]
    assert left == ["queue-bp3mi-jateng"]
    assert {r.state for r in step.case.referrals} == {"withdrawn"}
    assert step.case.clocks == []
    (outcome,) = sent(step, OutcomeRecorded)
    assert (outcome.code, outcome.decided_by_role) == ("cleared", "supervisor")
    (kept,) = sent(step, RetentionSet)
    assert parse_time(kept.keep_until) == NOW + timedelta(days=365)


def test_a_closed_case_sends_nothing_and_only_a_person_opens_it_again() -> None:
    closed = closing().case
    news = route(assessed("threat_or_fear_disclosed", act=True, version=9, **THREAT), closed, TABLES, NOW)
    assert news is not None
    assert (news.case.state, [t for t, _ in news.messages if t.startswith("queue-")]) == ("closed_cleared", [])
    assert [(a.to, a.severity) for a in sent(news, AlertRequested)] == [("kanim-clp:supervisor", "must_act")]
    assert moved(news.case, "reopened", BOSS).state == "reopened"


def test_a_case_in_pause_does_not_move_and_its_clocks_stand() -> None:
    from services.referral import person

    paused = person.restrict(flagged(3), NOW)
    assert paused is not None
    with pytest.raises(NotAllowed, match="Ps 41"):
        moved(paused.case, "case_opened", BOSS)
    assert all(c.paused_at == NOW for c in paused.case.clocks)
    assert tick(paused.case, TABLES, NOW + timedelta(days=9)) is None
    again = person.release(paused.case, NOW + timedelta(days=9))
    assert again is not None
    assert {c.due_at for c in again.case.clocks} == {
        c.due_at + timedelta(days=9) for c in paused.case.clocks if not c.working
    }
