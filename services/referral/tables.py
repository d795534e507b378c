"""Agencies and routes as data: read once at start, strict, every fault named by file and key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.contracts.calendar import add_working_days
from services.runtime import conditions

HERE = Path(__file__).parent
DEFAULT_AGENCY = "kanim-clp"  # a referral without an agency is ours to resolve

# Field groups an agency of a role may ever get (agencies.md, section 4). R9 is released by a case officer only.
ALLOWED: dict[str, frozenset[str]] = {
    "polri": frozenset({"R0", "R1", "R2", "R3", "R4", "R5", "R6"}),
    "disnaker": frozenset({"R0", "R1(4)", "R2", "R3", "R5"}),
    "bp3mi": frozenset({"R0", "R1", "R3", "R5"}),
    "disdukcapil": frozenset({"R0", "R1", "R4"}),
    "pemda": frozenset({"R0", "R1(4)", "R2"}),
    "uptd_ppa": frozenset({"R0", "R1(4)", "R2", "R6", "R7", "R8"}),
    "ormas": frozenset({"R0", "R2", "R7", "R8"}),
    "imigrasi": frozenset({"R0"}),
}


M = TypeVar("M", bound=BaseModel)


class TableError(Exception):
    """A table is wrong; the text names file and key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Agency(_Strict):
    """A partner. `territory` are beginnings of region codes; "" is everywhere."""

    agency_id: str = Field(pattern=r"^[a-z0-9-]{2,40}$")
    name: str = Field(min_length=3)
    role: str
    level: Literal["office", "kabupaten", "province", "national"]
    territory: list[str] = Field(min_length=1)
    channel: Literal["api", "desk", "mail", "letter"]
    valid_from: date
    valid_to: date | None = None
    note: str = ""


class Text(_Strict):
    """Indonesian and English."""

    id: str
    en: str


class Deadline(_Strict):
    """Hours, or working days of the Indonesian calendar."""

    hours: int | None = Field(None, ge=1)
    working_days: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.hours is None) == (self.working_days is None):
            raise ValueError("give hours or working_days, not both")
        return self

    def after(self, moment: datetime) -> datetime:
        return moment + timedelta(hours=self.hours) if self.hours else add_working_days(moment, self.working_days or 0)


class Route(_Strict):
    """One rule: when it fires, which question goes to which role."""

    name: str
    role: str
    asks: str = Field("", description="question code, when it is not the rule's name")
    question: Text
    when: str
    territory: Literal["domicile", "registry", "any"]
    fields: list[str] = Field(min_length=1)
    deadline: Deadline
    mode: Literal["automatic", "on_approval"]
    urgent: bool = False
    consent: bool = False

    @cached_property
    def program(self) -> Any:
        return conditions.compiled(self.when)

    @property
    def code(self) -> str:
        return self.asks or self.name


@dataclass(frozen=True)
class Tables:
    """Everything routing needs."""

    agencies: Mapping[str, Agency]
    routes: tuple[Route, ...]

    @classmethod
    def load(cls, folder: Path = HERE) -> "Tables":
        agencies: dict[str, Agency] = {}
        for file in sorted((folder / "agencies").glob("*.yaml")):
            for entry in yaml.safe_load(file.read_text()):
                agency = _model(Agency, entry | {"role": file.stem}, f"agencies/{file.name}: {entry.get('agency_id')}")
                if agency.agency_id in agencies:
                    raise TableError(f"agencies/{file.name}: {agency.agency_id}: is there twice")
                agencies[agency.agency_id] = agency
        raw = yaml.safe_load((folder / "routes.yaml").read_text())
        routes = tuple(_model(Route, body | {"name": name}, f"routes.yaml: {name}") for name, body in raw.items())
        tables = cls(agencies, routes)
        tables._check()
        return tables

    def find(self, role: str, kabupaten: str | None) -> Agency:
        """The closest agency of a role for a kabupaten; the default one when there is none."""
        fitting = [
            (max(len(t) for t in a.territory if kabupaten.startswith(t)), a)
            for a in self.agencies.values()
            if kabupaten is not None and a.role == role and any(kabupaten.startswith(t) for t in a.territory)
        ]
        return max(fitting, key=lambda found: found[0])[1] if fitting else self.agencies[DEFAULT_AGENCY]

    def first(self, role: str) -> Agency:
        """The agency of a role where the place does not matter."""
        return next(a for a in self.agencies.values() if a.role == role)

    def _check(self) -> None:
        roles = {a.role for a in self.agencies.values()}
        for route in self.routes:
            if route.role not in roles:
                raise TableError(f"routes.yaml: {route.name}: role: no agency has the role {route.role}")
            if outside := set(route.fields) - ALLOWED.get(route.role, frozenset()):
                raise TableError(
                    f"routes.yaml: {route.name}: fields: {route.role} may not get {', '.join(sorted(outside))}"
                )
            if route.role == "ormas" and not route.consent:
                raise TableError(f"routes.yaml: {route.name}: consent: an ormas gets nothing without consent")
            try:
                _ = route.program
            except ValueError as error:
                raise TableError(f"routes.yaml: {route.name}: when: {error}") from None


def _model(model: type[M], raw: dict[str, Any], where: str) -> M:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise TableError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
