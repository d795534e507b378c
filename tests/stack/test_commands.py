"""The commands against a running system: what a person at the keyboard reads."""

import json
import re
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from services.cli import feed
from services.cli.main import app
from services.runtime.broker import Outgoing
from tests.build import lines, submitted
from tests.stack.conftest import Played
from tests.waiting import until


@pytest.fixture(autouse=True)
def _here(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPPO_DATA", str(played.stack.folder))


def tppo(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "300"})


def test_status_says_what_is_ready_and_open() -> None:
    until(lambda: "unaccounted 0" in tppo("status").stdout, "alerts of the tests before to be told")
    out = tppo("status").stdout
    for service in ("intake", "risk", "referral", "notify", "ledger"):
        assert service in out
    assert "wait for approval" in out
    assert "│ ?" not in out  # lag could be read


def test_cases_are_listed_shown_and_explained() -> None:
    out = tppo("case", "list").stdout
    assert "Ancaman/ketakutan terungkap" in out
    assert "MUST ACT" in out
    case_id = next(line.split()[1] for line in out.splitlines() if "MUST ACT" in line)
    shown = tppo("case", "show", case_id).stdout
    assert "utuh / intact" in shown
    assert "Rujukan / referrals" in shown
    told = tppo("explain", case_id).stdout
    assert "yang membersihkan" in told
    assert "Ini bukan keputusan" in told
    as_json = orjson.loads(tppo("explain", case_id, "--json").stdout)
    assert tppo("explain", as_json["assessment_id"]).exit_code == 0
    verified = tppo("explain", case_id, "--verify")
    assert verified.exit_code == 0
    assert "verified: the same bytes" in verified.stdout
    to_applicant = tppo("explain", case_id, "--applicant").stdout
    assert "Anda berhak atas penjelasan" in to_applicant
    assert "dB" not in to_applicant
    assert tppo("explain", "nobody").exit_code == 1


def test_a_replay_gives_the_assessments_of_that_day() -> None:
    shown = tppo("replay")
    assert shown.exit_code == 0, shown.output
    assert re.search(r"1,\d{3} │ the same bytes", shown.stdout)
    assert "other than that day" not in shown.stdout


def test_a_planned_referral_is_approved_once() -> None:
    cases = tppo("case", "list", "--limit", "500").stdout
    ids = [line.split()[1] for line in cases.splitlines() if " waiting" in line]
    for case_id in ids:
        shown = tppo("case", "show", case_id).stdout
        waiting = [
            line.split()[1]
            for line in shown.splitlines()
            if "[planned, on_approval" in line and "sbmi" not in line and "kanim" not in line
        ]
        if waiting:
            break
    once = tppo("case", "approve", case_id, waiting[0], "--actor", "pengawas-1", "--reason", "bukti cukup")
    assert "is sent" in once.stdout
    again = tppo("case", "approve", case_id, waiting[0], "--actor", "pengawas-1", "--reason", "bukti cukup")
    assert again.exit_code == 1
    assert "only a planned one can be approved" in again.stderr


def test_a_queue_is_read_and_an_unknown_agency_named() -> None:
    result = tppo("queue", "read", "uptd-ppa-3304")
    assert "child_protection" in result.stdout
    assert "messages in queue-uptd-ppa-3304" in result.stderr
    assert "no such agency" in tppo("queue", "read", "polres-9999").stderr


def test_feed_sends_a_file_and_names_refused_lines(tmp_path: Path) -> None:
    good = submitted() | {"id": "feed-1", "subject": "T-FEED"}
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join([*lines([good]), b"{broken", *lines([good | {"id": "feed-2", "type": "x"}])]) + b"\n")
    first, second = tppo("feed", str(file)), tppo("feed", str(file))
    assert first.exit_code == 2
    assert json.loads(first.stdout) == {"accepted": 1, "duplicates": 0, "refused": 2}
    assert json.loads(second.stdout) == {"accepted": 0, "duplicates": 1, "refused": 2}
    assert "line 2: (event)" in first.stderr
    assert "line 3: type: is not an event type" in first.stderr


def test_dead_letters_are_listed_shown_and_replayed(played: Played, tmp_path: Path) -> None:
    played.send(Outgoing("passport-raw", b"x", b"{broken"))
    until(lambda: "passport-raw-dlq/" in tppo("dead-letters", "list").stdout, "the dead letter")
    listed = tppo("dead-letters", "list").stdout
    place = next(
        word
        for line in listed.splitlines()
        if "passport-raw-dlq/" in line
        for word in line.split()
        if word.startswith("passport-raw-dlq/")
    )
    shown = orjson.loads(tppo("dead-letters", "show", place, "--actor", "ops-2").stdout)
    assert shown["original"]
    corrected = tmp_path / "good.json"
    corrected.write_bytes(orjson.dumps(submitted() | {"id": "corrected-by-hand", "subject": "T-HAND"}))
    assert '"accepted"' in tppo("dead-letters", "replay", place, "--actor", "ops-2", "--event", str(corrected)).stdout
    assert "write it as listed" in tppo("dead-letters", "show", "somewhere", "--actor", "ops-2").stderr


