"""Policy tables: effective-dated, office-scoped rows with a legal reference. What held at the event's date and office decides."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.contracts.tokens import Newer


class PolicyError(Exception):
    """A table is wrong; the text names file, row and key."""


class Row(BaseModel):
    """One row of one table. `value` is what conditions read under the table's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_from: date
    valid_to: date | None = Field(None, description="last day, inclusive")
    office_scope: list[str] = Field(default=["*"], description="office codes, * for all")
    legal_ref: str = Field(min_length=2)
    approved_by: str = Field(min_length=2)
    value: Any

    def holds(self, day: date, office: str) -> bool:
        in_time = self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
        return in_time and ("*" in self.office_scope or office in self.office_scope)


class Policy:
    """All tables."""

    def __init__(self, tables: dict[str, tuple[Row, ...]]) -> None:
        self.rows = tables
        self.at = lru_cache(maxsize=4096)(self._at)

    @classmethod
    def load(cls, folder: Path) -> "Policy":
        tables: dict[str, tuple[Row, ...]] = {}
        for file in sorted(folder.glob("*.yaml")):
            rows = _parsed(file)
            if not isinstance(rows, list) or not rows:
                raise PolicyError(f"{file.name}: must be a list of rows")
            tables[file.stem] = tuple(_rows(file.name, rows))
        return cls(tables)

    def _at(self, day: date, office: str) -> dict[str, Any]:
        """Values by table; a table without a valid row is absent, and conditions over it are unknown. Do not change it."""
        found: dict[str, Any] = {}
        for name, rows in self.rows.items():
            valid = [row for row in rows if row.holds(day, office)]
            if valid:
                # A row for this office is closer than one for all; then the youngest.
                best = max(valid, key=lambda row: ("*" not in row.office_scope, row.valid_from))
                found[name] = best.value
        return found

    def with_newest(self, newer: Newer) -> "Policy":
        """What the allow-list names is named by its newer token too: until everything has moved, both are met."""

        def both(row: Row) -> Row:
            value = {
                kind: names | {newer.by_old[token]: why for token, why in names.items() if token in newer.by_old}
                for kind, names in (row.value or {}).items()
            }
            return row.model_copy(update={"value": value})

        return Policy(self.rows | {"exclusions": tuple(map(both, self.rows.get("exclusions", ())))})

    def dump(self) -> dict[str, Any]:
        """All rows, for the digest of the pack."""
        return {name: [row.model_dump(mode="json") for row in rows] for name, rows in self.rows.items()}


def _parsed(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise PolicyError(f"{file.name}: line {mark.line + 1 if mark else '?'}: {error.problem}") from None
    except ValueError as error:  # a date that is none
        raise PolicyError(f"{file.name}: valid_from or valid_to: {error}") from None


def _rows(file: str, rows: Iterable[Any]) -> Iterable[Row]:
    for number, row in enumerate(rows, start=1):
        try:
            yield Row.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise PolicyError(f"{file}: row {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
