"""How a benchmark says what it measured: the machine, medians of repeated runs, a Markdown table and JSON beside it."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "benchmarks"


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def peak_mb() -> float:
    """Largest resident size of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def own_process(module: str, *arguments: str) -> dict[str, Any]:
    """Run a part alone, so that its memory and caches are its own; it prints one JSON line."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def median(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def tell(name: str, lines: Iterable[str]) -> None:
    """Each line as it comes, and all of them into `deploy/benchmarks/<name>.md`."""
    text = []
    for line in lines:
        print(line, flush=True)
        text.append(line)
    (FOLDER / f"{name}.md").write_text("\n".join(text) + "\n", encoding="utf-8")


def keep(name: str, figures: Any) -> None:
    """`deploy/benchmarks/<name>.json`."""
    text = json.dumps({"machine": machine(), "figures": figures}, indent=1) + "\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def kept(name: str) -> dict[str, Any]:
    """Figures of earlier runs on the same machine; those of another one are not comparable."""
    path = FOLDER / f"{name}.json"
    found = json.loads(path.read_bytes()) if path.exists() else {}
    return dict(found["figures"]) if found.get("machine") == machine() else {}


def write(
    name: str, title: str, header: Sequence[str], rows: Sequence[Sequence[str]], figures: Any, notes: str = ""
) -> None:
    """`deploy/benchmarks/<name>.md` and `.json`; the table is printed too."""
    lines = [
        f"# {title}", "", f"{datetime.now(UTC):%Y-%m-%d}; {machine()}. Command: `make bench-{name}`.", "",
        "| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(row) + " |" for row in rows), "",
    ]  # fmt: skip
    text = "\n".join(lines) + (f"\n{notes.strip()}\n" if notes else "")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")
    keep(name, figures)
    print(text)
