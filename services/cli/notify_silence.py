"""`tppo notify silence`: alerts that need not be told for a while."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.cli.connection import connect, must
from services.cli.notify_tables import moment_of
from services.contracts.calendar import WIB
from services.contracts.fields import parse_time


def group() -> typer.Typer:
    found = typer.Typer(help="Hold alerts for a while. Never one on which a life depends.", no_args_is_help=True)
    found.command("list")(list_)
    found.command()(add)
    found.command()(end)
    return found


def list_() -> None:
    """Silences that hold now."""
    with connect().client("notify", ["alerts:read"]) as http:
        found: dict[str, dict[str, Any]] = must(http.get("/silences"))
    table = Table("silence", "to", "ref", "until", "by", "reason", title=f"{len(found)} silences")
    for id_, s in found.items():
        table.add_row(
            id_,
            s["to"],
            s["ref"],
            parse_time(s["end"]).astimezone(WIB).strftime("%d-%m %H.%M"),
            s["author"],
            s["reason"],
        )
    Console().print(table)


def add(
    to: Annotated[str, typer.Argument(help="agency or role; may hold *")],
    until: Annotated[str, typer.Argument(help="RFC 3339; without an offset WIB")],
    reason: Annotated[str, typer.Argument(help="why nobody need be told")],
    person: Annotated[str, typer.Option("--as", help="who says so")],
    ref: Annotated[str, typer.Option(help="reference of a referral or case; may hold *")] = "*",
) -> None:
    """From now until then; must-act alerts are told all the same."""
    with connect().client("notify", ["alerts:silence"], subject=person) as http:
        made = must(
            http.post("/silences", json={"to": to, "ref": ref, "until": moment_of(until).isoformat(), "reason": reason})
        )
    typer.echo(made["silence_id"])


def end(silence: Annotated[str, typer.Argument(help="silence id")]) -> None:
    """End it; what it held is told at once."""
    with connect().client("notify", ["alerts:silence"]) as http:
        must(http.delete(f"/silences/{silence}"))
    typer.echo("ended")
