"""The document store of risk, read by commands that look into it; nothing here writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pymongo import MongoClient
from pymongo.database import Database

from services.cli.connection import store
from services.runtime.away import AWAY
from services.runtime.settings import StoreSettings


@contextmanager
def risk_store() -> Iterator[Database[dict[str, Any]]]:
    """The database; a sentence and exit 1 when the store does not answer."""
    settings = StoreSettings.load()
    client: MongoClient[dict[str, Any]] = MongoClient(
        store(), tz_aware=True, serverSelectionTimeoutMS=settings.timeout_ms
    )
    try:
        yield client[f"{settings.database_prefix}risk"]
    except AWAY as error:
        typer.secho(f"the store does not answer ({type(error).__name__}); TPPO_STORE_URI names it", fg="red", err=True)
        raise typer.Exit(1) from None
    finally:
        client.close()
