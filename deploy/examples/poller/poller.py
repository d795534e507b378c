"""A worked example: reads a database view, makes upstream events of its rows, and posts them to intake in batches.

The high-water mark is written after a batch was answered 202, so a crash sends some rows again, which intake answers with
"duplicate". Nothing is skipped: refused rows are written to a file with their reasons, and the mark goes on.

    python poller.py simkim.db --intake http://127.0.0.1:8080 --token-file token --every 60

Only the standard library is used, so that it can be copied. For another database change `connect` and the placeholders.
"""

import argparse
import json
import sqlite3
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SOURCE, BATCH = "urn:simkim:cilacap", 500
QUERY = """SELECT * FROM tppo_events WHERE (changed_at, event_no) > (?, ?) ORDER BY changed_at, event_no LIMIT ?"""


def connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    return database


def event(row: sqlite3.Row) -> dict[str, Any]:
    """One upstream event. The id must be the same whenever the row is read, so it is made of the row's own number."""
    data = {
        "nik": row["nik"], "kk_no": row["kk_no"], "full_name": row["name"], "birth_date": row["birth_date"],
        "application_type": row["kind"], "purpose": row["purpose"], "phone": row["phone"], "stay_days": row["stay_days"],
        "dest_countries": [row["country"]] if row["country"] else None,
    }  # fmt: skip
    return {
        "specversion": "1.0", "id": f"row-{row['event_no']}", "source": SOURCE, "type": "application.submitted",
        "subject": row["application_no"], "time": row["happened_at"], "officecode": row["office"],
        "data": {name: value for name, value in data.items() if value is not None},
    }  # fmt: skip


def post(intake: str, token: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    """Until intake takes the batch: 429 and 503 promise nothing and say when to come again."""
    request = urllib.request.Request(f"{intake}/events", json.dumps(events).encode())
    request.add_header("Content-Type", "application/cloudevents-batch+json")
    request.add_header("Authorization", f"Bearer {token}")
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise SystemExit(f"intake answered {error.code}: {error.read().decode()[:500]}") from None
            time.sleep(float(error.headers.get("Retry-After", "5")))
        except urllib.error.URLError:
            time.sleep(5)


def poll(database: sqlite3.Connection, mark: Path, intake: str, token_file: Path, refused: Path) -> int:
    """One pass to the end of the view; returns how many rows were sent."""
    at, number = json.loads(mark.read_text()) if mark.exists() else ("", 0)
    sent = 0
    while rows := database.execute(QUERY, (at, number, BATCH)).fetchall():
        answer = post(intake, token_file.read_text().strip(), [event(row) for row in rows])
        with refused.open("a") as out:
            for fault in answer["rejected"]:
                out.write(json.dumps({"event_no": rows[fault["index"]]["event_no"], **fault}) + "\n")
        at, number = rows[-1]["changed_at"], rows[-1]["event_no"]
        new = mark.with_suffix(".new")
        new.write_text(json.dumps([at, number]))
        new.replace(mark)
        sent += len(rows)
    return sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("database")
    parser.add_argument("--intake", required=True)
    parser.add_argument(
        "--token-file", type=Path, required=True, help="read anew for each batch: tokens are renewed beside us"
    )
    parser.add_argument("--mark", type=Path, default=Path("poller.mark"))
    parser.add_argument("--refused", type=Path, default=Path("poller.refused.jsonl"))
    parser.add_argument("--every", type=float, default=0, help="seconds between passes; 0 is one pass")
    given = parser.parse_args()
    while True:
        sent = poll(connect(given.database), given.mark, given.intake, given.token_file, given.refused)
        print(json.dumps({"sent": sent}), flush=True)
        if not given.every:
            return
        time.sleep(given.every)


if __name__ == "__main__":
    main()
