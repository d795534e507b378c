"""From a row of a table to an upstream event: a mapping file says which column becomes which attribute or field.

    encoding: utf-8            # or cp1252, as an old Excel writes it
    delimiter: ";"
    attributes:
      id:         {column: NO, prefix: "simkim-"}
      source:     {value: "urn:simkim:cilacap"}
      type:       {value: application.submitted}
      subject:    {column: NO, prefix: "CLP-"}
      time:       {column: TGL, format: "%d/%m/%Y %H:%M", zone: "+07:00"}
      officecode: {value: CLP}
    data:
      nik:        {column: NIK}
      birth_date: {column: LAHIR, format: "%d/%m/%Y", as: date}
      stay_days:  {column: LAMA, as: integer}
      purpose:    {column: TUJUAN, values: {"WISATA": wisata, "UMROH": umrah}}

A constant is written `{value: 48, as: integer}`. An empty cell is an absent field. Cells are never evaluated: a formula is a text like any other.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

NEEDED = ("id", "source", "type", "subject", "time", "officecode")


class ColumnError(Exception):
    """The mapping or the table cannot be used; the text names file, place and what to do."""


class Cell(BaseModel):
    """Where one value comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    value: str | None = None
    prefix: str = ""
    values: dict[str, str] = {}
    format: str | None = Field(None, description="strptime format of a date or time")
    zone: str = Field("+07:00", pattern=r"^[+-]\d{2}:\d{2}$")
    as_: Literal["text", "integer", "boolean", "date", "list"] = Field("text", alias="as")

    @model_validator(mode="after")
    def _one_origin(self) -> "Cell":
        if (self.column is None) == (self.value is None):
            raise ValueError("needs either `column` or `value`")
        return self

    def read(self, row: Mapping[str, str]) -> Any:
        """The value of a row, None when the cell is empty. A text that cannot be read is handed on: intake names it."""
        text = (row[self.column] if self.column is not None else self.value or "").strip()
        if not text:
            return None
        text = self.values.get(text, text)
        if self.format is not None:
            try:
                moment = datetime.strptime(text, self.format)  # noqa: DTZ007 - the zone follows
            except ValueError:
                return text
            return (
                moment.strftime("%Y-%m-%d") if self.as_ == "date" else moment.strftime("%Y-%m-%dT%H:%M:%S") + self.zone
            )
        match self.as_:
            case "integer":
                return int(text) if text.lstrip("-").isdigit() else text
            case "boolean":
                return {"ya": True, "true": True, "1": True, "tidak": False, "false": False, "0": False}.get(
                    text.lower(), text
                )
            case "list":
                return [part.strip() for part in text.split(",") if part.strip()]
        return self.prefix + text


class ColumnMapping(BaseModel):
    """One mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str = "utf-8"
    delimiter: str = Field(",", min_length=1, max_length=1)
    attributes: dict[str, Cell]
    data: dict[str, Cell]

    @model_validator(mode="after")
    def _all_attributes(self) -> "ColumnMapping":
        missing = [name for name in NEEDED if name not in self.attributes]
        if missing:
            raise ValueError(f"attributes: {', '.join(missing)} missing")
        return self

    @classmethod
    def load(cls, file: Path) -> "ColumnMapping":
        try:
            # every value is a text as it stands: a column may be called NO
            return cls.model_validate(yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
        except yaml.YAMLError as error:
            raise ColumnError(f"{file}: is not YAML: {error}") from None
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ColumnError(f"{file}: {wrong}") from None

    @property
    def columns(self) -> list[str]:
        return sorted({c.column for c in (*self.attributes.values(), *self.data.values()) if c.column})

    def event(self, row: Mapping[str, str]) -> dict[str, Any]:
        """The upstream event of a row."""
        found = {name: v for name, c in self.attributes.items() if (v := c.read(row)) is not None}
        data = {name: v for name, c in self.data.items() if (v := c.read(row)) is not None}
        return {"specversion": "1.0", **found, "data": data}


def rows(file: Path, mapping: ColumnMapping) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with the number of the line each ends on. ColumnError when header or encoding are not as the mapping says."""
    try:
        with file.open(encoding=mapping.encoding, newline="") as source:
            reader = csv.DictReader(source, delimiter=mapping.delimiter, restval="")
            _must_have(reader.fieldnames or [], file, mapping)
            for row in reader:
                yield reader.line_num, {k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
    except UnicodeDecodeError as error:
        raise ColumnError(
            f"{file}: is not {mapping.encoding} (byte {error.start} of a block); an old Excel writes `encoding: cp1252`"
        ) from None
    except csv.Error as error:
        raise ColumnError(f"{file}: {error}") from None


def _must_have(header: Any, file: Path, mapping: ColumnMapping) -> None:
    missing = [c for c in mapping.columns if c not in header]
    if not missing:
        return
    hint = ""
    if len(header) == 1:
        other = next((d for d in ";,\t|" if d != mapping.delimiter and d in header[0]), None)
        hint = f"; the header is one column, perhaps `delimiter: {other!r}`" if other else ""
    if header and header[0].startswith("\ufeff"):
        hint = "; the file begins with a byte order mark, say `encoding: utf-8-sig`"
    raise ColumnError(f"{file}: line 1: no column {', '.join(missing)}{hint}")
