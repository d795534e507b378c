"""How fast the simulated world is: an office year, and days of the country; beside the bare cost of writing the same bytes."""

import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from services.simulator.marginals import Tally, table
from services.simulator.world import Plan, World
from tests.bench import report

YEAR = Plan(date(2025, 1, 1), date(2025, 12, 31))
DAYS = Plan(date(2025, 9, 1), date(2025, 9, 5), rate=131, national=True)
RUNS = 3


def main() -> None:
    """A run of each in its own process, repeated; the median counts."""
    year = report.median([report.own_process("tests.bench.simulate", "year") for _ in range(RUNS)])
    days = report.median([report.own_process("tests.bench.simulate", "days") for _ in range(RUNS)])
    bare = report.median([report.own_process("tests.bench.simulate", "bare") for _ in range(RUNS)])
    rows = [
        _row("office year (CLP, 2025), events and truth to files", year, bare),
        _row("five national days, 151 offices, streamed", days, bare),
        _row("baseline: parse and write the events of the office year", bare, bare),
    ]
    header = ["what", "applications", "events", "seconds", "events/s", "peak MB", "time per event against baseline"]
    figures = {"year": year, "national": days, "bare": bare}
    report.write("simulate", "The simulated world", header, rows, figures, _marginals())


def _row(what: str, found: dict[str, float], bare: dict[str, float]) -> list[str]:
    ratio = (found["seconds"] / found["events"]) / (bare["seconds"] / bare["events"])
    rate = found["events"] / found["seconds"]
    return [what, f"{found['applications']:,.0f}", f"{found['events']:,.0f}", f"{found['seconds']:.1f}", f"{rate:,.0f}", f"{found['peak_mb']:.0f}", f"{ratio:.1f}"]  # fmt: skip


def _marginals() -> str:
    tally = Tally()
    for arrived in World(YEAR, tally.truth).stream():
        tally.event(orjson.loads(arrived.line))
    return (
        "## Marginals of that year\n\nTargets: practice.md, sections 1, 6 and 7; indicators.md, sections 10 and 11. A range has "
        "difference 0 inside it.\nHeld people are a few dozen a year, so the shares of their partners' answers scatter.\n\n"
        + table(tally.lines())
    )


def _simulate(plan: Plan, folder: Path) -> dict[str, float]:
    applications = events = 0
    started = time.perf_counter()
    with (folder / "events.jsonl").open("wb") as out, (folder / "truth.jsonl").open("wb") as hidden:

        def truth(line: dict[str, Any]) -> None:
            nonlocal applications
            applications += line["kind"] == "application"
            hidden.write(orjson.dumps(line) + b"\n")

        for arrived in World(plan, truth).stream():
            out.write(arrived.line + b"\n")
            events += 1
    return {"applications": applications, "events": events, "seconds": time.perf_counter() - started}


def _bare(folder: Path) -> dict[str, float]:
    """The same bytes parsed, dumped and written, nothing else."""
    found = _simulate(YEAR, folder)
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    started = time.perf_counter()
    with (folder / "again.jsonl").open("wb") as out:
        for line in lines:
            out.write(orjson.dumps(orjson.loads(line)) + b"\n")
    return found | {"seconds": time.perf_counter() - started}


def part(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = _bare(Path(folder)) if name == "bare" else _simulate(YEAR if name == "year" else DAYS, Path(folder))
    print(json.dumps(found | {"peak_mb": report.peak_mb()}))


if __name__ == "__main__":
    part(sys.argv[1]) if len(sys.argv) > 1 else main()
