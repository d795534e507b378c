"""Part of `tppo notify`: who would be told, and whether people, chains and texts are sound. Needs no server."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Column, Table

from services.cli.connection import webhook_secret
from services.contracts.calendar import WIB
from services.notify import channels, duty
from services.notify.chains import Chain, Chains
from services.notify.channels.webhook import secret_of
from services.notify.roster import Roster
from services.notify.settings import HERE
from services.notify.text import Texts
from services.runtime.yaml_file import YamlFault

Receivers = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="who is told")]
ChainsFile = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="which alert goes along which chain")]
Severity = Annotated[str, typer.Option(help="must_act, high or normal")]


def who(
    target: Annotated[str, typer.Argument(help="agency or role, e.g. polres-3301 or polres-3301:head")],
    at: Annotated[str | None, typer.Option(help="RFC 3339; now without it. Without an offset: WIB")] = None,
    severity: Severity = "must_act",
    step: Annotated[str, typer.Option(help="new, remind, escalate, task_force")] = "new",
    receivers: Receivers = HERE / "receivers.yaml",
    chains: ChainsFile = HERE / "chains.yaml",
) -> None:
    """Who would be told of an alert at a moment, in which order, by what, and how long each has."""
    roster, table = _tables(receivers, chains)
    _one_of(severity)
    moment = moment_of(at)
    chain = table.of(severity, target, step)
    _, role, why = roster.resolve(target)
    shown = Table(
        "",
        Column("person", no_wrap=True),
        "role",
        "by",
        "told",
        "has",
        title=f"{target}, {severity}, {moment:%A %d-%m-%Y %H.%M WIB}: chain {chain.name}",
    )
    for number, (place, ref) in enumerate(duty.in_order(chain, target, roster, moment), start=1):
        link, person = chain.links[place], roster.people[ref]
        opens = duty.opens(chain, ref, roster, moment)
        when = "at once" if opens <= moment else f"from {opens.astimezone(WIB):%d-%m %H.%M}"
        when += "" if roster.in_hours(ref, moment) else " (outside own hours)"
        role_shown = role if link.role == "asked" else link.role
        shown.add_row(
            str(number),
            ref,
            role_shown,
            ", ".join(w.channel for w in person.channels),
            when,
            f"{link.wait_minutes:g} min",
        )
    console = Console()
    console.print(shown)
    if why:
        console.print(f"[yellow]{why}[/]")
    console.print(_rest(chain))


def route(
    severity: Annotated[str, typer.Argument(help="must_act, high or normal")],
    target: Annotated[str, typer.Argument(help="agency or role")],
    step: Annotated[str, typer.Argument(help="new, remind, escalate, task_force")] = "new",
    chains: ChainsFile = HERE / "chains.yaml",
) -> None:
    """Which route an alert takes, and which chain that is."""
    _one_of(severity)
    table = _loaded(chains)
    found = table.route(severity, target, step)
    typer.echo(
        f"route {table.routes.index(found) + 1} of {len(table.routes)}: {found.match.model_dump(exclude_none=True) or 'everything'}"
    )
    chain = table.chains[found.chain]
    typer.echo(f"chain {chain.name}: " + " → ".join(f"{link.role} ({link.wait_minutes:g} min)" for link in chain.links))
    typer.echo(_rest(chain))


def lint(
    receivers: Receivers = HERE / "receivers.yaml",
    chains: ChainsFile = HERE / "chains.yaml",
    weeks: Annotated[
        bool, typer.Option("--hours", help="also list warnings: hours at which nobody can be reached")
    ] = False,
) -> None:
    """Check people, chains and texts; an agency that may get must-act alerts and sleeps at some hour is an error."""
    roster, table = _tables(receivers, chains)
    try:
        Texts.load()
    except YamlFault as error:
        _stop(str(error))
    faults = warnings = 0
    for target, must_act, moment in duty.unreachable(roster, table.of("must_act", "x", "new"), datetime.now(UTC)):
        faults, warnings = faults + must_act, warnings + (not must_act)
        text = f"{target}: nobody is in their hours on {moment.astimezone(WIB):%A %d-%m-%Y %H.%M WIB}"
        if must_act:
            typer.secho(f"{receivers.name}: {text}, and it may get must-act alerts", fg="red", err=True)
        elif weeks:
            typer.echo(f"warning: {text}")
    typer.echo(
        f"{len(roster.people)} people, {len(roster.targets)} targets, {len(table.chains)} chains, {faults} faults, "
        f"{warnings} agencies without somebody at every hour{'' if weeks or not warnings else ' (--hours lists them)'}"
    )
    if faults:
        raise typer.Exit(1)


def secret(url: Annotated[str, typer.Argument(help="address of a receiver, exactly as in receivers.yaml")]) -> None:
    """The secret that a receiver verifies its webhooks with. Give it to that receiver alone."""
    typer.echo(f"whsec_{base64.b64encode(secret_of(webhook_secret().encode(), url)).decode()}")


def _tables(receivers: Path, chains: Path) -> tuple[Roster, Chains]:
    try:
        return Roster.load(receivers, channels.names()), _loaded(chains)
    except YamlFault as error:
        _stop(str(error))


def _loaded(chains: Path) -> Chains:
    try:
        return Chains.load(chains)
    except YamlFault as error:
        _stop(str(error))


def _stop(text: str) -> NoReturn:
    typer.secho(text, fg="red", err=True)
    raise typer.Exit(1)


def _one_of(severity: str) -> None:
    if severity not in ("must_act", "high", "normal"):
        raise typer.BadParameter(f"severity is must_act, high or normal, not {severity}")


def moment_of(text: str | None) -> datetime:
    """A moment as a person writes it: now without one, WIB without an offset."""
    if text is None:
        return datetime.now(WIB)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no moment; write 2026-11-28T23:10 or 2026-11-28T23:10:00+07:00") from None
    return found if found.tzinfo else found.replace(tzinfo=WIB)


def _rest(chain: Chain) -> str:
    hours = {
        "any": "at every hour",
        "ignored": "at every hour",
        "night": "not between 21 and 6",
        "own": "in the person's own hours",
    }[chain.hours]
    together = (
        f"alerts of {chain.together_seconds} s come as one message" if chain.together_seconds else "each alert alone"
    )
    limit = f"at most {chain.per_hour} messages an hour, then a digest" if chain.per_hour else "no limit"
    return f"Told {hours}; {together}; {limit}; {chain.rounds} round{'s' if chain.rounds > 1 else ''}."
