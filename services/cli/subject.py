"""`tppo subject`: what a person may ask for about their own data (UU 27/2022): a copy, a pause, its end, an erasure."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.cli.connection import Connection, connect, must
from services.cli.topic import read_all
from services.contracts.assessments import RiskAssessed

SCOPES = ["subjects"]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="A person's own data: export, restrict, release, erase.", no_args_is_help=True)
    for command in (export, restrict, release, erase):
        group.command()(command)
    app.add_typer(group, name="subject")


Nik = Annotated[str | None, typer.Option(help="NIK: all applications of this person; asked for when neither is given")]
Application = Annotated[str | None, typer.Option(help="or one application")]
Letter = Annotated[str, typer.Option(help="reference of the letter that asks for it")]
Actor = Annotated[str, typer.Option(help="who acts on it: a reference, no name")]


def export(
    out: Annotated[Path, typer.Argument(help="file to write, JSON; readable by you alone")],
    letter: Letter, actor: Actor, nik: Nik = None, application: Application = None,
) -> None:  # fmt: skip
    """Everything about one person: what was sent, what was concluded, who was asked, and who read it (due in 3×24 h)."""
    connection = connect()
    found = _post(connection, "export", _request(nik, application, letter, actor), actor)
    with connection.client("referral", SCOPES, actor) as http:
        for each in found["applications"]:
            each["referral"] = must(http.get(f"/subjects/{each['application_id']}"))
            each["assessments"] = _assessments(connection, each["application_id"])
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(found, file, indent=2, ensure_ascii=False)
    typer.echo(f"{len(found['applications'])} application(s) written to {out}; hand it over and delete it")


def restrict(letter: Letter, actor: Actor, nik: Nik = None, application: Application = None) -> None:
    """Pause the processing. Events are still taken in; a threat or a child is still acted on."""
    connection = connect()
    _print(_post(connection, "restrict", _request(nik, application, letter, actor), actor))


def release(letter: Letter, actor: Actor, nik: Nik = None, application: Application = None) -> None:
    """End a pause; what came in meanwhile is assessed."""
    connection = connect()
    _print(_post(connection, "release", _request(nik, application, letter, actor), actor))


def erase(
    letter: Letter, actor: Actor, nik: Nik = None, application: Application = None,
    despite_retention: Annotated[bool, typer.Option(help="also what a case still needs; the DPO alone may")] = False,
    yes: Annotated[bool, typer.Option(help="do not ask")] = False,
) -> None:  # fmt: skip
    """Destroy the keys of a person's data and make every service forget it. Cannot be undone."""
    connection = connect()
    request = _request(nik, application, letter, actor) | {"despite_retention": despite_retention}
    if not yes:
        typer.confirm("Destroy the data of this person? It cannot be undone", abort=True)
    answer = _post(connection, "erase", request, actor, ["subjects:dpo"] if despite_retention else [])
    _print(answer)
    if not any(each["state"] == "erased" for each in answer["applications"]):
        typer.echo("Nothing was erased. Tell the person until when it is kept; the DPO alone may decide otherwise.")
        return
    typer.echo(
        "Each service confirms in the ledger (`tppo status`: erasures). `tppo keys rotate master` then makes copies in journals and "
        "backups unreadable as well."
    )


def _request(nik: str | None, application: str | None, letter: str, actor: str) -> dict[str, Any]:
    """A NIK is asked for without echo when it is not given, so that it need not stand in the shell's history."""
    if not nik and not application:
        nik = typer.prompt("NIK", hide_input=True)
    about = {"nik": nik} if nik else {"application_id": application}
    return about | {"request_ref": letter, "actor": actor}


def _post(connection: Connection, verb: str, body: dict[str, Any], actor: str, more: list[str] | None = None) -> Any:
    with connection.client("intake", [*SCOPES, *(more or [])], actor) as http:
        return must(http.post(f"/subjects/{verb}", json=body))


def _print(answer: dict[str, Any]) -> None:
    table = Table()
    for heading in ("application", "state", "why", "until"):
        table.add_column(heading, overflow="fold")
    for each in answer["applications"]:
        table.add_row(each["application_id"], each["state"], each.get("why", ""), each.get("until", "")[:10])
    Console().print(table)


def _assessments(connection: Connection, application_id: str) -> list[dict[str, Any]]:
    """What was concluded, as long as its topic keeps it. Tokens are left out: they say nothing to the person."""
    found = []
    for record in read_all(connection, RiskAssessed.TOPIC):
        if record.key == application_id.encode() and dict(record.headers).get("kind") == b"RiskAssessed":
            shown = json.loads(record.value)
            found.append({k: shown[k] for k in ("at", "level", "must_act", "must_review", "reasons", "findings")})
    for assessment in found:
        assessment["findings"] = [f["title_id"] for f in assessment["findings"]]
    return found
