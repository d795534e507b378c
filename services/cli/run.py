"""`tppo run`: start one service."""

import importlib
from enum import StrEnum
from typing import Annotated

import typer

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


def run(service: Annotated[Service, typer.Argument(help="which service")]) -> None:
    """Run one service until SIGTERM. Its settings come from the environment (TPPO_...)."""
    try:
        importlib.import_module(f"services.{service.value}.app").main()
    except SettingsError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(78) from None
