"""`tppo topics`, `tppo queue`: topics as the table says, and an agency's queue."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from kafka import TopicPartition
from rich.console import Console

from services.cli.connection import kafka
from services.embedded.stack import TOPICS
from services.referral.tables import Tables
from services.runtime import topics
from services.runtime.broker import consumer


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Topics: create what is missing, or compare.", no_args_is_help=True)
    group.command()(apply)
    group.command()(check)
    app.add_typer(group, name="topics")
    queue = typer.Typer(help="An agency's queue.", no_args_is_help=True)
    queue.callback()(_queue)
    queue.command()(read)
    app.add_typer(queue, name="queue")


File = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="the table")]


def apply(file: File = TOPICS) -> None:
    """Create the topics of the table that are missing."""
    created = topics.apply(kafka(), topics.read_table(file, Tables.load().agencies))
    typer.echo(f"created {len(created)} topics" + (f": {', '.join(created)}" if created else ""))


def check(file: File = TOPICS) -> None:
    """Say what differs from the table; exit code 1 if anything does."""
    wrong = topics.check(kafka(), topics.read_table(file, Tables.load().agencies))
    for sentence in wrong:
        typer.echo(sentence)
    typer.echo("all topics are as the table says" if not wrong else f"{len(wrong)} differences")
    raise typer.Exit(1 if wrong else 0)


def _queue() -> None:
    """An agency's queue."""


def read(
    agency: Annotated[str, typer.Argument(help="agency id, e.g. polres-3301")],
    follow: Annotated[bool, typer.Option("--follow", help="wait for more until Ctrl-C")] = False,
    patience: Annotated[float, typer.Option(help="seconds without a message after which reading ends")] = 2.0,
) -> None:
    """What stands in an agency's queue: references, questions and deadlines; no personal data."""
    if agency not in Tables.load().agencies:
        raise typer.BadParameter(f"no such agency: {agency}; known: {', '.join(Tables.load().agencies)}")
    reader = consumer(kafka(), None)
    reader.assign([TopicPartition(f"queue-{agency}", 0)])
    reader.seek_to_beginning()
    console = Console()
    quiet_since, found = time.monotonic(), 0
    try:
        while follow or time.monotonic() - quiet_since < patience:
            for records in reader.poll(timeout_ms=200).values():
                for record in records:
                    quiet_since, found = time.monotonic(), found + 1
                    if record.value is None:
                        console.print(f"{record.key.decode()}: ditarik kembali / withdrawn")
                    else:
                        console.print_json(json.dumps(json.loads(record.value)))
    except KeyboardInterrupt:
        pass
    finally:
        reader.close()
    typer.echo(f"{found} messages in queue-{agency}", err=True)
