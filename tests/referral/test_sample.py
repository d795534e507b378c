"""The control sample and the own view first: drawn blindly, alike at the desk, each counted once."""

import pytest

from services.referral import desk
from services.referral.sample import CONTROL, OWN_VIEW, Sample
from tests.referral.cases import assessed

SAMPLE = Sample(b"k" * 32)
NAMES = [f"CLP-2026-{n:06}" for n in range(20_000)]
DRAWN = next(n for n in NAMES if SAMPLE.control(n) and SAMPLE.own_view_first(n))
SPARED = next(n for n in NAMES if not SAMPLE.control(n) and not SAMPLE.own_view_first(n))


def of(name: str, level: int, *, review: bool = False, talked: bool = False) -> dict[str, object] | None:
    message = assessed("told_to_lie", level=level, review=review, int={"payer": "self"} if talked else {})
    return desk.seen(message.model_copy(update={"application_id": name}), SAMPLE)


def test_the_shares_are_as_planned_and_another_key_draws_others() -> None:
    assert sum(map(SAMPLE.control, NAMES)) / len(NAMES) == pytest.approx(CONTROL, rel=0.15)
    assert sum(map(SAMPLE.own_view_first, NAMES)) / len(NAMES) == pytest.approx(OWN_VIEW, rel=0.05)
    other = Sample(b"j" * 32)
    assert {n for n in NAMES if SAMPLE.control(n)} != {n for n in NAMES if other.control(n)}


@pytest.mark.parametrize("level", [0, 1, 2])
def test_who_is_drawn_looks_the_same_at_every_level_until_the_interview_is_on_record(level: int) -> None:
    assert of(DRAWN, level) == of(DRAWN, 0)
    assert (of(DRAWN, level) or {})["interview"] == "structured"
    after = of(DRAWN, level, talked=True)
    assert (after is None) if level == 0 else (after is not None and after["level"] == level)


def test_what_is_urgent_is_never_hidden() -> None:
    assert (of(DRAWN, 3) or {})["level"] == 3
    assert (of(DRAWN, 2, review=True) or {})["must_review"] is True


def test_who_is_not_drawn_sees_what_there_is() -> None:
    assert of(SPARED, 0) is None
    assert (of(SPARED, 2) or {})["findings"]


def stages(name: str, level: int, *, talked: bool) -> list[str]:
    message = assessed(level=level, int={"payer": "self"} if talked else {})
    return list(desk.control(message.model_copy(update={"application_id": name}), SAMPLE))


def test_the_sample_is_of_those_whom_nothing_flags_and_counts_what_their_interview_shows() -> None:
    assert stages(DRAWN, 0, talked=False) == ["drawn"]
    assert stages(DRAWN, 2, talked=False) == []
    assert stages(DRAWN, 0, talked=True) == ["interviewed"]
    assert stages(DRAWN, 2, talked=True) == ["interviewed", "found"]
    assert stages(SPARED, 0, talked=False) == []
