"""`tppo pack shadow`: other rules beside those in use, on the same stream; their results are kept apart and nobody acts on them."""

import time
from typing import Annotated, Any

import httpx
import orjson
import typer

from services.cli import pack
from services.cli.connection import connect
from services.cli.pack_release import BundleFile, Packs, packs_folder, put, read
from services.cli.topic import read_all
from services.contracts.assessments import RiskAssessed, ShadowAssessed
from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.risk.active import SHADOW
from services.risk.bundle import Refused
from services.risk.whatif import Verdict, compare

WAIT_S = 30.0


def add_to(group: typer.Typer) -> None:
    shadow = typer.Typer(help="Rules on trial beside those in use.", no_args_is_help=True)
    for command in (start, stop, report):
        shadow.command()(command)
    group.add_typer(shadow, name="shadow")


def start(bundle: BundleFile, packs: Packs = None) -> None:
    """Put a bundle on trial: every assessment is made a second time with it, for `report`. It judges nobody and needs no signature."""
    found = read(bundle)
    try:
        digest = found.pack().digest
    except Refused as error:
        typer.secho(f"{bundle}: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    put(packs_folder(packs), SHADOW, found.encode())
    _until(digest)


def stop(packs: Packs = None) -> None:
    """End the trial; what was said stays on its topic for 30 days."""
    (packs_folder(packs) / SHADOW).unlink(missing_ok=True)
    _until(None)


def report(packs: Packs = None, named: Annotated[int, typer.Option(help="how many applications to name")] = 10) -> None:
    """Who would change level, what fires otherwise, and the deep interviews of a day beside the budget, since the trial began."""
    file = packs_folder(packs) / SHADOW
    if not file.exists():
        typer.secho("no rules are on trial; `tppo pack shadow start BUNDLE` puts some", fg="red", err=True)
        raise typer.Exit(1)
    rules = read(file).pack()
    connection = connect()
    then: dict[str, ShadowAssessed] = {}
    for record in read_all(connection, ShadowAssessed.TOPIC):
        said = ShadowAssessed.decode(record.value)
        before = then.get(said.application_id)
        if said.pack_digest == rules.digest and (before is None or said.record_version >= before.record_version):
            then[said.application_id] = said
    wanted = {said.assessment_id for said in then.values()}
    now: dict[str, RiskAssessed] = {}
    for record in read_all(connection, RiskAssessed.TOPIC):
        assessment = dict(record.headers).get("kind") == RiskAssessed.__name__.encode()
        if assessment and orjson.loads(record.value)["assessment_id"] in wanted:
            now.setdefault((a := RiskAssessed.decode(record.value)).application_id, a)
    both = sorted(now.keys() & then.keys())
    if not both:
        typer.secho("nothing was assessed since the trial began", fg="yellow", err=True)
        raise typer.Exit(1)
    reviews = frozenset(i.id for i in rules.indicators if i.must_review)
    pack.told(
        compare({a: Verdict.of(now[a]) for a in both}, {a: _verdict(then[a], reviews) for a in both}), rules, named
    )
    typer.echo(f"rules on trial: {rules.digest[:12]}; the last word on each application since then, by both")


def _verdict(said: ShadowAssessed, reviews: frozenset[str]) -> Verdict:
    fired = frozenset(said.findings)
    return Verdict(
        said.office_code, local_date(parse_time(said.at)), said.level, said.must_act, bool(fired & reviews),
        max(said.e_np, said.e_tppo), fired,
    )  # fmt: skip


def _until(digest: str | None) -> None:
    """Until risk says so."""
    address = connect().where.admin.get("risk")
    if not address:
        typer.echo("written; TPPO_ADMIN_RISK would let this command see when risk has taken it over")
        return
    state: dict[str, Any] = {}
    started = time.monotonic()
    while time.monotonic() < started + WAIT_S:
        state = httpx.get(f"{address}/pack", timeout=5).json()
        if state["shadow"] == digest:
            typer.echo(f"on trial: {digest[:12]}" if digest else "no rules are on trial any more")
            return
        time.sleep(0.2)
    typer.secho(f"risk did not take it over: {state.get('shadow_refused') or 'no answer yet'}", fg="red", err=True)
    raise typer.Exit(1)
