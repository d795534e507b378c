"""`tppo feed` and `tppo check`: files of upstream events, sent to intake, or looked at without sending."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from services.cli.connection import connect, must
from services.cli.events_file import EventsFile, Line
from services.intake.check import Rejected
from services.intake.check import check as check_event
from services.intake.columns import ColumnError

BATCH = 500
PATIENCE_S = 300
MAX_BATCH_BYTES = 4 * 1024 * 1024 - 1024
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="upstream events: JSONL, or CSV with --map")]
Map = Annotated[Path | None, typer.Option("--map", exists=True, dir_okay=False, help="which column becomes what, YAML")]


def register(app: typer.Typer) -> None:
    app.command()(feed)
    app.command()(check)


@dataclass
class Progressed:
    """How far a file was fed; kept beside it, so that a second start goes on."""

    file: Path
    mark: str
    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, source: Path, restart: bool) -> "Progressed":
        """Of an earlier start, when the file begins as it did then."""
        file = source.with_name(f"{source.name}.feed.json")
        with source.open("rb") as opened:
            mark = hashlib.sha256(opened.read(65536)).hexdigest()
        if not restart and file.exists():
            kept = orjson.loads(file.read_bytes())
            if kept["mark"] == mark:
                return cls(file, mark, kept["done"], Counter(kept["counts"]))
        return cls(file, mark)

    def keep(self) -> None:
        """Written whole beside, then put in place: a kill leaves the old one."""
        new = self.file.with_suffix(".new")
        new.write_bytes(orjson.dumps({"mark": self.mark, "done": self.done, "counts": self.counts}))
        new.replace(self.file)


def feed(
    file: File,
    mapping: Map = None,
    rejected: Annotated[Path | None, typer.Option(help="file for the refused lines (default: FILE.rejected)")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="from the first line, also if it was fed before")] = False,
) -> None:
    """Post a file to intake in batches. A second start goes on after the last batch that was answered.

    Feeding twice is safe: known events are duplicates. Refused lines are named with path and reason and written to a file
    to correct and feed again; then the exit code is 2.
    """
    source = EventsFile.open(file, mapping)
    progressed = Progressed.of(file, restart)
    refused = rejected or file.with_name(f"{file.name}.rejected{file.suffix}")
    console = Console(stderr=True)
    if progressed.done:
        console.print(f"going on after line {progressed.done} (--restart begins anew)")
    else:
        refused.unlink(missing_ok=True)
    connection = connect()
    try:
        with Progress(console=console) as progress:
            task = progress.add_task("sending", total=file.stat().st_size)
            for lines in _batches(source, progressed.done):
                # A token lives five minutes; a long file needs more than one.
                with connection.client("intake", ["events:write"], "feed") as http:
                    answer = post(http, [(n.number, n.event) for n in lines])
                _put_aside(source, refused, lines, answer["rejected"])
                progressed.done = lines[-1].number
                progressed.counts.update(accepted=answer["accepted"], duplicates=answer["duplicate"])
                progressed.counts["refused"] += len({r["index"] for r in answer["rejected"]})
                progressed.keep()
                progress.update(task, advance=sum(len(n.original) + 1 for n in lines))
    except ColumnError as error:
        raise typer.BadParameter(str(error)) from None
    progressed.file.unlink(missing_ok=True)
    summary = {name: progressed.counts[name] for name in ("accepted", "duplicates", "refused")}
    typer.echo(orjson.dumps(summary).decode())
    if summary["refused"]:
        console.print(f"the refused lines are in {refused}; correct them and feed that file")
        raise typer.Exit(2)


def check(file: File, mapping: Map = None) -> None:
    """Look at a file as intake would, without sending anything and without a server. Exit code 2 when a line is refused."""
    source, now = EventsFile.open(file, mapping), datetime.now(UTC)
    good = refused = 0
    unknown: Counter[str] = Counter()
    try:
        for line in source.lines():
            found = check_event(line.event, now)
            if isinstance(found, Rejected):
                refused += 1
                for fault in found.faults:
                    typer.echo(f"line {line.number}: {fault.path or '(event)'}: {fault.reason}", err=True)
            else:
                good += 1
                unknown.update(found.unknown_fields)
    except ColumnError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(orjson.dumps({"good": good, "refused": refused, "unknown_fields": unknown}).decode())
    if refused:
        raise typer.Exit(2)


def _batches(source: EventsFile, done: int) -> Iterator[list[Line]]:
    """Lines after `done`, up to the limits of a batch."""
    lines: list[Line] = []
    size = 0
    for line in source.lines():
        if line.number <= done:
            continue
        if lines and (len(lines) == BATCH or size + len(line.event) > MAX_BATCH_BYTES):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line.event) + 1
    if lines:
        yield lines


def _put_aside(source: EventsFile, file: Path, lines: list[Line], rejected: list[dict[str, Any]]) -> None:
    for each in rejected:
        number = lines[each["index"]].number
        typer.echo(f"line {number}: {each['path'] or '(event)'}: {each['reason']}", err=True)
    indices = sorted({r["index"] for r in rejected})
    if indices:
        new = not file.exists()
        with file.open("ab") as out:
            out.write((source.head() if new else b"") + b"".join(lines[i].original + b"\n" for i in indices))


def post(http: httpx.Client, lines: list[tuple[int, bytes]]) -> dict[str, Any]:
    """A line that is not JSON becomes null in the batch, so that intake names it by its place."""
    body = b"[" + b",".join(line if _is_json(line) else b"null" for _, line in lines) + b"]"
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    answer = http.post("/events", content=body, headers=headers)
    deadline = time.monotonic() + PATIENCE_S
    while answer.status_code in (429, 503) and time.monotonic() < deadline:  # nothing was taken: send it again
        time.sleep(min(30.0, float(answer.headers.get("Retry-After", "1"))))
        answer = http.post("/events", content=body, headers=headers)
    found: dict[str, Any] = must(answer)
    return found


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
