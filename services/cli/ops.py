"""`tppo status`, `tppo token`, `tppo ledger`: what operations needs to see."""

import re
import urllib.error
import urllib.request
from typing import Annotated

import httpx
import typer
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from services.cli.connection import Connection, connect, must
from services.referral.tables import Tables
from services.runtime.broker import consumer

GROUPS = ("intake", "risk", "referral", "notify", "ledger")
_DEAD = re.compile(r'^tppo_dead_letters_total\{kind="(\w+)",topic="([\w-]+)"\} ([\d.e+]+)$', re.MULTILINE)


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(token)
    app.command()(agencies)
    ledger = typer.Typer(help="What went in against what came out.", no_args_is_help=True)
    ledger.callback()(_ledger)
    ledger.command("open")(open_)
    ledger.command()(routes)
    app.add_typer(ledger, name="ledger")


def status() -> None:
    """Services, lag, what is unaccounted, dead letters, open referrals, unknown field names."""
    connection = connect()
    console = Console()
    table = Table(title="Services")
    for heading in ("service", "ready", "lag", "dead letters"):
        table.add_column(heading)
    for service, url in connection.where.admin.items():
        dead = sum(int(float(n)) for _, _, n in _DEAD.findall(_get(f"{url}/metrics")))
        table.add_row(service, _get(f"{url}/ready").strip() or "not reachable", _lag(connection, service), str(dead))
    console.print(table)
    summary = httpx.get(f"{connection.where.admin['ledger']}/summary", timeout=10).json()
    console.print("Ledger: " + ", ".join(f"{name} {value}" for name, value in summary.items()))
    with connection.client("referral", ["cases:read"]) as http:
        cases = must(http.get("/cases", params={"limit": 500}))
    states = [r["state"] for c in cases for r in c["referrals"]]
    console.print(f"Referrals: {states.count('planned')} wait for approval, {states.count('sent')} wait for an answer")
    unknown = httpx.get(f"{connection.where.admin['intake']}/unknown-fields", timeout=10).json()
    if unknown:
        console.print("Fields the dictionary does not know: " + ", ".join(f"{k} {v}" for k, v in unknown.items()))


def _lag(connection: Connection, group: str) -> str:
    """Committed against end offsets. The embedded broker's end offsets can be too low (measured): read as "about"."""
    try:
        admin = KafkaAdminClient(**connection.kafka.client())
        try:
            offsets = admin.list_group_offsets(group)
        finally:
            admin.close()
        found = offsets.get(group, offsets)
        places = {TopicPartition(*p): o.offset for p, o in found.items() if o.offset >= 0}
        reader = consumer(connection.kafka, None)
        try:
            ends = reader.end_offsets(list(places))
        finally:
            reader.close()
        return str(sum(max(0, ends[p] - o) for p, o in places.items()))
    except (KafkaError, AttributeError, TypeError, KeyError):
        return "?"


def token(
    audience: Annotated[str, typer.Argument(help="intake, referral or notify")],
    scope: Annotated[list[str], typer.Option(help="e.g. events:write, cases:read, agency; several times")],
    agency: Annotated[str | None, typer.Option(help="agency id, with the scope agency")] = None,
    role: Annotated[str | None, typer.Option(help="role of an officer")] = None,
    subject: Annotated[str, typer.Option(help="who")] = "tppo-token",
    minutes: Annotated[int, typer.Option(min=1, max=1440)] = 60,
) -> None:
    """A bearer token for the embedded mode; a real installation has its own issuer."""
    claims = {"agency": agency, "role": role}
    given = {k: v for k, v in claims.items() if v}
    typer.echo(connect().token(f"tppo-{audience}", scope, subject, lifetime_s=minutes * 60, **given))


def agencies() -> None:
    """Every agency id of the directory, with commas: what the ledger's TPPO_LEDGER_AGENCIES takes."""
    typer.echo(",".join(Tables.load().agencies))


def _ledger() -> None:
    """What went in against what came out."""


def open_() -> None:
    """Ids that went in and did not come out yet, oldest first."""
    items = httpx.get(f"{connect().where.admin['ledger']}/open", timeout=10).json()
    for item in items:
        typer.echo(f"{item['since']}  {item['kind']:9} {item['id']}")
    typer.echo(f"{len(items)} open" if items else "nothing is open: all that went in came out")


def routes() -> None:
    """Routing rules to review: three referrals or more that nobody answered in ninety days."""
    found = httpx.get(f"{connect().where.admin['ledger']}/routes", timeout=10).json()
    for each in found:
        typer.echo(
            f"{each['route']}: {each['expired']} rujukan tanpa jawaban / referrals expired; tinjau aturannya / review the rule"
        )
    if not found:
        typer.echo("tidak ada / none: no rule has three expired referrals in ninety days")


def _get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""
