"""The language in which scenario files say how a value is drawn, and the files themselves."""

from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.risk.pack import Pack
from services.simulator.scenario import ScenarioError, cast
from services.simulator.values import ABSENT, compiled, picker

DAY = date(2026, 3, 2)


# Signs of the catalogue that need other applications; the network brings them.
class Shared:
    def get(self, name: str) -> Any:
        return f"shared {name}"


@pytest.mark.parametrize(
    ("spec", "all_of"),
    [
        ("wisata", {"wisata"}),
        (["SA"], {("SA",)}),
        ({"one_of": ["a", "b"]}, {"a", "b"}),
        ({"weighted": {"a": 1, "b": 3}}, {"a", "b"}),
        ({"between": [1, 3]}, {1, 2, 3}),
        ({"days": [-1, 1]}, {"2026-03-01", "2026-03-02", "2026-03-03"}),
        ({"chance": 0.5}, {True, False}),
        ({"chance": 0.5, "value": "x"}, {"x", ABSENT}),
        ("$agent", {"shared agent"}),
        ([{"chance": 0.5, "value": "x"}], {("x",), ()}),
    ],
)
def test_each_form_of_a_value_draws_what_it_says(spec: Any, all_of: set[Any]) -> None:
    draw, random = compiled(spec), Random(3)
    found = [draw(random, DAY, Shared()) for _ in range(200)]
    assert {tuple(v) if isinstance(v, list) else v for v in found} == all_of


def test_a_picker_follows_its_weights() -> None:
    pick, random = picker({"rare": 1, "often": 9}), Random(4)
    assert 60 <= sum(pick(random) == "rare" for _ in range(1000)) <= 140


def test_a_cast_of_at_least_twelve_rings_and_fifteen_hard_negatives() -> None:
    kinds = [s.kind for s in cast().values()]
    assert kinds.count("ring") >= 12
    assert kinds.count("negative") >= 15


def test_every_sign_a_scenario_names_is_of_the_catalogue() -> None:
    known = {i.id for i in Pack.load().indicators}
    assert {sign for s in cast().values() for sign in s.expects.signs} <= known


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id: x\nkindd: ring\n", "kindd"),
        ("id: y\n", "its id is y"),
        ("kind: lone\n", "share"),
        ("form: {phone: {chance: 0.3, valeu: x}}\n", "valeu"),
        ("form: {phone: {one_of: [a], more: b}}\n", "more"),
    ],
)
def test_a_file_with_a_fault_is_named(tmp_path: Path, text: str, says: str) -> None:
    good = (
        "id: x\nkind: ring\njudul: j\ntitle: t\nsource: s\ntruth: tppo\n"
        "people: {age: [20, 30], from: area}\npurpose: {wisata: 1}\n"
    )
    first = text.split(":")[0]
    kept = "".join(line + "\n" for line in good.splitlines() if not line.startswith(f"{first}:"))
    (tmp_path / "rings").mkdir()
    (tmp_path / "rings" / "x.yaml").write_text(kept + text)
    with pytest.raises(ScenarioError, match=says) as caught:
        cast(tmp_path)
    assert "x.yaml" in str(caught.value)
