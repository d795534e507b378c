"""`tppo feed`: send a file of upstream events to intake."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from services.cli.connection import connect, must

BATCH = 500
MAX_BATCH_BYTES = 4 * 1024 * 1024 - 1024


def register(app: typer.Typer) -> None:
    app.command()(feed)


def feed(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="upstream events, JSONL")]) -> None:
    """Post a JSONL file to intake in batches. Sending it twice is safe: known events are duplicates.

    Refused lines are named with path and reason; then the exit code is 2.
    """
    console = Console(stderr=True)
    accepted = duplicate = refused = 0
    connection = connect()
    with Progress(console=console) as progress:
        task = progress.add_task("sending", total=file.stat().st_size)
        for lines, size in _batches(file):
            # A token lives five minutes; a long file needs more than one.
            with connection.client("intake", ["events:write"], "feed") as http:
                answer = post(http, lines)
            accepted, duplicate = accepted + answer["accepted"], duplicate + answer["duplicate"]
            for each in answer["rejected"]:
                refused += 1
                typer.echo(f"line {lines[each['index']][0]}: {each['path'] or '(event)'}: {each['reason']}", err=True)
            progress.update(task, advance=size)
    typer.echo(orjson.dumps({"accepted": accepted, "duplicates": duplicate, "faults": refused}).decode())
    if refused:
        raise typer.Exit(2)


def _batches(file: Path) -> Iterator[tuple[list[tuple[int, bytes]], int]]:
    """Numbered lines up to the limits of a batch, and how many bytes of the file they are."""
    lines: list[tuple[int, bytes]] = []
    size = 0
    with file.open("rb") as source:
        for number, line in enumerate(source, start=1):
            if lines and (len(lines) == BATCH or size + len(line) > MAX_BATCH_BYTES):
                yield lines, size
                lines, size = [], 0
            size += len(line)
            if line.strip():
                lines.append((number, line.strip()))
    if lines:
        yield lines, size


def post(http: httpx.Client, lines: list[tuple[int, bytes]]) -> dict[str, Any]:
    """A line that is not JSON becomes null in the batch, so that intake names it by its place."""
    body = b"[" + b",".join(line if _is_json(line) else b"null" for _, line in lines) + b"]"
    answer = http.post("/events", content=body, headers={"Content-Type": "application/cloudevents-batch+json"})
    found: dict[str, Any] = must(answer)
    return found


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
