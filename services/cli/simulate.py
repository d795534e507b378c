"""`tppo simulate`: a synthetic office, or country, with known truth: to files, or live into a running system."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer
from rich.console import Console

from services.cli.connection import connect
from services.cli.feed import BATCH, post
from services.simulator.country import country
from services.simulator.delivery import Arrived
from services.simulator.marginals import Tally, table
from services.simulator.scenario import cast
from services.simulator.world import Plan, World


def register(app: typer.Typer) -> None:
    app.command()(simulate)


def simulate(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day of visits")],
    last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="last day; events after it are left out")
    ],
    office: Annotated[str, typer.Option(help="office code; CLP is Cilacap")] = "CLP",
    national: Annotated[bool, typer.Option("--national", help="all 151 offices")] = False,
    seed: Annotated[int, typer.Option(help="same seed, same bytes")] = 1,
    rate: Annotated[
        float,
        typer.Option(min=1, max=5000, help="applications a working day and office (reference: 160; country: 131)"),
    ] = 160,
    rings: Annotated[
        int | None, typer.Option(min=0, help="how many rings of organisers (default: 3 to 6 a year)")
    ] = None,
    plant: Annotated[
        list[str] | None, typer.Option(help="a scenario that must appear; may be given several times")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for events.jsonl and truth.jsonl")] = None,
    send: Annotated[bool, typer.Option("--send", help="post to intake instead of writing events")] = False,
    speed: Annotated[
        float, typer.Option(min=0, help="with --send: simulated seconds a second; 0 is as fast as intake takes them")
    ] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="draw purposes, kabupaten, arrivals and rings into this SVG")
    ] = None,
    marginals: Annotated[
        Path | None, typer.Option(help="write the table of targets and what came out (Markdown)")
    ] = None,
) -> None:
    """Draw applications with all their events and the hidden truth. Nobody in them exists.

    Prints one JSON line with what was made. The truth says for each application whether it was ordinary, unsafe
    labour migration (pmi_np) or trafficking (tppo), and which ring it belonged to: it is for judging rules, never for intake.
    """
    console = Console(stderr=True)
    plan = _plan(first, last, office, national, seed, rate, rings, plant or [])
    if out is None and not send and picture is None and marginals is None:
        raise typer.BadParameter("say where to: --out FOLDER, --send, --picture FILE or --marginals FILE")
    tally = Tally() if picture or marginals else None
    started = time.monotonic()
    applications = 0
    with ExitStack() as files:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        truth_file = files.enter_context((out / "truth.jsonl").open("wb")) if out else None

        def truth(line: dict[str, object]) -> None:
            nonlocal applications
            applications += line["kind"] == "application"
            if truth_file is not None:
                truth_file.write(orjson.dumps(line) + b"\n")
            if tally is not None:
                tally.truth(line)

        stream = _counted(World(plan, truth).stream(), tally)
        if send:
            events = _send(console, stream, speed)
        else:
            events = _write(files.enter_context((out / "events.jsonl").open("wb")) if out else None, stream)
    if tally is not None and marginals is not None:
        marginals.write_text(table(tally.lines()), encoding="utf-8")
    if tally is not None and picture is not None:
        from services.simulator.picture import draw  # takes half a second to load, and most runs draw nothing

        draw(tally, f"{'Nasional' if national else office} {first:%Y-%m-%d} - {last:%Y-%m-%d}, seed {seed}", picture)
    typer.echo(
        orjson.dumps(
            {"applications": applications, "events": events, "seconds": round(time.monotonic() - started, 1)}
        ).decode()
    )


def _plan(
    first: datetime,
    last: datetime,
    office: str,
    national: bool,
    seed: int,
    rate: float,
    rings: int | None,
    plant: list[str],
) -> Plan:
    if last < first:
        raise typer.BadParameter(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    unknown = [name for name in plant if name not in cast()]
    if unknown:
        raise typer.BadParameter(f"--plant {unknown[0]}: no such scenario; there are {', '.join(sorted(cast()))}")
    if not national and office not in country():
        raise typer.BadParameter(
            f"--office {office}: no such office; CLP, WSB, PML, SMG, PTI, SKA or one like {list(country())[-1]}"
        )
    return Plan(first.date(), last.date(), seed, rate, office, national, rings, tuple(plant))


def _counted(stream: Iterator[Arrived], tally: Tally | None) -> Iterator[Arrived]:
    for arrived in stream:
        if tally is not None:
            tally.event(orjson.loads(arrived.line))
        yield arrived


def _write(file: BinaryIO | None, stream: Iterator[Arrived]) -> int:
    count = 0
    for arrived in stream:
        count += 1
        if file is not None:
            file.write(arrived.line + b"\n")
    return count


def _send(console: Console, stream: Iterator[Arrived], speed: float) -> int:
    """Batches in order of arrival. With a speed, an event is sent when its simulated time has come."""
    connection, count = connect(), 0
    clock: tuple[float, datetime] | None = None
    with console.status("sending ...") as status:
        for batch in _batches(stream, speed):
            clock = clock or (time.monotonic(), batch[0].at)
            if speed:
                due = clock[0] + (batch[-1].at - clock[1]).total_seconds() / speed
                time.sleep(max(0.0, due - time.monotonic()))
            with connection.client("intake", ["events:write"], "simulator") as http:
                answer = post(http, [(n, arrived.line) for n, arrived in enumerate(batch)])
            for fault in answer["rejected"]:
                console.print(f"refused: {fault['path'] or '(event)'}: {fault['reason']}")
            count += len(batch)
            status.update(f"{batch[-1].at:%Y-%m-%d %H:%M} in the simulated world, {count:,} events sent")
    return count


def _batches(stream: Iterator[Arrived], speed: float) -> Iterator[list[Arrived]]:
    """At most BATCH events, and with a speed at most what half a second of ours holds."""
    batch: list[Arrived] = []
    for arrived in stream:
        full = len(batch) == BATCH
        apart = bool(speed and batch and (arrived.at - batch[0].at).total_seconds() > speed / 2)
        if batch and (full or apart):
            yield batch
            batch = []
        batch.append(arrived)
    if batch:
        yield batch
