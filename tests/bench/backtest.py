"""`tppo pack backtest` over one office year in the embedded store: how long, and how much memory."""

import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from pymongo import MongoClient

from services.contracts.passport_events import EventAccepted
from services.embedded import store
from services.embedded.processes import free_port
from services.risk import batch
from services.risk.pack import HERE
from tests.bench import report
from tests.bench.events import accepted

YEAR = 2025
# VmHWM: ru_maxrss of a child begins with what its parent had.
SCRIPT = """
import sys
from services.cli.main import app
try:
    app(sys.argv[1:])
finally:
    print("peak", open("/proc/self/status").read().split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


def fill(uri: str, last: date) -> int:
    """Records as risk keeps them, loaded directly."""
    client: MongoClient[dict[str, object]] = MongoClient(uri)
    events: dict[str, list[EventAccepted]] = {}
    for event in accepted(date(YEAR, 1, 1), last):
        if batch.has_application(event):
            events.setdefault(event.application_id, []).append(event)
    documents = [
        {"_id": name, "version": 1, "state": "open", "beside": {}, "events": b"[%s]" % b",".join(e.wire for e in each)}
        for name, each in events.items()
    ]
    for start in range(0, len(documents), 500):
        client["tppo_risk"]["records"].insert_many(documents[start : start + 500])
    return sum(map(len, events.values()))


def run(uri: str, *arguments: str) -> tuple[float, float, int]:
    """Seconds, peak MB, events."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "pack", "backtest", str(HERE), *arguments],
        env={**os.environ, "TPPO_STORE_URI": uri}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    events = re.search(r"([\d,]+) events", done.stdout)
    assert events, done.stdout + done.stderr
    peak = int(done.stderr.rpartition("peak ")[2])
    return time.perf_counter() - started, peak / 1000, int(events[1].replace(",", ""))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tppo-bench-") as folder:
        port = free_port()
        child = store.start(port, Path(folder) / "store", Path(folder) / "logs")
        child.wait_for_port()
        uri = f"mongodb://127.0.0.1:{port}/?retryWrites=false"
        fill(uri, date(YEAR, 12, 31))
        rows = []
        for name, arguments in (("a quarter", ("--to", f"{YEAR}-03-31")), ("the year", ())):
            seconds, peak, events = run(uri, *arguments)
            rows.append([name, f"{events:,}", f"{seconds:.0f}", f"{events / seconds:,.0f}", f"{peak:.0f}"])
        child.stop()
    report.write(
        "backtest", "Other rules over a year of an office", ["span", "events", "seconds", "events/s, two packs", "peak MB"], rows, rows,
        "Both packs judge every event; one process, the embedded store beside it, no broker.",
    )  # fmt: skip


if __name__ == "__main__":
    main()
