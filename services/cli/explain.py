"""`tppo explain`: why an assessment came out as it did, as a person would want to read it."""

import time
from typing import Annotated

import typer
from kafka import TopicPartition
from rich.console import Console
from rich.table import Table

from services.cli.connection import Connection, connect, must
from services.contracts.assessments import RiskAssessed
from services.runtime.broker import consumer

LEVELS = ("0 biasa", "1 perhatian", "2 pendalaman", "3 rujuk")


def register(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    id: Annotated[str, typer.Argument(help="id of an assessment or of a case")],
    as_json: Annotated[bool, typer.Option("--json", help="the whole assessment as JSON")] = False,
) -> None:
    """Sentences, weights, groups, what would clear each sign, and which question to ask first."""
    connection = connect()
    with connection.client("referral", ["cases:read"]) as http:
        answer = http.get(f"/cases/{id}")
        wanted = must(answer)["assessment_id"] if answer.status_code != 404 else id
    assessed = _find(connection, wanted)
    if assessed is None:
        typer.secho(f"no case and no assessment has the id {id}", fg="red", err=True)
        raise typer.Exit(1)
    if as_json:
        typer.echo(assessed.encode().decode())
    else:
        show(assessed, Console())


def show(assessed: RiskAssessed, console: Console) -> None:
    """Reasons before the level (privacy-and-safety.md, section 6)."""
    console.print(f"[bold]{assessed.application_id}[/] · {assessed.at} · dasar/pack {assessed.pack_digest[:12]}")
    table = Table(title="Tanda yang ada · signs that are there", show_lines=True)
    for heading in ("tanda · sign", "dB", "kelompok · group", "yang membersihkan · what would clear it"):
        table.add_column(heading, overflow="fold")
    for f in assessed.findings:
        table.add_row(f"{f.title_id}\n{f.title_en}", f"{f.weight / 10:.1f}", f.group, f"{f.clears_id}\n{f.clears_en}")
    console.print(table)
    for g in assessed.groups:
        console.print(f"  {g.group}: {g.raw / 10:.1f} dB, setelah batas/after cap {g.capped / 10:.1f} dB")
    if assessed.protective:
        console.print(f"  Meringankan/protective: {', '.join(assessed.protective)}")
    console.print("  " + " · ".join(f"{name}: {strength}" for name, strength in assessed.dimensions.items()))
    console.print(
        f"  E_np {assessed.e_np / 10:.1f} dB · E_tppo {assessed.e_tppo / 10:.1f} dB → tingkat/level {LEVELS[assessed.level]}"
    )
    for reason in assessed.reasons:
        console.print(f"  – {reason}")
    console.print("Tanyakan dulu · ask first:")
    for q in assessed.questions[:5]:
        console.print(f"  {q.text_id}  (ya/yes {q.on_yes / 10:+.1f} dB, tidak/no {q.on_no / 10:+.1f} dB)")
    console.print("Ini bukan keputusan; orang yang memutuskan. · This is no decision; people decide.")


def _find(connection: Connection, assessment_id: str) -> RiskAssessed | None:
    """Reads the topic from its beginning: assessments are kept there for 90 days."""
    reader = consumer(connection.kafka, None)
    try:
        partitions = [
            TopicPartition(RiskAssessed.TOPIC, p) for p in reader.partitions_for_topic(RiskAssessed.TOPIC) or ()
        ]
        reader.assign(partitions)
        reader.seek_to_beginning()
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 2:
            for records in reader.poll(timeout_ms=200).values():
                for record in records:
                    quiet_since = time.monotonic()
                    if dict(record.headers).get("kind") == b"RiskAssessed" and assessment_id.encode() in record.value:
                        found = RiskAssessed.decode(record.value)
                        if found.assessment_id == assessment_id:
                            return found
        return None
    finally:
        reader.close()
