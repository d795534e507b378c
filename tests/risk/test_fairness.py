"""Groups beside one another: what is a ratio, when it alarms, and what explains it."""

import pytest

from services.risk.fairness import Group, Ratio, ratios, told_by_intake


def ratio(group: Group, of: Group, attribute: str = "sex", name: str = "P") -> Ratio:
    return Ratio(attribute=attribute, name=name, group=group, reference="L", of=of)


def test_a_ratio_and_its_interval_by_hand() -> None:
    """60.5/1000.5 over 30.5/1000.5; √(1/60.5 + 1/30.5 - 2/1000.5) = 0.2176; 1.9836 · e^±0.4265."""
    found = ratio(Group(n=1000, flagged=60), Group(n=1000, flagged=30))
    assert found.value == pytest.approx(1.9836, abs=1e-4)
    assert found.interval == pytest.approx((1.295, 3.039), abs=1e-2)


@pytest.mark.parametrize(
    ("group", "of", "outside"),
    [
        (Group(n=1000, flagged=60), Group(n=1000, flagged=30), True),
        (Group(n=1000, flagged=30), Group(n=1000, flagged=60), True),
        (Group(n=1000, flagged=33), Group(n=1000, flagged=30), False),
        (Group(n=40, flagged=3), Group(n=1000, flagged=30), False),  # few: the interval reaches into the band
        (Group(n=1000, flagged=0), Group(n=1000, flagged=0), False),
        (Group(n=9000, flagged=0), Group(n=9000, flagged=90), True),
    ],
)
def test_it_is_outside_when_its_whole_interval_is(group: Group, of: Group, outside: bool) -> None:
    assert ratio(group, of).outside is outside


@pytest.mark.parametrize(("attribute", "name"), [("age", "<18"), ("purpose", "umrah"), ("application_type", "baru")])
def test_what_rules_are_about_is_shown_and_does_not_stop_them(attribute: str, name: str) -> None:
    assert not ratio(Group(n=1000, flagged=300), Group(n=1000, flagged=30), attribute, name).outside


@pytest.mark.parametrize(
    ("right", "wrong", "explained"), [(40, 20, True), (20, 40, False), (10, 5, False)], ids=["as right", "less", "few"]
)
def test_outcomes_explain_a_ratio_only_when_its_flags_are_as_right(right: int, wrong: int, explained: bool) -> None:
    group = Group(n=1000, flagged=90, right=right, wrong=wrong)
    found = ratio(group, Group(n=1000, flagged=60, right=24, wrong=12))
    assert found.explained is explained
    assert found.outside is (not explained and found.interval[0] > 1.25)


def test_who_is_flagged_less_is_never_explained() -> None:
    assert not ratio(
        Group(n=1000, flagged=40, right=30, wrong=0), Group(n=1000, flagged=90, right=30, wrong=0)
    ).explained


def test_each_group_stands_beside_the_largest_and_small_ones_beside_none() -> None:
    answer = {"groups": {"sex": {
        "L": {"n": 500, "flagged": {"flagged": 5, "right": 1, "wrong": 2}},
        "P": {"n": 400, "flagged": {"flagged": 4, "right": 0, "wrong": 0}},
        "others": {"n": 3, "flagged": {"flagged": 3, "right": 0, "wrong": 0}},
    }}}  # fmt: skip
    (found,) = ratios(told_by_intake(answer))
    assert (found.name, found.reference, found.of) == ("P", "L", Group(n=500, flagged=5, right=1, wrong=2))
    assert str(found) == "sex P: 4 of 400 flagged, L 5 of 500: ratio 1.02 (0.30–3.53)"
