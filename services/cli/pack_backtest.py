"""`tppo pack backtest`: other rules over the events that risk keeps, event by event. Reads the store, writes nothing."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer
from pymongo.database import Database

from services.cli import pack
from services.cli.risk_store import risk_store
from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted
from services.risk.licences import Licence
from services.risk.pack import HERE, Pack
from services.risk.record import Record
from services.risk.whatif import Report, Verdict, compare, outcome, strongest

A_STEP = 200


@dataclass
class Kept:
    """What two packs say of the applications that risk keeps, and what people found out about them."""

    now: dict[str, Verdict] = field(default_factory=dict)
    then: dict[str, Verdict] = field(default_factory=dict)
    outcomes: dict[str, Literal["right", "wrong"]] = field(default_factory=dict)
    events: int = 0
    days: tuple[date, date] = (date.max, date.min)

    @property
    def report(self) -> Report:
        return compare(self.now, self.then, self.outcomes)


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
    one, two, started = pack.loaded(old), pack.loaded(new), time.monotonic()
    kept = judged(one, two, from_, to)
    pack.told(kept.report, two, named)
    typer.echo(f"{kept.events:,} events under two packs in {time.monotonic() - started:.0f} s; nothing was written")


def judged(one: Pack, two: Pack, from_: datetime | None, to: datetime | None) -> Kept:
    """Both packs over what began on these days; a sentence and exit 1 when nothing did."""
    kept = Kept()
    with risk_store() as database:
        known = _licences(database)
        for record in _records(database):
            first = min(local_date(parse_time(e.at)) for e in record.events.values())
            if (from_ and first < from_.date()) or (to and first > to.date()):
                continue
            kept.days = min(kept.days[0], first), max(kept.days[1], first)
            kept.events += len(record.events)
            application = record.application_id
            kept.now[application], kept.then[application] = strongest(record, known, (one, two))
            if found := outcome(record):
                kept.outcomes[application] = found
    if not kept.now:
        typer.secho("no application began on these days", fg="red", err=True)
        raise typer.Exit(1)
    return kept


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
