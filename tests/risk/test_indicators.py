"""Every indicator file: its own examples, its fields, its texts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.risk.evaluate import with_others
from services.risk.fold import SECTIONS
from services.risk.indicator import Condition, Indicator, IndicatorError, load
from services.risk.pack import HERE, Pack
from services.runtime import conditions

PACK = Pack.load()
CASES = [(c, n) for c in PACK.conditions for n in range(len(c.examples))]


@pytest.mark.parametrize(("condition", "number"), CASES, ids=[f"{c.id}-{n}" for c, n in CASES])
def test_an_example_gives_its_answer(condition: Condition, number: int) -> None:
    example = condition.examples[number]
    facts: dict[str, Any] = {section: {} for section in SECTIONS} | example.facts
    answer = condition.answer(conditions.context(facts))
    if isinstance(condition, Indicator):
        others = {i.id: example.others.get(i.id, example.others.get("*", "no")) for i in PACK.indicators}
        others |= {k: v for k, v in example.others.items() if k != "*"}
        answer = with_others(condition, answer, others, PACK.of_dimension(condition))
    assert answer == example.answer, example.note


@pytest.mark.parametrize("condition", PACK.conditions, ids=lambda c: c.id)
def test_examples_show_yes_no_and_unknown(condition: Condition) -> None:
    assert {e.answer for e in condition.examples} == {"yes", "no", "unknown"}


@pytest.mark.parametrize("condition", PACK.conditions, ids=lambda c: c.id)
def test_no_condition_reads_a_prohibited_input(condition: Condition) -> None:
    """Promise 9: sex, marital status, occupation, adult age and home village as such are never inputs."""
    for word in ("sex", "marital_status", "occupation", "birth_date", "ktp_desa_code", "religion", "ethnic", "nik_kab"):
        # the boolean contradiction found at the door is no sex
        assert word not in condition.condition.replace("nik_sex_conflict", "")
    # only the exit-point rule may look at the domicile, and only to leave out those who live there
    assert "domicile" not in condition.condition or condition.id == "malaysia_border_route"
    assert "is_17_19" not in condition.condition or condition.id == "near_majority_unverified"


def test_must_act_and_must_review_are_those_of_r13() -> None:
    assert {i.id for i in PACK.indicators if i.must_act} == {"threat_or_fear_disclosed", "minor_work_or_marriage"}
    assert {i.id for i in PACK.indicators if i.must_review} == {
        "minor_with_non_parent", "debt_bondage_signs", "told_to_lie", "age_raised_recent_correction",
        "medical_trip_organ_risk", "domestic_work_restricted_country", "minors_group_no_institution",
    }  # fmt: skip


def test_numbers_and_ids_are_unique() -> None:
    assert len({i.number for i in PACK.indicators}) == len(PACK.indicators)
    assert len({c.id for c in PACK.conditions}) == len(PACK.conditions)


def test_every_deviation_from_the_catalogue_says_why() -> None:
    assert all(len(i.deviation) > 20 for i in PACK.indicators if i.deviation)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("int.debt_idrr > 0", "no fact int.debt_idrr; did you mean int.debt_idr?"),
        ("net.phone.householdz >= 3", "no fact net.phone.householdz"),
        ("net.fone.households >= 3", "no fact net.fone; did you mean net.phone?"),
        ("lic.agent.state == 'active'", "no fact lic.agent.state"),
        ("policy.no_such_table == 1", "no fact policy.no_such_table"),
    ],
)
def test_a_misspelt_fact_is_an_error_and_not_a_silent_unknown(condition: str, words: str, tmp_path: Path) -> None:
    for part in ("indicators", "protective", "policy"):
        (tmp_path / part).mkdir()
    good = (HERE / "indicators" / "same_payer_many.yaml").read_text()
    (tmp_path / "policy" / "visa_free_days.yaml").write_text((HERE / "policy" / "visa_free_days.yaml").read_text())
    changed = good.replace("condition: net.payer_account.households >= 4", f"condition: {condition}")
    (tmp_path / "indicators" / "same_payer_many.yaml").write_text(changed)
    with pytest.raises(IndicatorError, match=re.escape(words)):
        Pack.load(tmp_path)


def test_the_pack_holds_the_whole_catalogue() -> None:
    assert [i.number for i in PACK.indicators] == list(range(1, 78))


GOOD = yaml.safe_load((HERE / "indicators" / "told_to_lie.yaml").read_text())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"condition": "int.a =="}, ["bad.yaml", "line", "condition"]),
        ({"decibans": "heavy"}, ["bad.yaml", "decibans"]),
        ({"grup": "G_x"}, ["bad.yaml", "grup", "Extra inputs"]),
        ({"group": None}, ["bad.yaml", "group"]),
        ({"grade": "E"}, ["bad.yaml", "grade"]),
        ({"id": "other_name"}, ["bad.yaml", "id", "name of the file"]),
        ({"examples": GOOD["examples"][:2]}, ["bad.yaml", "examples"]),
        ({"questions": ["satu"]}, ["bad.yaml", "questions"]),
    ],
)
def test_a_file_with_a_fault_names_file_line_and_key(tmp_path: Path, change: dict[str, Any], words: list[str]) -> None:
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(GOOD | {"id": "bad"} | change, sort_keys=False))
    with pytest.raises(IndicatorError) as raised:
        load(tmp_path, Indicator)
    assert all(word in str(raised.value) for word in words), raised.value


def test_a_file_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("id: bad\ntitle: {id: x\nversion: 1\n")
    with pytest.raises(IndicatorError, match=r"bad\.yaml: line \d"):
        load(tmp_path, Indicator)