def test_topics_are_checked_and_applied_again() -> None:
    assert tppo("topics", "apply").stdout == "created 0 topics\n"
    assert tppo("topics", "check").exit_code == 0


def test_the_ledger_has_nothing_open() -> None:
    until(lambda: "nothing is open" in tppo("ledger", "open").stdout, "the ledger to be even", 30)


def test_without_a_demo_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TPPO_DATA", str(tmp_path))
    result = tppo("status")
    assert result.exit_code == 2
    assert "no running demo" in result.stderr
    assert "make demo" in result.stderr


def test_a_simulated_day_is_sent_live() -> None:
    """Events of a past day go through the door; a second time all of them are duplicates."""
    day = ("--from", "2026-03-02", "--to", "2026-03-02", "--rate", "5", "--rings", "0", "--seed", "77")
    sent = tppo("simulate", *day, "--send")
    assert sent.exit_code == 0, sent.output
    assert orjson.loads(sent.stdout.splitlines()[-1])["events"] > 20
    assert "refused" not in sent.stderr


def test_live_events_come_at_the_speed_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a speed, the time waited is the simulated time between batches divided by the speed."""
    waited: list[float] = []
    monkeypatch.setattr("services.cli.simulate.time.sleep", waited.append)
    day = ("--from", "2026-03-03", "--to", "2026-03-03", "--rate", "5", "--rings", "0", "--seed", "78")
    sent = tppo("simulate", *day, "--send", "--speed", "864000")
    assert sent.exit_code == 0, sent.output
    assert sum(waited) > 1  # a month and more of simulated time, ten days a second; nobody slept here


MAPPING = """
delimiter: ";"
encoding: cp1252
attributes:
  id: {column: NO, prefix: "csv-"}
  source: {value: "urn:csv"}
  type: {value: application.submitted}
  subject: {column: NO, prefix: "CSV-"}
  time: {column: TGL, format: "%d/%m/%Y %H:%M"}
  officecode: {value: CLP}
data:
  nik: {column: NIK}
  full_name: {column: NAMA}
  birth_date: {column: LAHIR, format: "%d/%m/%Y", as: date}
  application_type: {value: baru}
  stay_days: {column: LAMA, as: integer}
  purpose: {column: TUJUAN, values: {WISATA: wisata, UMROH: umrah}}
"""
HEADER = "NO;TGL;NIK;NAMA;LAHIR;LAMA;TUJUAN"
ROWS = [
    "1;20/11/2026 09:15;3301044507909001;Siti Contoh;05/07/1990;7;WISATA",
    "2;20/11/2026 09:20;3301044507909002;José Contoh;05/07/1990;;UMROH",
    "3;20/11/2026 09:25;3301;=HYPERLINK(0);31/02/1990;tujuh;PASAR",
]


def table(folder: Path, rows: list[str] = ROWS, header: str = HEADER) -> tuple[Path, Path]:
    file, mapping = folder / "table.csv", folder / "map.yaml"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="cp1252")
    mapping.write_text(MAPPING)
    return file, mapping


def test_a_table_is_fed_by_its_mapping_and_refused_rows_are_put_aside(tmp_path: Path) -> None:
    file, mapping = table(tmp_path)
    fed = tppo("feed", str(file), "--map", str(mapping))
    assert fed.exit_code == 2
    assert orjson.loads(fed.stdout.splitlines()[-1]) == {"accepted": 2, "duplicates": 0, "refused": 1}
    assert {line.split(":")[1].strip() for line in fed.stderr.splitlines() if line.startswith("line 4:")} == {
        "data.nik", "data.birth_date", "data.stay_days", "data.purpose",
    }  # fmt: skip
    aside = tmp_path / "table.csv.rejected.csv"
    assert aside.read_text(encoding="cp1252").splitlines() == [HEADER, ROWS[2]]
    corrected = ROWS[2].replace(
        "3301;=HYPERLINK(0);31/02/1990;tujuh;PASAR", "3301044507909003;=1+1;05/07/1990;7;WISATA"
    )
    aside.write_text(f"{HEADER}\n{corrected}\n", encoding="cp1252")
    again = tppo("feed", str(aside), "--map", str(mapping))
    assert orjson.loads(again.stdout.splitlines()[-1]) == {"accepted": 1, "duplicates": 0, "refused": 0}


def test_a_feed_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    events = [submitted() | {"id": f"long-{n}", "subject": f"LONG-{n}"} for n in range(1100)]
    file.write_bytes(b"\n".join(lines(events)) + b"\n")
    first = CliRunner().invoke(app, ["feed", str(file)], env={"COLUMNS": "300", "TPPO_TOKEN": "no token"})
    assert first.exit_code == 1
    feed.Progressed.of(file, restart=False).keep()
    kept = feed.Progressed.of(file, restart=False)
    kept.done = 600
    kept.keep()
    second = tppo("feed", str(file))
    assert "going on after line 600" in second.stderr
    assert orjson.loads(second.stdout.splitlines()[-1])["accepted"] == 500
    third = tppo("feed", str(file))
    assert orjson.loads(third.stdout.splitlines()[-1]) == {"accepted": 600, "duplicates": 500, "refused": 0}
