"""`tppo pack backtest`: other rules over the events that risk keeps, event by event. Reads the store, writes nothing."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pymongo.database import Database

from services.cli import pack
from services.cli.risk_store import risk_store
from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted
from services.risk.licences import Licence
from services.risk.pack import HERE
from services.risk.record import Record
from services.risk.whatif import Verdict, compare, strongest

A_STEP = 200


def backtest(
    new: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="folder with the other rules")],
    old: Annotated[Path, typer.Argument(exists=True, file_okay=False)] = HERE,
    from_: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day")] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day")] = None,
    named: Annotated[int, typer.Option(help="how many applications to name")] = 10,
) -> None:
    """What other rules would have done to the applications that risk keeps: the highest level each would have had, and the budget.

    The days are those of an application's first event. Restricted and erased applications are left out. Nothing is written.
    """
    one, two = pack.loaded(old), pack.loaded(new)
    now: dict[str, Verdict] = {}
    then: dict[str, Verdict] = {}
    events, started = 0, time.monotonic()
    with risk_store() as database:
        known = _licences(database)
        for record in _records(database):
            days = [local_date(parse_time(e.at)) for e in record.events.values()]
            if (from_ and min(days) < from_.date()) or (to and min(days) > to.date()):
                continue
            events += len(record.events)
            now[record.application_id], then[record.application_id] = strongest(record, known, (one, two))
    if not now:
        typer.secho("no application began on these days", fg="red", err=True)
        raise typer.Exit(1)
    pack.told(compare(now, then), two, named)
    typer.echo(f"{events:,} events under two packs in {time.monotonic() - started:.0f} s; nothing was written")


def _records(database: Database[dict[str, Any]]) -> Iterator[Record]:
    """One at a time: memory holds the verdicts alone."""
    wanted = {"state": "open"}
    for document in database["records"].find(wanted, {"events": 1, "beside": 1}).batch_size(A_STEP):
        found = [EventAccepted.model_validate(e) for e in orjson.loads(document["events"])]
        if found:
            yield Record(document["_id"], 0, {e.event_id: e for e in found}, document["beside"])


def _licences(database: Database[dict[str, Any]]) -> dict[str, Licence]:
    found: dict[str, list[EventAccepted]] = {}
    for document in database["facts"].find({"type": "license.snapshot"}):
        found.setdefault(document["licence"], []).append(EventAccepted.model_validate(document["event"]))
    return {number: Licence(number, tuple(seen)) for number, seen in found.items()}
