"""`tppo notify`: who would be told, what became of an alert, drills, silences. `who`, `route` and `lint` need no server."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Column, Table

from services.cli.connection import connect, must, webhook_secret
from services.contracts.calendar import WIB
from services.contracts.fields import parse_time
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
COLOURS = {"sent": "green", "seen": "bold green", "taken": "bold green", "failed": "red", "exhausted": "bold red", "escalated": "yellow", "held": "cyan"}  # fmt: skip


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Alerts: who is told, what became of one, drills, silences.", no_args_is_help=True)
    commands: list[Callable[..., None]] = [who, route, lint, show, open_, inbox, seen, hand_over, drill, secret]
    for command in commands:
        group.command(command.__name__.rstrip("_").replace("_", "-"))(command)
    silence = typer.Typer(help="Hold alerts for a while. Never one on which a life depends.", no_args_is_help=True)
    silence.command("list")(list_)
    silence.command()(add)
    silence.command()(end)
    group.add_typer(silence, name="silence")
    app.add_typer(group, name="notify")


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
    moment = _moment(at)
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


def secret(url: Annotated[str, typer.Argument(help="address of a receiver, exactly as in receivers.yaml")]) -> None:
    """The secret that a receiver verifies its webhooks with. Give it to that receiver alone."""
    typer.echo(f"whsec_{base64.b64encode(secret_of(webhook_secret().encode(), url)).decode()}")


def list_() -> None:
    """Silences that hold now."""
    with connect().client("notify", ["alerts:read"]) as http:
        found: dict[str, dict[str, Any]] = must(http.get("/silences"))
    table = Table("silence", "to", "ref", "until", "by", "reason", title=f"{len(found)} silences")
    for id_, s in found.items():
        table.add_row(id_, s["to"], s["ref"], _local(s["end"]), s["author"], s["reason"])
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
            http.post("/silences", json={"to": to, "ref": ref, "until": _moment(until).isoformat(), "reason": reason})
        )
    typer.echo(made["silence_id"])


def end(silence: Annotated[str, typer.Argument(help="silence id")]) -> None:
    """End it; what it held is told at once."""
    with connect().client("notify", ["alerts:silence"]) as http:
        must(http.delete(f"/silences/{silence}"))
    typer.echo("ended")


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


def _moment(text: str | None) -> datetime:
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


def _local(text: str, *, seconds: bool = False) -> str:
    return parse_time(text).astimezone(WIB).strftime("%d-%m %H.%M.%S" if seconds else "%d-%m %H.%M")
