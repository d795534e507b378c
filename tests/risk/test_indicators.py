"""Every indicator file: its own examples, its fields, its texts."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from services.contracts.network import EntityKind, HistFacts, LicFacts, NetFacts, RingFacts
from services.contracts.passport_events import PersonFacts, house_model
from services.contracts.upstream import REGISTRY
from services.risk.evaluate import with_others
from services.risk.fold import SECTIONS
from services.risk.indicator import Condition, Indicator, IndicatorError, load
from services.risk.pack import HERE, Pack
from services.runtime import conditions

PACK = Pack.load()
CASES = [(c, n) for c in PACK.conditions for n in range(len(c.examples))]
CALC = set(re.findall(r'^        "(\w+)":', (HERE / "calc.py").read_text(), re.MULTILINE))


def fields_of() -> dict[str, set[str]]:
    """Every fact that a condition may name, by section."""
    known: dict[str, set[str]] = {section: set() for section in SECTIONS}
    for type_, model in REGISTRY.items():
        known.setdefault(model.PREFIX, set()).update(house_model(type_).model_fields)
    known["person"] = set(PersonFacts.model_fields)
    known["calc"] = CALC
    known["svc"] = {"channel", "point"}
    known["hist"] = set(HistFacts.model_fields)
    known["policy"] = {f.stem for f in (HERE / "policy").glob("*.yaml")}
    known["lic"] = {"agent", "manning_agent", "lpk", "p3mi", "feed"}
    known["net"] = {"companions", "remote_office", "tip", "ring", *get_args(EntityKind)}
    return known


KNOWN = fields_of()


@pytest.mark.parametrize(("condition", "number"), CASES, ids=[f"{c.id}-{n}" for c, n in CASES])
def test_an_example_gives_its_answer(condition: Condition, number: int) -> None:
    example = condition.examples[number]
    facts: dict[str, Any] = {section: {} for section in SECTIONS} | example.facts
    answer = condition.answer(conditions.context(facts))
    if isinstance(condition, Indicator):
        others = {i.id: example.others.get(i.id, example.others.get("*", "no")) for i in PACK.indicators}
        others |= {k: v for k, v in example.others.items() if k != "*"}
        answer = with_others(condition, answer, others, PACK.indicators)
    assert answer == example.answer, example.note


@pytest.mark.parametrize("condition", PACK.conditions, ids=lambda c: c.id)
def test_examples_show_yes_no_and_unknown(condition: Condition) -> None:
    assert {e.answer for e in condition.examples} == {"yes", "no", "unknown"}


@pytest.mark.parametrize("condition", PACK.conditions, ids=lambda c: c.id)
def test_a_condition_names_only_facts_that_exist(condition: Condition) -> None:
    named = re.findall(r"\b([a-z]+)\.([a-z_0-9]+)", condition.condition)
    strangers = [f"{s}.{f}" for s, f in named if s in SECTIONS and f not in KNOWN[s]]
    assert strangers == []


@pytest.mark.parametrize("indicator", PACK.indicators, ids=lambda i: i.id)
def test_what_is_shown_beside_a_finding_exists(indicator: Indicator) -> None:
    for name in indicator.reads:
        section, _, field = name.partition(".")
        assert field in KNOWN[section], name


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


def test_licence_facts_of_examples_are_those_of_the_contract() -> None:
    for condition in PACK.conditions:
        for example in condition.examples:
            for role in example.facts.get("lic", {}).values():
                assert role is True or role.keys() <= LicFacts.model_fields.keys()


def test_network_facts_of_conditions_and_examples_are_those_of_the_contract() -> None:
    for condition in PACK.conditions:
        graded = [g.when for g in condition.graded] if isinstance(condition, Indicator) else []
        for kind, field in re.findall(r"net\.([a-z_]+)\.([a-z_]+)", " ".join([condition.condition, *graded])):
            assert field in _net_fields(kind), (condition.id, kind, field)
        for example in condition.examples:
            for kind, said in example.facts.get("net", {}).items():
                assert said.keys() <= _net_fields(kind), (condition.id, kind)


def _net_fields(kind: str) -> set[str]:
    if kind == "companions":
        return {"same_household"}
    return set(RingFacts.model_fields if kind == "ring" else NetFacts.model_fields)


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
