"""Groups, caps, levels: the arithmetic of the catalogue, checked by hand-made figures and by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.evidence import Fired, combined, counted, dimensions, level_of, weigh
from services.risk.indicator import Indicator, Protective
from services.risk.pack import Pack

PACK = Pack.load()
BY_ID = {i.id: i for i in PACK.indicators}
PROTECTIVE = {p.id: p for p in PACK.protective}
THRESHOLDS = (80, 130, 170)


def fired(*ids: str) -> list[Fired]:
    return [Fired(BY_ID[i], BY_ID[i].decibans * 10) for i in ids]


def test_one_group_as_worked_in_the_reference() -> None:
    """Debt 10, fee 8, third party pays 5: 10 + 0.3 × 13 = 13.9, cap 12."""
    money = fired("debt_bondage_signs", "illegal_placement_fee", "third_party_pays_everything")
    assert weigh(money, []).groups == (("G_money", 139, 120),)
    assert weigh(money, []).e_np == 120


def test_lpk_fraud_on_one_application() -> None:
    """Not in SISKOP2MI 9 and fee 8: 17 dB, two groups, a registry's answer among them: level 3."""
    signs = fired("work_intent_not_in_siskop2mi", "illegal_placement_fee")
    evidence = weigh(signs, [])
    assert (evidence.e_np, evidence.e_tppo) == (170, 80)
    assert level_of(evidence, signs, THRESHOLDS).level == 3


@pytest.mark.parametrize(("score", "level"), [(-40, 0), (79, 0), (80, 1), (129, 1), (130, 2), (169, 2), (170, 2)])
def test_levels_are_half_open_bands_r08(score: int, level: int) -> None:
    evidence = weigh([], [])
    assert level_of(type(evidence)(score, 0, ()), [], THRESHOLDS).level == level  # 3 by number needs signs (R11)


def test_the_interview_alone_reaches_level_2_at_most_r11() -> None:
    signs = fired("told_to_lie", "cannot_state_employer_or_job", "illegal_placement_fee")
    evidence = weigh(signs, [])
    found = level_of(evidence, signs, THRESHOLDS)
    assert evidence.e_np >= 170
    assert found.level == 2
    assert "objective" in found.reasons[-1]


def test_one_group_alone_reaches_level_2_at_most_r11() -> None:
    signs = fired("biometric_other_identity", "age_raised_recent_correction", "dukcapil_no_match")
    high = type(weigh([], []))(200, 0, ())
    assert level_of(high, signs, THRESHOLDS).level == 2


def test_must_act_bypasses_levels_r13() -> None:
    signs = fired("threat_or_fear_disclosed")
    found = level_of(weigh(signs, []), signs, THRESHOLDS)
    assert (found.level, found.must_act) == (3, True)


def test_must_review_is_level_2_at_least_r13() -> None:
    signs = fired("minor_with_non_parent")
    found = level_of(weigh(signs, []), signs, THRESHOLDS)
    assert (found.level, found.must_act, found.must_review) == (2, False, True)


def test_protective_signs_lower_e_np_only_r10() -> None:
    signs = fired("illegal_placement_fee")
    evidence = weigh(signs, [PROTECTIVE["verified_siskop2mi_active"]])
    assert (evidence.e_np, evidence.e_tppo) == (-20, 80)


def test_several_protective_signs_are_capped_at_12_r10() -> None:
    some = [PROTECTIVE[p] for p in ("verified_siskop2mi_active", "haji_reguler_quota", "clean_travel_history")]
    assert weigh([], some).e_np == -120


def test_cleared_before_lowers_both_r10() -> None:
    evidence = weigh(fired("illegal_placement_fee"), [PROTECTIVE["cleared_before"]])
    assert (evidence.e_np, evidence.e_tppo) == (0, 0)


def test_scam_hub_is_capped_by_its_group() -> None:
    assert weigh(fired("scam_hub_destination_with_recruitment"), []).e_np == 70


def test_dimensions_read_as_the_ilo_lists() -> None:
    table = dimensions(fired("told_to_lie", "illegal_placement_fee", "work_intent_not_in_siskop2mi"))
    assert table == {"process": "weak", "means": "strong", "purpose": "none"}


signs_strategy = st.lists(st.sampled_from(PACK.indicators), unique_by=lambda i: i.id, max_size=20)
protective_strategy = st.lists(st.sampled_from(PACK.protective), unique_by=lambda p: p.id, max_size=5)


def _fired(signs: list[Indicator]) -> list[Fired]:
    return [Fired(i, 0 if i.not_scored else i.decibans * 10) for i in signs]


@given(signs_strategy, protective_strategy, st.sampled_from(PACK.indicators))
def test_one_more_sign_never_lowers_evidence_or_level(
    signs: list[Indicator], protective: list[Protective], more: Indicator
) -> None:
    before, after = _fired(signs), _fired([*[s for s in signs if s.id != more.id], more])
    one, two = weigh(before, protective), weigh(after, protective)
    assert two.e_np >= one.e_np
    assert two.e_tppo >= one.e_tppo
    assert level_of(two, after, THRESHOLDS).level >= level_of(one, before, THRESHOLDS).level


@given(signs_strategy, protective_strategy, st.sampled_from(PACK.protective))
def test_a_protective_sign_never_raises_and_never_undoes_must_act(
    signs: list[Indicator], protective: list[Protective], more: Protective
) -> None:
    found = _fired(signs)
    one, two = weigh(found, protective), weigh(found, [*[p for p in protective if p.id != more.id], more])
    assert two.e_np <= one.e_np
    before, after = level_of(one, found, THRESHOLDS), level_of(two, found, THRESHOLDS)
    assert (before.must_act, before.must_review) == (after.must_act, after.must_review)
    assert not after.must_act or after.level == 3
    assert not after.must_review or after.level >= 2


@given(signs_strategy, st.randoms())
def test_order_changes_nothing(signs: list[Indicator], random: object) -> None:
    shuffled = list(signs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert weigh(_fired(signs), []) == weigh(_fired(shuffled), [])


@given(signs_strategy)
def test_no_group_passes_its_cap(signs: list[Indicator]) -> None:
    caps = {
        "G_burst": 60,
        "G_contact": 90,
        "G_dest": 70,
        "G_doc": 140,
        "G_history": 100,
        "G_interview": 80,
        "G_recruit": 150,
    }
    assert all(capped <= caps.get(group, 120) for group, _, capped in weigh(_fired(signs), []).groups)


@given(signs_strategy)
def test_what_each_sign_counts_sums_to_its_group(signs: list[Indicator]) -> None:
    together = sorted((Fired(i, i.decibans * 10) for i in signs), key=lambda f: (-f.weight, f.indicator.number))
    for group, _, capped in weigh(together, []).groups:
        mine = [f.indicator.id for f in together if f.indicator.group == group]
        assert sum(counted(together)[i] for i in mine) == capped
    assert sum(counted(together, "tppo").values()) == weigh(together, []).e_tppo


@given(st.lists(st.integers(0, 20).map(lambda w: w * 10), min_size=1, max_size=10))
def test_evidence_is_whole_tenths_r34(weights: list[int]) -> None:
    raw, _ = combined(weights, 1000)
    assert raw * 10 == max(weights) * 10 + 3 * (sum(weights) - max(weights))
