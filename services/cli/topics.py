"""`tppo topics`, `tppo queue`: topics as the table says, and an agency's queue."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.connection import kafka
from services.embedded.stack import TOPICS
from services.referral.tables import Tables
from services.runtime import rights, topics


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Topics: create what is missing, or compare.", no_args_is_help=True)
    group.command()(apply)
    group.command()(check)
    group.command("rights")(rights_)
    app.add_typer(group, name="topics")


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


def rights_(
    file: File = TOPICS,
    dry: Annotated[bool, typer.Option("--list", help="only print what the table grants; needs no server")] = False,
) -> None:
    """Grant what each service and each agency may do on the broker; name what stands there and is not in the table."""
    agencies = Tables.load().agencies
    wanted = rights.read_rights(file, agencies, topics.read_table(file, agencies))
    if dry:
        for right in wanted:
            typer.echo(f"{right.user}: {right.operation} {right.kind} {right.name}{'*' if right.prefixed else ''}")
        return
    granted, strange = rights.apply(kafka(), wanted)
    typer.echo(f"granted {len(granted)} of {len(wanted)} rights; the others were there")
    for right in strange:
        typer.echo(
            f"not in the table: {right.user}: {right.operation} {right.kind} {right.name}{'*' if right.prefixed else ''}"
        )
    raise typer.Exit(1 if strange else 0)
