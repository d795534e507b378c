"""route: which question goes to which agency, and what leaves without a person."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.alerts import AlertRequested
from services.contracts.fields import parse_time
from services.contracts.referrals import ReferralQueued
from services.referral import decide
from services.referral.case import broken_at
from services.referral.reveal import GROUPS
from services.referral.route import needs_case, route
from services.referral.tables import ALLOWED
from tests.referral.cases import BOSS, NOW, TABLES, THREAT, assessed, sent, step_of


@pytest.mark.parametrize(
    ("level", "act", "review", "wanted"),
    [
        (0, False, False, False),
        (1, False, False, False),
        (2, False, False, True),
        (3, False, False, True),
        (3, True, False, True),
        (2, False, True, True),
    ],
)
def test_a_case_is_made_from_level_2_must_review_or_must_act_r66(
    level: int, act: bool, review: bool, wanted: bool
) -> None:
    message = assessed("told_to_lie", level=level, act=act, review=review)
    assert needs_case(message) is wanted
    assert (route(message, None, TABLES, NOW) is not None) is wanted


def test_below_level_3_only_a_person_refers_r65() -> None:
    step = step_of(assessed("identity_x", "nik_structure_invalid", level=2))
    assert step.case.referrals == []
    assert step.case.state == "flagged"


# findings, facts beside → {question: (agency, mode, fields)}
MATRIX: list[tuple[tuple[str, ...], dict[str, Any], bool, dict[str, tuple[str, str, list[str]]]]] = [
    (("threat_or_fear_disclosed",), THREAT, True, {
        "protect_now": ("polres-3304", "automatic", ["R0", "R1", "R2", "R3", "R4", "R5", "R6"]),
        "victim_support": ("uptd-ppa-3304", "automatic", ["R0", "R1(4)", "R2", "R6", "R7", "R8"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
        "witness_protection": ("lpsk", "on_approval", ["R0", "R1", "R6", "R8"]),
    }),
    (("threat_or_fear_disclosed",), {"int": {"wants_help": True}}, True, {
        "protect_now": ("polres-3304", "on_approval", ["R0", "R1", "R2", "R3", "R4", "R5", "R6"]),
        "victim_support": ("uptd-ppa-3304", "automatic", ["R0", "R1(4)", "R2", "R6", "R7", "R8"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("minor_work_or_marriage",), {"person": {"is_minor": True}}, True, {
        "child_protection": ("uptd-ppa-3304", "automatic", ["R0", "R1(4)", "R2", "R6", "R7", "R8"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("work_intent_not_in_siskop2mi",), {}, False, {
        "placement_known": ("disnaker-3304", "on_approval", ["R0", "R1(4)", "R2", "R3", "R5"]),
        "registry_status": ("bp3mi-jateng", "automatic", ["R0", "R1", "R3", "R5"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("dukcapil_no_match",), {"duk": {"domicile_desa_code": "3305012001"}}, False, {
        "identity_doubt": ("disdukcapil-3305", "automatic", ["R0", "R1", "R4"]),
        "home_check": ("pemda-3304", "on_approval", ["R0", "R1(4)", "R2"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("illegal_placement_fee",), {}, False, {
        "investigate_recruitment": ("polres-3304", "on_approval", ["R0", "R1", "R2", "R3", "R4", "R5", "R6"]),
        "placement_known": ("disnaker-3304", "on_approval", ["R0", "R1(4)", "R2", "R3", "R5"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("domestic_work_restricted_country",), {}, False, {
        "placement_known": ("disnaker-3304", "on_approval", ["R0", "R1(4)", "R2", "R3", "R5"]),
        "registry_status": ("bp3mi-jateng", "automatic", ["R0", "R1", "R3", "R5"]),
        "restricted_placement": ("bp3mi-jateng", "automatic", ["R0", "R1", "R3", "R5"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("agent_prior_bad_outcomes",), {}, False, {
        "agent_complaints": ("bp3mi-jateng", "automatic", ["R0", "R1", "R3", "R5"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("minor_with_non_parent",), {"person": {"is_minor": True}, "duk": {"domicile_desa_code": "3304012001"}}, False, {
        "child_protection": ("uptd-ppa-3304", "on_approval", ["R0", "R1(4)", "R2", "R6", "R7", "R8"]),
        "identity_doubt": ("disdukcapil-3304", "automatic", ["R0", "R1", "R4"]),
        "home_check": ("pemda-3304", "on_approval", ["R0", "R1(4)", "R2"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("village_burst",), {"net": {"desa": {"people": 14}}}, False, {
        "village_warning": ("pemda-3304", "on_approval", ["R0"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("umrah_license_unverified",), {}, False, {
        "organiser_licence": ("kemenag-3304", "automatic", ["R0"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("seafarer_papers_missing",), {}, False, {
        "seafarer_papers": ("ksop-cilacap", "automatic", ["R0", "R4", "R5"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("mission_alert_match",), {}, False, {
        "check_abroad": ("kemlu-pwni", "on_approval", ["R0", "R1", "R3", "R5"]),
        "agent_complaints": ("bp3mi-jateng", "automatic", ["R0", "R1", "R3", "R5"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
    (("reapply_elsewhere_after_refusal",), {}, False, {
        "office_history": ("kanwil-imigrasi-jateng", "automatic", ["R0"]),
        "accompany": ("sbmi", "on_approval", ["R0", "R2", "R7", "R8"]),
    }),
]  # fmt: skip
IN_MATRIX = {q for *_, wanted in MATRIX for q in wanted}


@pytest.mark.parametrize(
    ("findings", "facts", "act", "wanted"),
    MATRIX,
    ids=["+".join(f) + ("" if i != 1 else " help") for i, (f, *_) in enumerate(MATRIX)],
)
def test_each_row_of_the_matrix_leaves_with_exactly_its_fields(
    findings: tuple[str, ...], facts: dict[str, Any], act: bool, wanted: dict[str, Any]
) -> None:
    step = step_of(assessed(*findings, act=act, **facts))
    assert {r.question: (r.agency_id, r.mode, r.fields) for r in step.case.referrals} == wanted
    queued = {m.question for m in sent(step, ReferralQueued)}
    assert queued == {q for q, (_, mode, _) in wanted.items() if mode == "automatic"}


BY_HAND = {
    "victim_support_social": ("dinsos-3304", ["R0", "R1(4)", "R2", "R6", "R7", "R8"]),
    "health_care": ("rsud-3304", ["R0", "R7", "R8"]),
    "prosecution_feedback": ("kejari-3304", ["R0"]),
}


@pytest.mark.parametrize(("name", "wanted"), BY_HAND.items())
def test_each_row_that_only_a_person_asks_leaves_with_exactly_its_fields(
    name: str, wanted: tuple[str, list[str]]
) -> None:
    case = step_of(assessed("told_to_lie", level=2)).case
    asked = decide.refer(case, name, BOSS, "diminta", TABLES, NOW).case
    (referral,) = asked.referrals
    assert (referral.agency_id, referral.fields) == wanted
    assert (referral.mode, referral.state) == ("on_approval", "planned")
    step = decide.approve(asked, referral.referral_id, BOSS, "ya", TABLES, NOW)
    assert [(m.agency_id, m.fields) for m in sent(step, ReferralQueued)] == [wanted]


def test_every_question_that_a_rule_asks_stands_in_the_matrix() -> None:
    assert {rule.code for rule in TABLES.routes if not rule.by_hand} == IN_MATRIX
    assert {rule.name for rule in TABLES.routes if rule.by_hand} == BY_HAND.keys()


@pytest.mark.parametrize(
    ("finding_", "facts", "question", "coded"),
    [
        (
            "village_burst",
            {"net": {"desa": {"people": 14}}},
            "village_warning",
            {"desa_code": "3304042012", "people": 14},
        ),
        (
            "village_burst",
            {"net": {"desa": {"people": 4}}},
            "village_warning",
            {"desa_code": "3304042012", "people": "<10"},
        ),
        ("umrah_license_unverified", {}, "organiser_licence", {"licence_no": "U.123", "depart_date": "2027-01-10"}),
        ("reapply_elsewhere_after_refusal", {}, "office_history", {"subject_token": "subject.1." + "a" * 32}),
    ],
)
def test_what_leaves_beside_the_groups_is_coded_and_names_nobody(
    finding_: str, facts: dict[str, Any], question: str, coded: dict[str, Any]
) -> None:
    message = assessed(finding_, **facts)
    message.facts["app"] |= {
        "agent_license_no": "U.123",
        "depart_date": "2027-01-10",
        "subject_token": "subject.1." + "a" * 32,
    }
    step = step_of(message)
    referral_id = next(r.referral_id for r in step.case.referrals if r.question == question)
    if not sent(step, ReferralQueued):
        step = decide.approve(step.case, referral_id, BOSS, "ya", TABLES, NOW)
    (queued,) = [m for m in sent(step, ReferralQueued) if m.question == question]
    assert (queued.coded, queued.fields) == (coded, ["R0"])


@pytest.mark.parametrize("kab", ["3301", "3302", "3303", "3304", "3305"])
@pytest.mark.parametrize(
    "role",
    ["polri", "disnaker", "disdukcapil", "pemda", "uptd_ppa", "dinsos", "kemenag", "ksop", "ormas", "gugus_tugas"],
)
def test_every_kind_of_partner_exists_for_every_kabupaten(role: str, kab: str) -> None:
    found = TABLES.find(role, kab)
    assert found.role == role
    assert kab in found.territory


def test_a_place_without_an_agency_falls_to_the_default_that_a_person_must_resolve() -> None:
    step = step_of(assessed("threat_or_fear_disclosed", act=True, kab="7371", int={"threat_disclosed": True}))
    police = next(r for r in step.case.referrals if r.question == "protect_now")
    assert (police.agency_id, police.mode, police.fields, police.state) == (
        "kanim-clp",
        "on_approval",
        ["R0"],
        "planned",
    )
    assert any("a person must resolve" in e.reason for e in step.case.history)


def test_police_of_another_kabupaten_in_the_province_is_polda() -> None:
    step = step_of(assessed("illegal_placement_fee", kab="3320"))
    assert next(r for r in step.case.referrals if r.question == "investigate_recruitment").agency_id == "polda-jateng"


def test_promise_1_the_same_assessment_twice_changes_nothing() -> None:
    message = assessed("work_intent_not_in_siskop2mi")
    assert route(message, step_of(message).case, TABLES, NOW) is None


def test_promise_1_a_newer_assessment_never_makes_a_second_referral() -> None:
    first = step_of(assessed("work_intent_not_in_siskop2mi", version=5))
    second = step_of(assessed("work_intent_not_in_siskop2mi", "illegal_placement_fee", version=6), first.case)
    ids = [r.referral_id for r in second.case.referrals]
    assert len(ids) == len(set(ids))
    assert {m.question for m in sent(second, ReferralQueued)} == set()
    assert {"investigate_recruitment"} == {r.question for r in second.case.referrals} - {
        r.question for r in first.case.referrals
    }


def test_a_planned_referral_leaves_when_it_becomes_mandated() -> None:
    """A child travels with an uncle (a person decides); then the interview says: to work. Nobody is waited for any more."""
    child: dict[str, Any] = {"person": {"is_minor": True, "nik_kab": "3302"}}
    first = step_of(assessed("minor_with_non_parent", level=2, review=True, version=1, **child))
    assert sent(first, ReferralQueued) == [] or all(
        m.question != "child_protection" for m in sent(first, ReferralQueued)
    )
    then = step_of(
        assessed("minor_with_non_parent", "minor_work_or_marriage", act=True, version=2, **child), first.case
    )
    (queued,) = [m for m in sent(then, ReferralQueued) if m.question == "child_protection"]
    assert queued.urgent
    (referral,) = [r for r in then.case.referrals if r.question == "child_protection"]
    assert (referral.state, referral.mode, referral.owner) == ("sent", "automatic", referral.agency_id)
    again = step_of(assessed("minor_work_or_marriage", act=True, version=3, **child), then.case)
    assert not any(m.question == "child_protection" for m in sent(again, ReferralQueued))


def test_an_older_assessment_that_comes_late_changes_nothing() -> None:
    first = step_of(assessed("work_intent_not_in_siskop2mi", version=6))
    assert route(assessed("nik_structure_invalid", version=5), first.case, TABLES, NOW) is None
    assert route(assessed("work_intent_not_in_siskop2mi", version=6), first.case, TABLES, NOW) is None


def test_after_an_attempt_that_died_the_case_follows_what_the_next_one_said() -> None:
    """The lost attempt heard a signal before the second event, the next one after it: one version twice, one id with two versions."""
    lost = assessed("shared_phone_many_applicants", version=5).model_copy(update={"assessment_id": "signal"})
    event = assessed("dukcapil_no_match", version=5).model_copy(update={"assessment_id": "event"})
    both = assessed("dukcapil_no_match", "shared_phone_many_applicants", version=6)
    both = both.model_copy(update={"assessment_id": "signal"})
    case = step_of(lost).case
    for message in (event, both):
        case = step_of(message, case).case
    assert [f["id"] for f in case.findings] == ["dukcapil_no_match", "shared_phone_many_applicants"]
    assert all(route(message, case, TABLES, NOW) is None for message in (lost, event, both))


def test_promise_7_the_system_itself_only_flags_plans_and_sends_what_is_mandated() -> None:
    step = step_of(assessed("threat_or_fear_disclosed", "illegal_placement_fee", act=True, **THREAT))
    by_system = {e.action for e in step.case.history if e.role == "system"}
    assert by_system == {"flagged", "referral_planned", "referral_sent"}
    assert step.case.state == "flagged"
    modes = {r.mode for r in step.case.referrals if r.state == "sent"}
    assert modes == {"automatic"}
    assert {t for t, _ in step.messages if t.startswith("passport")} == set()


def test_promise_7_every_entry_has_actor_role_and_reason() -> None:
    step = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT))
    assert all(e.actor and e.role and e.reason for e in step.case.history)


def test_promise_10_an_alert_carries_a_reference_and_a_deadline_and_nothing_of_the_case() -> None:
    step = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT))
    allowed = {"alert_id", "to", "ref", "deadline", "severity", "step", "not_to", "requested_at", "ring", "of_ring"}
    for alert in sent(step, AlertRequested):
        assert set(alert.model_dump(exclude_none=True)) <= allowed
        assert "A1" not in alert.encode().decode()
        assert "phone.1." + "a" * 32 in alert.not_to


def test_promise_11_every_referral_has_an_owner_and_a_deadline_r33() -> None:
    step = step_of(assessed("work_intent_not_in_siskop2mi", "dukcapil_no_match"))
    for referral in step.case.referrals:
        assert referral.owner
        assert referral.deadline > NOW


def test_a_queue_entry_holds_no_personal_value_and_no_other_group() -> None:
    step = step_of(assessed("threat_or_fear_disclosed", act=True, **THREAT))
    police, ppa = (
        next(m for m in sent(step, ReferralQueued) if m.agency_id == a) for a in ("polres-3304", "uptd-ppa-3304")
    )
    assert police.coded == {"purpose": "wisata", "dest_countries": ["MY"], "indicators": ["threat_or_fear_disclosed"]}
    assert ppa.coded == {"indicators": ["threat_or_fear_disclosed"]}
    assert "score" not in police.encode().decode()
    assert "e_np" not in police.encode().decode()


def test_deadlines_are_hours_or_working_days() -> None:
    step = step_of(assessed("threat_or_fear_disclosed", "work_intent_not_in_siskop2mi", act=True, **THREAT))
    due = {m.question: parse_time(m.deadline) for m in sent(step, ReferralQueued)}
    assert due["protect_now"] == NOW + timedelta(hours=24)
    assert due["registry_status"] == NOW + timedelta(days=3)  # from Friday one working day is Monday


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_changed_removed_or_moved_entry_of_the_history_is_found(data: st.DataObject) -> None:
    history = step_of(
        assessed("threat_or_fear_disclosed", "work_intent_not_in_siskop2mi", act=True, **THREAT)
    ).case.history
    assert broken_at(history) is None
    place = data.draw(st.integers(0, len(history) - 1))
    how = data.draw(st.sampled_from(["change", "remove", "swap", "insert"]))
    changed = list(history)
    if how == "change":
        changed[place] = changed[place].model_copy(update={"reason": "lain"})
    elif how == "remove" and place < len(history) - 1:
        del changed[place]
    elif how == "swap" and place < len(history) - 1:
        changed[place], changed[place + 1] = changed[place + 1], changed[place]
    else:
        changed.insert(place, changed[place])
    assert broken_at(changed) is not None


def test_no_agency_gets_a_group_outside_its_own() -> None:
    for rule in TABLES.routes:
        assert set(rule.fields) <= ALLOWED[rule.role], rule.name
    assert not {"app.phone", "app.email", "bio.bms_result"} & {f for fields in GROUPS.values() for f in fields}


def test_today_is_a_working_day() -> None:
    assert NOW.date() == date(2026, 11, 20)
