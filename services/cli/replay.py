"""`tppo replay`: proves from the topics that today's code gives the assessments of that day."""

from collections import Counter, defaultdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli.connection import connect
from services.cli.topic import read_all
from services.contracts.assessments import FactRecorded, RecordErased, RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.risk.batch import has_application
from services.risk.pack import Pack
from services.risk.replay import Replayed
from services.risk.replay import replay as replay_

SHOWN = 20
MEANING = {
    "same": "the same bytes",
    "differs": "other than that day",
    "missing": "no assessment and no record of the event",
    "other_pack": "made by a pack that is not at hand",
    "other_keys": "token keys were rotated in between",
}


def register(app: typer.Typer) -> None:
    app.command()(replay)


def replay(application: Annotated[str | None, typer.Option(help="this application alone")] = None) -> None:
    """Read the kept events again, assess them, and compare with what was said then, byte for byte. Writes nothing.

    Ends with 1 when an assessment differs or is missing.
    """
    connection, pack = connect(), Pack.load()
    events: dict[str, list[EventAccepted]] = defaultdict(list)
    for record in read_all(connection, EventAccepted.TOPIC):
        if (
            record.value
            and dict(record.headers).get("kind") == EventAccepted.__name__.encode()
            and _wanted(record.key, application)
        ):
            event = _decoded(record.value)
            if event and has_application(event):
                events[event.application_id].append(event)
    assessed: dict[str, list[RiskAssessed]] = defaultdict(list)
    recorded = {
        e.event_id for r in read_all(connection, f"{EventAccepted.TOPIC}-dlq") if r.value and (e := _decoded(r.value))
    }
    erased: set[str] = set()
    for record in read_all(connection, RiskAssessed.TOPIC):
        kind = dict(record.headers).get("kind", b"").decode()
        if record.value is None or not _wanted(record.key, application):
            continue
        if kind == RiskAssessed.__name__:
            assessed[record.key.decode()].append(RiskAssessed.decode(record.value))
        elif kind == FactRecorded.__name__:
            recorded.add(FactRecorded.decode(record.value).caused_by)
        elif kind == RecordErased.__name__:
            erased.add(record.key.decode())
    found = [
        r
        for name, each in events.items()
        if name not in erased
        for r in replay_(name, each, assessed[name], recorded, pack)
    ]
    _print(found, len(erased & events.keys()), pack)
    if any(r.result in ("differs", "missing") for r in found):
        raise typer.Exit(1)


def _decoded(value: bytes) -> EventAccepted | None:
    """None for what is no event: it stands in the dead letters as well."""
    try:
        return EventAccepted.decode(value)
    except ValueError:
        return None


def _wanted(key: bytes | None, application: str | None) -> bool:
    return application is None or key == application.encode()


def _print(found: list[Replayed], erased: int, pack: Pack) -> None:
    console = Console()
    table = Table(title=f"Replay with pack {pack.digest[:12]}")
    table.add_column("assessments", justify="right")
    table.add_column("result")
    for result, count in Counter(r.result for r in found).most_common():
        table.add_row(f"{count:,}", MEANING[result])
    if erased:
        table.add_row("", f"{erased} applications were erased meanwhile")
    console.print(table)
    for each in [r for r in found if r.result in ("differs", "missing")][:SHOWN]:
        console.print(f"{each.application_id} event {each.event_id}: {each.result} {', '.join(each.fields)}")
