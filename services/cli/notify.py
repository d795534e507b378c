"""`tppo notify`: what became of an alert, who was told, drills."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli import notify_silence
from services.cli.connection import connect, must
from services.cli.notify_tables import lint, route, secret, who
from services.contracts.calendar import WIB
from services.contracts.fields import parse_time

COLOURS = {"sent": "green", "seen": "bold green", "taken": "bold green", "failed": "red", "exhausted": "bold red", "escalated": "yellow", "held": "cyan"}  # fmt: skip


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Alerts: who is told, what became of one, drills, silences.", no_args_is_help=True)
    commands: list[Callable[..., None]] = [who, route, lint, show, open_, inbox, seen, hand_over, drill, secret]
    for command in commands:
        group.command(command.__name__.rstrip("_").replace("_", "-"))(command)
    group.add_typer(notify_silence.group(), name="silence")
    app.add_typer(group, name="notify")


def show(alert: Annotated[str, typer.Argument(help="alert id, as `tppo notify open` or the case shows it")]) -> None:
    """The timeline of one alert: planned, held, sent, receipt, acknowledged, escalated, and why each."""
    with connect().client("notify", ["alerts:read"]) as http:
        found = must(http.get(f"/alerts/{alert}"))
    console = Console()
    console.print(
        f"[bold]{found['ref']}[/] to {found['to']}, {found['severity']}, step {found['step']}, chain {found['chain']}; "
        f"due {_local(found['deadline'])}\nstate [bold]{found['state']}[/]"
        + (f", next step {_local(found['due_at'])}" if found["due_at"] else "")
        + (f" (waits: {found['held']})" if found.get("held") else "")
        + (f", seen by {found['seen_by']}" if found.get("seen_by") else "")
        + (f", taken by {found['taken_by']}" if found.get("taken_by") else ""),
        highlight=False,
    )
    table = Table("when", "what", "who", "by", "why, receipt")
    for entry in found["history"]:
        status = entry["status"]
        why = entry.get("reason") or entry.get("receipt") or ""
        table.add_row(
            _local(entry["at"], seconds=True),
            f"[{COLOURS.get(status, 'default')}]{status}[/]",
            entry.get("person", ""),
            entry.get("channel", ""),
            why,
        )
    console.print(table)


def open_(
    to: Annotated[str | None, typer.Option(help="agency or role")] = None,
    state: Annotated[str, typer.Option(help="open, seen, settled, exhausted")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
) -> None:
    """Alerts of a state: whose turn it is and until when."""
    with connect().client("notify", ["alerts:read"]) as http:
        found = must(http.get("/alerts", params={"state": state, "limit": str(limit)} | ({"to": to} if to else {})))
    table = Table(
        "alert", "ref", "to", "severity", "whose turn", "next step", "waits", title=f"{len(found)} alerts, {state}"
    )
    for a in sorted(found, key=lambda a: a["requested_at"]):
        table.add_row(
            a["alert_id"],
            a["ref"],
            a["to"],
            a["severity"],
            a["person"] or "",
            _local(a["due_at"]) if a["due_at"] else "",
            a["held"] or "",
        )
    Console().print(table)


def inbox(person: Annotated[str, typer.Argument(help="reference of a person, e.g. kanim-clp-supervisor")]) -> None:
    """What a person was told and is not over."""
    with connect().client("notify", ["alerts:ack"], subject=person) as http:
        found = must(http.get("/inbox"))
    table = Table("alert", "ref", "due", "state", "seen by", "taken by", title=f"{person}: {len(found)}")
    for a in sorted(found, key=lambda a: a["deadline"]):
        table.add_row(
            a["alert_id"], a["ref"], _local(a["deadline"]), a["state"], a["seen_by"] or "", a["taken_by"] or ""
        )
    Console().print(table)


def seen(
    alert: Annotated[str, typer.Argument(help="alert id")],
    person: Annotated[str, typer.Option("--as", help="reference of the person")],
    take: Annotated[bool, typer.Option("--take", help="also: I take care of it")] = False,
) -> None:
    """Acknowledge: somebody has really seen it, nobody else is told."""
    with connect().client("notify", ["alerts:ack"], subject=person) as http:
        found = must(http.post(f"/alerts/{alert}/{'take' if take else 'seen'}"))
    typer.echo(
        f"{found['status']}; seen by {found['seen_by']}"
        + (f"; taken by {found['taken_by']}" if found["taken_by"] else "")
    )


def hand_over(
    alert: Annotated[str, typer.Argument(help="alert id")],
    to: Annotated[str, typer.Argument(help="reference of the person who takes over")],
    person: Annotated[str, typer.Option("--as", help="reference of who hands over")],
) -> None:
    """To another person, who is told at once."""
    with connect().client("notify", ["alerts:ack"], subject=person) as http:
        must(http.post(f"/alerts/{alert}/hand-over", json={"to": to}))
    typer.echo(f"handed over to {to}")


def drill(
    name: Annotated[str, typer.Argument(help="short name, e.g. nov-1; the same name sends nothing twice")],
    target: Annotated[str, typer.Option(help="agency; without it everybody")] = "*",
    report: Annotated[bool, typer.Option("--report", help="who acknowledged, and who was not reached")] = False,
) -> None:
    """Send a marked test through every channel of every person, or report on it."""
    with connect().client("notify", ["alerts:drill", "alerts:read"]) as http:
        if not report:
            made = must(http.post("/drills", json={"name": name, "target": target}))
            typer.echo(
                f"{made['messages']} tests to {made['people']} people; {made['known']} were sent before. See: tppo notify drill {name} --report"
            )
            return
        found = must(http.get(f"/drills/{name}"))
    table = Table("person", "channel", "state", "why", title=f"drill {name}")
    for each in found:
        table.add_row(each["person"], each["channel"], each["state"], each["reason"] or "")
    Console().print(table)
    good = sum(each["state"] == "acknowledged" for each in found)
    typer.echo(f"{good} of {len(found)} acknowledged, {sum(each['state'] == 'failed' for each in found)} not reached")


def _local(text: str, *, seconds: bool = False) -> str:
    return parse_time(text).astimezone(WIB).strftime("%d-%m %H.%M.%S" if seconds else "%d-%m %H.%M")
