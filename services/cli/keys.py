"""`tppo keys`: the secrets of an installation, made, rotated and, when nothing needs them any more, destroyed."""

import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from services.cli.connection import Connection, connect
from services.embedded import keys

MOVES = ("intake", "risk", "referral")
LOOK_EVERY_S, SETTLE_S = 0.5, 6.0


class Secret(StrEnum):
    """What can be rotated."""

    TOKEN = "token"
    MASTER = "master"


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Keys: init, rotate, status.", no_args_is_help=True)
    group.command()(init)
    group.command()(rotate)
    group.command()(status)
    app.add_typer(group, name="keys")


def init(folder: Annotated[Path, typer.Argument(help="an empty or new folder")]) -> None:
    """Make the vault's two secrets and a signing key for each service. What is there already stays."""
    keys.ensure(folder)
    typer.echo(f"keys are in {folder}: master_key and token_key must never be lost, and nothing in it may be committed")


def rotate(
    secret: Annotated[Secret, typer.Argument(help="token: makes tokens; master: wraps the data keys of the vault")],
    folder: Annotated[Path | None, typer.Option(help="folder of the keys; without it the running demo's")] = None,
    drop: Annotated[
        bool, typer.Option(help="master: destroy the older keys at the end; what was erased is then gone for good")
    ] = True,
    wait_s: Annotated[float, typer.Option(help="how long to wait until every store has moved")] = 3600,
) -> None:
    """Add a key version; every store moves its records while everything goes on. Safe to call again when it was cut short."""
    connection = connect()
    path = (folder or Path(connection.where.data) / "keys") / f"{secret.value}_key"
    if not path.exists():
        raise typer.BadParameter(f"{path} does not exist; name the folder of the keys with --folder")
    before = _states(connection)
    for service, state in before.items():
        if "away" in state:
            raise typer.BadParameter(
                f"{service} {state['away']}, so nobody would see it move; TPPO_ADMIN_{service.upper()} names its admin address"
            )
    if any(state.get("moving") for state in before.values()):
        raise typer.BadParameter("a rotation is under way: `tppo keys status` shows how far it is")
    version = keys.add_version(path)
    typer.echo(f"{path.name} has version {version}; the stores move, and everything goes on meanwhile")
    _wait(connection, secret, version, time.monotonic() + wait_s)
    if secret is Secret.MASTER and drop:
        time.sleep(SETTLE_S)  # other processes of intake have read the file by now
        dropped = keys.drop_older(path)
        typer.echo(
            f"older master keys destroyed: {dropped}. Copies of erased data, in journals and backups too, cannot be opened"
        )
    elif secret is Secret.TOKEN:
        typer.echo("older token keys stay in the file: a newer token is computed through them")


def status() -> None:
    """Which key versions each service is on, and whether it is moving."""
    table = Table(title="Keys")
    for heading in ("service", "token keys", "master keys", "state"):
        table.add_column(heading)
    for service, state in _states(connect()).items():
        words = (
            "moving" if state.get("moving") else state.get("failed") or state.get("away") or "on the newest it knows"
        )
        table.add_row(service, str(state.get("token_version", "?")), str(state.get("master_version", "-")), words)
    Console().print(table)


def _wait(connection: Connection, secret: Secret, version: int, until: float) -> None:
    asked = MOVES if secret is Secret.TOKEN else ("intake",)
    waiting = list(asked)
    with Console().status("moving"):
        while waiting:
            if time.monotonic() > until:
                typer.secho(
                    f"still moving: {', '.join(waiting)}; `tppo keys status` shows when it is done",
                    fg="yellow",
                    err=True,
                )
                raise typer.Exit(1)
            states = _states(connection)
            waiting = [s for s in asked if not _arrived(states[s], secret, version)]
            time.sleep(LOOK_EVERY_S)


def _arrived(state: dict[str, Any], secret: Secret, version: int) -> bool:
    return not state.get("moving", True) and int(state.get(f"{secret.value}_version", 0)) >= version


def _states(connection: Connection) -> dict[str, dict[str, Any]]:
    return dict(_ask(connection))


def _ask(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    for service in MOVES:
        if service not in connection.where.admin:
            yield service, {"away": "has no known admin address"}
            continue
        try:
            found = httpx.get(f"{connection.where.admin[service]}/keys", timeout=5).json()
            yield service, found[0] if isinstance(found, list) and found else dict(found or {})
        except (httpx.HTTPError, ValueError) as error:
            yield service, {"away": f"cannot be asked ({type(error).__name__})"}
