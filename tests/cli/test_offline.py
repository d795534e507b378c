"""tppo assess: the whole way without a server."""

from datetime import date
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.offline import Offline
from services.simulator.day import play
from tests.build import NOW, TOKENS, lines, submitted

DAY = play(date(2026, 11, 24), applications=160)
TROUBLED = {
    7: (3, True),
    23: (3, True),
    41: (3, False),
    58: (3, False),
    77: (3, False),
    96: (3, False),
    112: (2, False),
    140: (0, False),
}
KEYS = {
    "application_id", "at", "level", "must_act", "must_review", "e_np", "e_tppo", "indicators", "protective", "findings", "questions", "rings", "referrals",
}  # fmt: skip


def run(file: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(app, ["assess", str(file), *options])
    return result.exit_code, [orjson.loads(line) for line in result.stdout.splitlines()], result.stderr


def write(tmp_path: Path, raw: list[bytes]) -> Path:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(raw) + b"\n")
    return file


def test_one_line_for_each_application_with_everything_the_issue_names(tmp_path: Path) -> None:
    code, found, err = run(write(tmp_path, lines(DAY)))
    assert (code, err) == (0, "")
    assert len(found) == 160
    assert all(set(line) == KEYS for line in found)
    by_number = {int(line["application_id"][-4:]): line for line in found}
    assert {n: (line["level"], line["must_act"]) for n, line in by_number.items() if n in TROUBLED} == TROUBLED
    honest = [line for n, line in by_number.items() if n not in TROUBLED]
    assert {line["level"] for line in honest} == {0}
    referral = by_number[23]["referrals"][0]
    home = next(e["data"]["domicile_desa_code"][:4] for e in DAY if e["subject"].endswith("-0023"))
    assert referral == {
        "agency_id": f"uptd-ppa-{home}", "role": "uptd_ppa", "territory": home, "question": "child_protection",
        "fields": ["R0", "R1(4)", "R2", "R6", "R7", "R8"], "mode": "automatic",
    }  # fmt: skip


def test_every_assessment_comes_in_order(tmp_path: Path) -> None:
    events = [e for e in DAY if e["subject"].endswith("-0007") and e["subject"].startswith("CLP")]
    _, found, _ = run(write(tmp_path, lines(events)), "--every")
    assert [line["at"] for line in found] == [e["time"] for e in events]
    assert [line["level"] for line in found][-1] == 3


def test_refused_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    raw = [
        orjson.dumps(submitted()),
        b"{broken",
        b"",
        orjson.dumps(submitted(stay_days="x") | {"id": "2"}),
        orjson.dumps(submitted() | {"id": "3", "subject": "B1"}),
    ]
    code, found, err = run(write(tmp_path, raw))
    assert code == 2
    assert [line["application_id"] for line in found] == ["CLP-2026-000123", "B1"]
    assert err.splitlines() == [
        "line 2: (event): is not JSON: line 1 column 2",
        "line 4: data.stay_days: must be a whole number",
    ]


def test_a_file_that_is_not_there_is_an_error_of_use() -> None:
    result = CliRunner().invoke(app, ["assess", "/does/not/exist.jsonl"])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_rings_are_written_to_their_file(tmp_path: Path) -> None:
    run(write(tmp_path, lines(DAY[:10])), "--rings", str(tmp_path / "rings.jsonl"))
    assert (tmp_path / "rings.jsonl").exists()


def final(raw: list[bytes]) -> dict[str, dict[str, Any]]:
    offline = Offline(TOKENS, NOW)
    offline.run(raw, lambda _: None)
    return {
        a: {k: v for k, v in offline.line(x).items() if k not in ("at", "referrals")} for a, x in offline.last.items()
    }


SOME = [e for e in DAY if e["subject"][-4:] in ("0007", "0041", "0096", "0112", "0003")]
WANTED = final(lines(SOME))


@settings(max_examples=25, deadline=None)
@given(st.permutations(SOME), st.lists(st.sampled_from(SOME), max_size=10))
def test_promise_4_a_shuffled_and_duplicated_file_gives_the_same_result(
    order: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    assert final(lines([*order, *more])) == WANTED


def test_the_help_says_what_each_command_does() -> None:
    result = CliRunner().invoke(app, ["--help"])
    for command in (
        "assess",
        "case",
        "dead-letters",
        "demo",
        "explain",
        "feed",
        "ledger",
        "queue",
        "run",
        "status",
        "token",
        "topics",
    ):
        assert command in result.stdout
