"""`tppo run`, `tppo keys-init`: start one service, and make the keys that an installation needs."""

import importlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.embedded import keys
from services.runtime.settings import SettingsError


class Service(StrEnum):
    """What can be started."""

    INTAKE = "intake"
    RISK = "risk"
    REFERRAL = "referral"
    NOTIFY = "notify"
    LEDGER = "ledger"


def register(app: typer.Typer) -> None:
    app.command()(run)
    app.command("keys-init")(keys_init)


def run(service: Annotated[Service, typer.Argument(help="which service")]) -> None:
    """Run one service until SIGTERM. Its settings come from the environment (TPPO_...)."""
    try:
        importlib.import_module(f"services.{service.value}.app").main()
    except SettingsError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(78) from None


def keys_init(folder: Annotated[Path, typer.Argument(help="an empty or new folder")]) -> None:
    """Make the vault's two secrets and a signing key for each service. What is there already stays."""
    keys.ensure(folder)
    typer.echo(f"keys are in {folder}: master_key and token_key must never be lost, and nothing in it may be committed")
