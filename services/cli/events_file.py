"""Reads a file of upstream events: JSONL as it is, CSV by a mapping file. Keeps the numbers of lines and the lines themselves."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import typer

from services.intake.columns import ColumnError, ColumnMapping, rows


@dataclass(frozen=True)
class Line:
    """One event of a file: `number` as an editor shows it, `original` to correct and feed again, `event` as JSON."""

    number: int
    original: bytes
    event: bytes


@dataclass(frozen=True)
class EventsFile:
    """A file and how to read it."""

    path: Path
    mapping: ColumnMapping | None

    @classmethod
    def open(cls, path: Path, mapping: Path | None) -> "EventsFile":
        """BadParameter says what is missing."""
        if path.suffix.lower() in (".csv", ".tsv") and mapping is None:
            raise typer.BadParameter(f"{path.name} is a table: say --map FILE (its form: services/intake/columns.py)")
        try:
            return cls(path, ColumnMapping.load(mapping) if mapping else None)
        except ColumnError as error:
            raise typer.BadParameter(str(error)) from None

    def lines(self) -> Iterator[Line]:
        """Empty lines are left out. ColumnError when a table is not as its mapping says."""
        if self.mapping is None:
            with self.path.open("rb") as source:
                for number, line in enumerate(source, start=1):
                    if line.strip():
                        yield Line(number, line.rstrip(b"\r\n"), line.strip())
            return
        for number, row in rows(self.path, self.mapping):
            yield Line(number, self._cells(list(row.values())), orjson.dumps(self.mapping.event(row)))

    def head(self) -> bytes:
        """What a file of rejected lines must begin with: the header of a table."""
        if self.mapping is None:
            return b""
        with self.path.open(encoding=self.mapping.encoding, newline="") as source:
            return self._cells(next(csv.reader(source, delimiter=self.mapping.delimiter))) + b"\n"

    def _cells(self, cells: list[str]) -> bytes:
        assert self.mapping is not None
        out = io.StringIO()
        csv.writer(out, delimiter=self.mapping.delimiter, lineterminator="").writerow(cells)
        return out.getvalue().encode(self.mapping.encoding)
