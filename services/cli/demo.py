"""`tppo demo`: the whole system on this machine, with one office day played through it."""

import json
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from services.cli.connection import ROOT
from services.contracts.calendar import WIB, local_date
from services.embedded.figures import Figures
from services.embedded.player import Player, with_mistakes
from services.embedded.processes import DidNotStart
from services.embedded.stack import Stack, new_folder
from services.referral.tables import Tables
from services.simulator.day import last_working_day, play

SETTLE_WITHIN_S = 120


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="stop by itself; exit code 1 if anything is unaccounted")
    ] = False,
    applications: Annotated[int, typer.Option(min=1, max=5000, help="applications of the day")] = 160,
    seed: Annotated[int, typer.Option(help="another seed is another day")] = 1,
) -> None:
    """Start broker, store, mail catcher and all services, play one office day, and show where to look."""
    console = Console(stderr=True)
    started = time.monotonic()
    stack = Stack(new_folder(Path(ROOT)), list(Tables.load().agencies))
    code = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a demo that is ended takes its children with it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with console.status("Starting broker, store, mail catcher and services ..."):
            stack.start()
        console.print(
            f"Ready after {time.monotonic() - started:.0f} s. Playing one office day: {applications} applications."
        )
        day = last_working_day(local_date(datetime.now(WIB)))
        figures = _play(console, stack, play(day, applications=applications, seed=seed), started)
        console.print(_summary(figures))
        if not once:
            _show_where(console, stack)
        typer.echo(json.dumps(figures))
        code = 1 if figures["unaccounted"] else 0
        while not once:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("\nStopping ...")
    except DidNotStart as error:
        console.print(f"[red]{error}")
        code = 1
    finally:
        stack.stop()
    raise typer.Exit(code)


def _play(console: Console, stack: Stack, events: list[dict[str, Any]], started: float) -> dict[str, Any]:
    figures = Figures(stack.addresses)
    player = Player(stack, with_mistakes(events))
    player.start()
    deadline = time.monotonic() + SETTLE_WITHIN_S + len(events) / 100
    first_alert: float | None = None
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            now = figures.read(player.sent)
            live.update(_progress(now, player.total))
            player.must_live()
            if first_alert is None and now["delivered"]:
                first_alert = time.monotonic() - started
            if player.done and figures.settled(now):
                break
            if time.monotonic() > deadline:
                console.print("[red]Not settled in time; `tppo ledger open` names what is open.")
                break
            time.sleep(0.25)
    told = f"first alert in the mail page after {first_alert:.0f} s, " if first_alert is not None else ""
    console.print(f"\n{told}all settled after {time.monotonic() - started:.0f} s")
    return now


def _progress(now: dict[str, Any], total: int) -> Table:
    table = Table(title=f"{now['sent']} of {total} events sent", min_width=60)
    for heading, name in (
        ("accepted", "accepted"),
        ("assessed", "assessed"),
        ("flagged", "cases"),
        ("referred", "referrals"),
        ("alerted", "delivered"),
        ("open", "unaccounted"),
    ):
        table.add_column(f"{heading}\n{now[name]}", justify="right")
    return table


def _summary(figures: dict[str, Any]) -> Table:
    table = Table(title="One office day", show_header=False)
    explained = {
        "sent": "events sent, over HTTP and the topic passport-raw",
        "accepted": "accepted by intake",
        "duplicates": "known already",
        "rejected": "refused, with reasons",
        "assessed": "led to exactly one assessment",
        "recorded": "events without an application, recorded",
        "dead_lettered": "put aside",
        "cases": "cases flagged for a person",
        "referrals": "referrals sent (others wait for a supervisor)",
        "alerts": "alerts requested",
        "delivered": "alerts a person was told of (others wait for a reason, or were settled first)",
        "unaccounted": "without an outcome",
    }
    for name, text in explained.items():
        table.add_row(name, str(figures[name]), text)
    return table


def _show_where(console: Console, stack: Stack) -> None:
    where = stack.addresses
    metrics = ("\n" + " " * 24).join(f"{url}/metrics  {name}" for name, url in where.admin.items())
    console.print(
        f"""
  Intake API            {where.intake}/docs
  Cases and agencies    {where.referral}/docs
  Mails to liaisons     {where.mail_page}
  Metrics               {metrics}
  An agency's queue     .venv/bin/tppo queue read uptd-ppa-3304
  Cases                 .venv/bin/tppo case list
  Data and logs         {where.data}
  Stop with Ctrl-C.
""",
        highlight=False,
    )
