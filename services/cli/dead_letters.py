"""`tppo dead-letters`: what was put aside, and how to try it again."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from kafka import TopicPartition
from rich.console import Console
from rich.table import Table

from services.cli.connection import Connection, connect, must
from services.embedded.stack import TOPICS
from services.referral.tables import Tables
from services.runtime import topics
from services.runtime.broker import Outgoing, Producer, consumer

RAW_DLQ = "passport-raw-dlq"
_PLACE = re.compile(r"(?P<topic>[a-z0-9-]+-dlq)/(?P<partition>\d+)/(?P<offset>\d+)")


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Dead letters: list, show, replay.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(replay)
    app.add_typer(group, name="dead-letters")


Place = Annotated[str, typer.Argument(help="as listed: <topic>-dlq/<partition>/<offset>")]
Actor = Annotated[str, typer.Option(help="who looks, a reference, no name")]
Purpose = Annotated[str, typer.Option(help="what for")]


def list_() -> None:
    """Every dead letter: where, why, and since when. No content."""
    connection = connect()
    names = [n for n in topics.read_table(TOPICS, Tables.load().agencies) if n.endswith("-dlq")]
    table = Table(title="Dead letters")
    for heading in ("place", "kind", "reason"):
        table.add_column(heading, overflow="fold")
    for record in _read(connection, names):
        kind, reason = _why(record)
        table.add_row(f"{record.topic}/{record.partition}/{record.offset}", kind, reason)
    Console().print(table if table.row_count else "no dead letters")


def show(place: Place, actor: Actor, purpose: Purpose = "operations") -> None:
    """One dead letter with its original. A refused upstream event is opened by intake, and that is recorded."""
    connection = connect()
    record = _at(connection, place)
    if record.topic == RAW_DLQ:
        found = _from_vault(connection, record, "show", {"actor": actor, "purpose": purpose})
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for name, value in record.headers or ():
        typer.echo(f"{name}: {value.decode(errors='replace')}")
    typer.echo((record.value or b"").decode(errors="replace"))


def replay(
    place: Place,
    actor: Actor,
    purpose: Purpose = "operations",
    event: Annotated[
        Path | None, typer.Option(exists=True, help="a corrected upstream event in its place, JSON")
    ] = None,
) -> None:
    """Try one dead letter again: an upstream event through intake, others on the topic they came from."""
    connection = connect()
    record = _at(connection, place)
    if record.topic == RAW_DLQ:
        corrected = {"event": json.loads(event.read_text())} if event else {}
        typer.echo(
            json.dumps(_from_vault(connection, record, "replay", {"actor": actor, "purpose": purpose} | corrected))
        )
        return
    headers = [(k, v) for k, v in record.headers or () if not k.startswith("dlq-")]
    producer = Producer(connection.kafka)
    producer.send_all([Outgoing(record.topic.removesuffix("-dlq"), record.key or b"", record.value, headers)])
    producer.close()
    typer.echo(f"sent again to {record.topic.removesuffix('-dlq')}")


def _from_vault(connection: Connection, record: Any, verb: str, body: dict[str, Any]) -> Any:
    reference = record.key.decode()
    with connection.client("intake", ["dead-letters"], body["actor"]) as http:
        return must(http.post(f"/dead-letters/{reference}/{verb}", json=body))


def _why(record: Any) -> tuple[str, str]:
    if record.topic == RAW_DLQ:
        faults = json.loads(record.value)["faults"]
        return "reject", "; ".join(f"{f['path'] or '(event)'}: {f['reason']}" for f in faults)
    headers = {k: v.decode(errors="replace") for k, v in record.headers or ()}
    return headers.get("dlq-kind", "?"), headers.get("dlq-reason", "?")


def _read(connection: Connection, names: list[str]) -> list[Any]:
    reader = consumer(connection.kafka, None)
    try:
        # End offsets may be too low on the embedded broker, but never 0 where something stands.
        ends = reader.end_offsets([TopicPartition(n, 0) for n in names])
        filled = [partition for partition, end in ends.items() if end > 0]
        if not filled:
            return []
        reader.assign(filled)
        reader.seek_to_beginning()
        found: list[Any] = []
        quiet = 0
        while quiet < 5:
            polled = [r for records in reader.poll(timeout_ms=200).values() for r in records]
            quiet = 0 if polled else quiet + 1
            found += polled
        return found
    finally:
        reader.close()


def _at(connection: Connection, place: str) -> Any:
    match = _PLACE.fullmatch(place)
    if not match:
        raise typer.BadParameter("write it as listed: <topic>-dlq/<partition>/<offset>")
    for record in _read(connection, [match["topic"]]):
        if record.offset == int(match["offset"]):
            return record
    raise typer.BadParameter(f"nothing stands at {place}")
