"""`tppo statistics`: the tables that an office may publish."""

import csv
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from services.cli.connection import connect

TITLES = {
    "kantor_triwulan": "Permohonan, wawancara, penundaan, penolakan per triwulan, dibulatkan ke 5 / by quarter, rounded to 5",
    "pmi_np_kabupaten": "Dugaan PMI-NP per kabupaten, 12 bulan penuh terakhir / by kabupaten, last 12 full months",
    "tujuan": "Negara tujuan, lima kabupaten bersama, 12 bulan / destinations, five kabupaten together",
    "pmi_np_tahunan": "Ditunda atau ditolak karena dugaan PMI-NP per tahun / deferred or refused as PMI-NP, by year",
    "penolakan_tahunan": "Penolakan per tahun / refusals per year",
    "sampel_kontrol": "Sampel kontrol / control sample",
}


def register(app: typer.Typer) -> None:
    app.command()(statistics)


def statistics(
    as_json: Annotated[bool, typer.Option("--json", help="all tables as JSON on standard output")] = False,
    to: Annotated[Path | None, typer.Option("--csv", help="folder: one CSV file for each table")] = None,
) -> None:
    """Counts of the office with small groups hidden; nothing here leads back to a person."""
    answer = httpx.get(f"{connect().where.admin['ledger']}/statistics", timeout=60)
    answer.raise_for_status()
    tables: dict[str, list[dict[str, Any]]] = answer.json()
    if as_json:
        json.dump(tables, sys.stdout, indent=2, ensure_ascii=False)
        typer.echo()
    elif to is not None:
        _write(tables, to)
    else:
        _print(tables)


def _write(tables: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else ["jumlah"])
            writer.writeheader()
            writer.writerows(rows)
    typer.echo(f"{len(tables)} tables in {folder}")


def _print(tables: dict[str, list[dict[str, Any]]]) -> None:
    console = Console()
    for name, rows in tables.items():
        if not rows:
            console.print(f"[bold]{TITLES[name]}[/]\n  tidak ada / nothing\n")
            continue
        table = Table(*rows[0], title=TITLES[name], title_justify="left", title_style="bold")
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        console.print(table)
