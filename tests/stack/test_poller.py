"""The worked example of a connection: a database view is read with a high-water mark."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.conftest import Played

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "poller"
COLUMNS = "changed_at, event_no, application_no, happened_at, office, nik, kk_no, name, birth_date, kind, purpose, country, stay_days, phone"


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    found = sqlite3.connect(tmp_path / "simkim.db")
    found.execute(f"CREATE TABLE applications ({COLUMNS})")
    found.executescript((EXAMPLE / "view.sql").read_text())
    return found


def add(database: sqlite3.Connection, first: int, count: int, purpose: str = "umrah") -> None:
    rows = [
        ("2026-11-20T09:00", n, f"POLL-{n}", "2026-11-20T09:00:00+07:00", "CLP", f"33010445079{n:05d}", None, "Siti Contoh", "1990-07-05", "baru", purpose, "SA", 12, None)
        for n in range(first, first + count)
    ]  # fmt: skip
    database.executemany(f"INSERT INTO applications VALUES ({','.join('?' * 14)})", rows)
    database.commit()


def poll(played: Played, folder: Path) -> int:
    (folder / "token").write_text(played.token("intake", "events:write"))
    command = [
        sys.executable,
        str(EXAMPLE / "poller.py"),
        "simkim.db",
        "--intake",
        played.stack.addresses.intake,
        "--token-file",
        "token",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    found: int = json.loads(done.stdout)["sent"]
    return found


def test_rows_are_sent_once_and_later_ones_when_they_come(
    played: Played, database: sqlite3.Connection, tmp_path: Path
) -> None:
    add(database, 90001, 620)
    assert poll(played, tmp_path) == 620
    assert poll(played, tmp_path) == 0
    add(database, 91001, 2)
    add(database, 91003, 1, purpose="jalan-jalan")
    assert poll(played, tmp_path) == 3
    (refused,) = [json.loads(line) for line in (tmp_path / "poller.refused.jsonl").read_text().splitlines()]
    assert (refused["event_no"], refused["path"]) == (91003, "data.purpose")
    with played.client("intake", "events:write") as http:
        for number, status in ((90001, 200), (90620, 200), (91002, 200), (91003, 404)):
            answer = http.get("/events", params={"source": "urn:simkim:cilacap", "id": f"row-{number}"})
            assert answer.status_code == status
