"""`tppo assess`: try the system on a file of upstream events, without any server."""

import gc
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from services.cli.offline import Offline
from services.contracts.assessments import RiskAssessed
from services.intake.tokens import Tokeniser


def register(app: typer.Typer) -> None:
    app.command()(assess)


def assess(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, allow_dash=True, help="upstream events, JSONL; - for standard input"
        ),
    ],
    every: Annotated[
        bool, typer.Option("--every", help="print every assessment in order, not the last of each application")
    ] = False,
    rings: Annotated[Path | None, typer.Option(help="write one line per version of a ring")] = None,
) -> None:
    """One JSON line per application: level, evidence in tenths of a deciban, findings, questions, referrals.

    Nothing is stored and nothing is sent. Refused lines go to standard error with line number, path and reason; then the
    exit code is 2. Tokens are made with a key that is thrown away.
    """
    # Everything is kept until the end and little is cyclic: the collector would only walk it again and again (30 % of the
    # time, measured).
    gc.disable()
    # A day in the future of the file is judged by today's clock, as intake would.
    run = Offline(Tokeniser(os.urandom(32)), datetime.now(UTC))
    out = sys.stdout.buffer

    def each(assessed: RiskAssessed) -> None:
        if every:
            out.write(orjson.dumps(run.line(assessed)) + b"\n")

    source = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    with source:
        run.run(source, each)
    if not every:
        for assessed in run.last.values():
            out.write(orjson.dumps(run.line(assessed)) + b"\n")
    out.flush()
    if rings is not None:
        rings.write_bytes(b"".join(ring.encode() + b"\n" for ring in run.network.versions))
    for bad in run.bad:
        for fault in bad.rejected.faults:
            typer.echo(f"line {bad.number}: {fault.path or '(event)'}: {fault.reason}", err=True)
    if run.bad:
        raise typer.Exit(2)
