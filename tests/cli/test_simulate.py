"""tppo simulate: files, table, picture, and what it says to a wrong argument."""

import xml.etree.ElementTree as ET
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app

WEEK = ("--from", "2026-03-02", "--to", "2026-03-06", "--rate", "20")


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments], env={"COLUMNS": "300"})


def test_it_writes_events_truth_table_and_picture_and_the_same_ones_again(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        folder = tmp_path / name
        files = ("--out", str(folder), "--picture", str(folder / "p.svg"), "--marginals", str(folder / "m.md"))
        result = simulate(*WEEK, "--plant", "scam_daring", *files)
        assert result.exit_code == 0, result.output
        summary = orjson.loads(result.stdout)
        made.append({f.name: f.read_bytes() for f in folder.iterdir()})
    assert made[0] == made[1]
    assert made[0].keys() == {"events.jsonl", "truth.jsonl", "p.svg", "m.md"}
    truths = [orjson.loads(line) for line in made[0]["truth.jsonl"].splitlines()]
    assert sum(t["kind"] == "application" for t in truths) == summary["applications"]
    assert len(made[0]["events.jsonl"].splitlines()) == summary["events"]
    assert any(t["kind"] == "ring" and t["scenario"] == "scam_daring" for t in truths)
    drawn = ET.fromstring(made[0]["p.svg"])
    words = "".join(drawn.itertext())
    assert all(title in words for title in ("Tujuan / purpose", "Tempat tinggal", "Kedatangan", "scam_daring"))
    assert b"| purpose umrah, % | 38 |" in made[0]["m.md"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "2026-03-06", "--to", "2026-03-02", "--out", "x"), "lies before"),
        (("--from", "2026-03-02", "--to", "2026-03-32", "--out", "x"), "2026-03-32"),
        ((*WEEK, "--out", "x", "--plant", "nothing"), "no such scenario"),
        ((*WEEK, "--out", "x", "--office", "XYZ"), "no such office"),
        (WEEK, "say where to"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[str, ...], says: str) -> None:
    result = simulate(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_another_office_has_people_of_its_own_area(tmp_path: Path) -> None:
    assert simulate(*WEEK, "--office", "WSB", "--out", str(tmp_path)).exit_code == 0
    truths = [orjson.loads(line) for line in (tmp_path / "truth.jsonl").read_bytes().splitlines()]
    assert {t["kabupaten"] for t in truths if t["kind"] == "application"} == {"3307"}
