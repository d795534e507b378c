"""Agencies and routes as data: read once at start, strict, every fault named by file and key."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.referral.deadline import Deadline
from services.referral.states import ClockRule, Code, Fault, State, Text, faults
from services.runtime import conditions
from services.runtime.yaml_file import YamlFault, YamlFile

HERE = Path(__file__).parent
FILES = ("routes.yaml", "states.yaml", "clocks.yaml", "answers.yaml", "consents.yaml")
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
    "dinsos": frozenset({"R0", "R1(4)", "R2", "R6", "R7", "R8"}),
    "kemenag": frozenset({"R0"}),
    "ksop": frozenset({"R0", "R4", "R5"}),
    "kemlu": frozenset({"R0", "R1", "R3", "R5"}),
    "lpsk": frozenset({"R0", "R1", "R6", "R8"}),
    "imigrasi": frozenset({"R0"}),
    "gugus_tugas": frozenset({"R0"}),
    "rsud": frozenset({"R0", "R7", "R8"}),
    "kejari": frozenset({"R0"}),
}


_QUOTED = re.compile(r"'([^']+)'")
M = TypeVar("M", bound=BaseModel)


TableError = YamlFault  # a table is wrong; the text names file, line and key


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
    asked_for: list[str] = Field(default=[], description="examples: desa codes whose questions come here")
    not_for: list[str] = Field(default=[], description="examples: desa codes whose questions go elsewhere")


class ConsentText(_Strict):
    """What is read out before somebody agrees."""

    valid_from: date
    text: Text


class Example(_Strict):
    """What a rule must say to one application; `tppo route lint` tries it."""

    findings: list[str] = []
    facts: dict[str, dict[str, Any]] = {}
    level: int = Field(3, ge=0, le=3)
    must_act: bool = False
    must_review: bool = False
    fires: bool


class Route(_Strict):
    """One rule: when it fires, which question goes to which role."""

    name: str
    role: str
    asks: str = Field("", description="question code, when it is not the rule's name")
    question: Text
    when: str = "false"
    territory: Literal["domicile", "registry", "any"]
    fields: list[str] = Field(min_length=1)
    deadline: Deadline
    mode: Literal["automatic", "on_approval"]
    urgent: bool = False
    consent: bool = False
    by_hand: bool = Field(False, description="no assessment asks it; only a person does")
    examples: list[Example] = []

    @cached_property
    def program(self) -> Any:
        return conditions.compiled(self.when)

    @property
    def code(self) -> str:
        return self.asks or self.name

    def named(self) -> set[str]:
        """Indicators that the condition names."""
        return {n for n in _QUOTED.findall(self.when) if not n.isdigit()}


@dataclass(frozen=True)
class Tables:
    """Everything routing needs."""

    agencies: Mapping[str, Agency]
    routes: tuple[Route, ...]
    states: dict[str, State]
    clocks: dict[str, ClockRule]
    answers: dict[str, dict[str, Code]]
    consents: dict[str, ConsentText]

    @classmethod
    def load(cls, folder: Path = HERE) -> "Tables":
        files = {name: YamlFile(folder / name) for name in FILES}
        routes = _shaped(files["routes.yaml"], dict[str, dict[str, Any]])
        tables = cls(
            _agencies(folder),
            tuple(_entry(files["routes.yaml"], Route, (n,), body | {"name": n}) for n, body in routes.items()),
            _shaped(files["states.yaml"], dict[str, State]),
            _shaped(files["clocks.yaml"], dict[str, ClockRule]),
            _shaped(files["answers.yaml"], dict[str, dict[str, Code]]),
            _shaped(files["consents.yaml"], dict[str, ConsentText]),
        )
        for file, place, text in (*faults(tables.states, tables.clocks, tables.answers), *tables._faults()):
            raise files[file].fault(place, text)
        return tables

    @property
    def office_name(self) -> str:
        return self.agencies[DEFAULT_AGENCY].name

    def route(self, name: str) -> Route | None:
        return next((r for r in self.routes if r.name == name), None)

    def agency_for(self, rule: Route, place: str | None, asked: frozenset[str] = frozenset()) -> Agency:
        """Who is asked by a rule: the agency of the place, or the first of the role where the place does not matter."""
        return self.first(rule.role, asked) if rule.territory == "any" else self.find(rule.role, place, asked)

    def find(self, role: str, kabupaten: str | None, asked: frozenset[str] = frozenset()) -> Agency:
        """The closest agency of a role for a kabupaten that was not asked before; the default one when there is none.

        A national one is named by a person, not by a place.
        """
        fitting = [
            (max(len(t) for t in a.territory if kabupaten.startswith(t)), a)
            for a in self.agencies.values()
            if kabupaten is not None
            and (a.role == role and a.level != "national" and a.agency_id not in asked | {DEFAULT_AGENCY})
            and any(kabupaten.startswith(t) for t in a.territory)
        ]
        return max(fitting, key=lambda found: found[0])[1] if fitting else self.agencies[DEFAULT_AGENCY]

    def first(self, role: str, asked: frozenset[str] = frozenset()) -> Agency:
        """The first agency of a role, where the place does not matter, that was not asked before; else the default one."""
        found = (a for a in self.agencies.values() if a.role == role and a.agency_id not in asked | {DEFAULT_AGENCY})
        return next(found, self.agencies[DEFAULT_AGENCY])

    def code(self, role: str, given: str) -> Code | None:
        """What an answer code of a role means; `given` may say more after a colon where the code allows it."""
        name, colon, more = given.partition(":")
        means = self.answers.get(role, {}).get(name) or self.answers["common"].get(name)
        if means is None or (bool(colon) and means.of is None):
            return None
        if isinstance(means.of, list) and more not in means.of:
            return None
        return means

    def _faults(self) -> Iterator[Fault]:
        """What is wrong with a rule beside its shape."""
        roles = {a.role for a in self.agencies.values()}
        for rule in self.routes:
            if rule.role not in roles:
                yield "routes.yaml", (rule.name, "role"), f"no agency has the role {rule.role}"
            elif outside := set(rule.fields) - ALLOWED.get(rule.role, frozenset()):
                yield "routes.yaml", (rule.name, "fields"), f"{rule.role} may not get {', '.join(sorted(outside))}"
            if rule.role == "ormas" and not rule.consent:
                yield "routes.yaml", (rule.name, "consent"), "an ormas gets nothing without consent"
            if rule.role not in self.answers:
                yield (
                    "routes.yaml",
                    (rule.name, "role"),
                    f"answers.yaml has no codes for {rule.role}: it could answer nothing",
                )
            try:
                _ = rule.program
            except ValueError as error:
                yield "routes.yaml", (rule.name, "when"), str(error)
        if self.agencies.get(DEFAULT_AGENCY) is None:
            yield "routes.yaml", (), f"the directory has no {DEFAULT_AGENCY}, which resolves what has no agency"


def _agencies(folder: Path) -> dict[str, Agency]:
    found: dict[str, Agency] = {}
    for path in sorted((folder / "agencies").glob("*.yaml")):
        file = YamlFile(path)
        for number, body in enumerate(_shaped(file, list[dict[str, Any]])):
            agency = _entry(file, Agency, (number,), body | {"role": path.stem})
            if agency.agency_id in found:
                raise file.fault((number, "agency_id"), f"{agency.agency_id} is there twice")
            found[agency.agency_id] = agency
    return found


def _shaped(file: YamlFile, shape: Any) -> Any:
    try:
        return TypeAdapter(shape).validate_python(file.data)
    except ValidationError as error:
        first = error.errors()[0]
        raise file.fault(first["loc"], first["msg"]) from None


def _entry(file: YamlFile, model: type[M], place: tuple[str | int, ...], body: dict[str, Any]) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise file.fault((*place, *first["loc"]), first["msg"]) from None
