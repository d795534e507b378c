"""`tppo route`: which question would go where, and whether the rules are sound. Needs no server."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli.offline import Offline
from services.intake.tokens import Tokeniser
from services.notify import channels
from services.notify.roster import Roster
from services.referral.lint import explained, faults
from services.referral.tables import HERE, TableError, Tables
from services.risk.pack import Pack

RECEIVERS = HERE.parent / "notify" / "receivers.yaml"
COLOURS = {"yes": "bold green", "no": "dim", "unknown": "yellow", "by hand": "dim"}


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Routes of referrals: list, explain, lint. No server needed.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(explain)
    group.command()(lint)
    app.add_typer(group, name="route")


def list_() -> None:
    """Every rule: whom it asks what, how fast, and whether a person approves."""
    table = Table("rule", "asks", "fields", "deadline", "mode", title="routes.yaml")
    for rule in _loaded(HERE).routes:
        deadline = " ".join(f"{n} {unit}" for unit, n in rule.deadline.model_dump(exclude_none=True).items())
        mode = f"{rule.mode}{' + consent' if rule.consent else ''}{', by hand' if rule.by_hand else ''}"
        table.add_row(rule.name, rule.role, " ".join(rule.fields), deadline, mode)
    Console().print(table)


def explain(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="upstream events, JSONL")],
    every: Annotated[bool, typer.Option("--every", help="also rules that do not fire")] = False,
) -> None:
    """Judge a file of events and say, for each application, which rules fire, why, and where the question would go."""
    run = Offline(Tokeniser(os.urandom(32)), datetime.now(UTC), tables=_loaded(HERE))
    with file.open("rb") as source:
        run.run(source, lambda _: None)
    console = Console()
    for assessed in run.last.values():
        evaluated = assessed.level == 3 or assessed.must_act or assessed.must_review
        console.print(
            f"[bold]{assessed.application_id}[/] level {assessed.level}; findings: {', '.join(f.id for f in assessed.findings) or '-'}"
        )
        if not evaluated:
            console.print("  below level 3, not must-act, not must-review: only a person refers (R65)")
            continue
        for r in explained(assessed, run.tables):
            if r["says"] != "yes" and not every:
                continue
            deadline = " ".join(f"{n} {unit}" for unit, n in r["deadline"].items())
            console.print(
                f"  [{COLOURS[r['says']]}]{r['says']:8}[/] {r['rule']} → {r['agency_id']} ({r['place'] or 'any place'}): "
                f"{' '.join(r['fields'])}, {deadline}, {r['mode']}{' with consent' if r['consent'] else ''}",
                highlight=False,
            )
    for bad in run.bad:
        for fault in bad.rejected.faults:
            typer.echo(f"line {bad.number}: {fault.path or '(event)'}: {fault.reason}", err=True)
    if run.bad:
        raise typer.Exit(2)


def lint(
    folder: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="folder with routes.yaml and agencies/")
    ] = HERE,
    receivers: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="who can be told")] = RECEIVERS,
) -> None:
    """Try every rule's examples, and look for rules that never fire, agencies without address, misspelt indicators."""
    tables = _loaded(folder)
    reached = Roster.load(receivers, channels.names()).targets.keys()
    indicators = {i.id for i in Pack.load().indicators}
    found = list(faults(tables, indicators, reached))
    for fault in found:
        typer.secho(fault, fg="red", err=True)
    typer.echo(f"{len(tables.routes)} rules, {len(tables.agencies)} agencies, {len(found)} faults")
    if found:
        raise typer.Exit(1)


def _loaded(folder: Path) -> Tables:
    try:
        return Tables.load(folder)
    except TableError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
