"""The worked examples of `worked.yaml`: what fires, with which weight, and what it comes to, as a reader would add it up."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.risk import vocabulary
from services.risk.evaluate import evaluate
from services.risk.evidence import level_of
from services.risk.fold import NOTHING
from services.risk.pack import Pack

PACK = Pack.load()
WORKED: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((Path(__file__).parent / "worked.yaml").read_text())
ALL = {name: each for part in WORKED.values() for name, each in part.items()}


def test_six_playbooks_and_ten_hard_negatives_are_worked() -> None:
    assert len(WORKED["playbooks"]) == 6
    assert len(WORKED["negatives"]) >= 10


@pytest.mark.parametrize("name", ALL)
def test_a_worked_example_comes_to_what_it_says(name: str) -> None:
    worked = ALL[name]
    policy = PACK.policy.at(date(2026, 11, 2), "CLP")
    named = [f"{section}.{fact}" for section, facts in worked["facts"].items() for fact in facts]
    assert vocabulary.strangers(named, frozenset(PACK.policy.dump())) == []
    answers = evaluate(PACK, NOTHING.facts | worked["facts"] | {"policy": policy}).answers
    assert {f.indicator.id: f.weight // 10 for f in answers.fired} == worked["fires"]
    assert sorted(p.id for p in answers.protective) == worked.get("protective", [])
    assert (answers.evidence.e_np / 10, answers.evidence.e_tppo / 10) == (worked["e_np"], worked["e_tppo"])
    assert level_of(answers.evidence, answers.fired, policy["thresholds"]["levels"]).level == worked["level"]
    assert all(answers.indicators[i] == "unknown" for i in worked.get("unknown", []))


@pytest.mark.parametrize("name", WORKED["negatives"])
def test_a_hard_negative_stays_below_a_deep_interview_but_for_the_review_of_consents(name: str) -> None:
    assert ALL[name]["level"] == (2 if name == "grandmother_with_grandchildren" else 0)
