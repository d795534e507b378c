"""A scenario is one file of `cast/`: a ring with its modus, a lone applicant outside the legal channel, or a hard negative.

It says what the people do, show and tell, what they have in common, and which signs their trace must lead to.
"""

from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from services.simulator.values import Draw, Means, compiled, drawn, table

CAST = Path(__file__).parent / "cast"
Range = Annotated[tuple[int, int], Field()]
PARTS = ("form", "booking", "payment", "counter", "registry", "talk", "cover", "after")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class People(Strict):
    """Who they are. `kin` says how members of one party belong together."""

    age: Range
    women: float | None = None
    kin: Literal["alone", "household", "siblings", "twins", "grandchildren"] = "alone"
    from_: Literal["one_desa", "one_kecamatan", "one_kabupaten", "area", "seafarer_area"] = Field(alias="from")


class Rhythm(Strict):
    """How many come on one day, and after how many working days the next ones do."""

    batch: Range = (1, 1)
    every_days: Range = (1, 1)


class Signs(Strict):
    """What the trace must lead to when it is assessed.

    `allowed`: the highest level once the allow-list names what they share, by kind of entity.
    """

    signs: list[str] = []
    protective: list[str] = []
    max_level: int = 3
    allowed: dict[str, int] = {}


class Scenario(Strict):
    """One file. The parts hold values in the language of `values`."""

    id: str
    kind: Literal["ring", "lone", "negative"]
    judul: str
    title: str
    source: str
    truth: Literal["ordinary", "pmi_np", "tppo"]
    people: People
    size: Range = (1, 1)
    large_size: Range | None = None
    per_year: Range | None = None
    share: float | None = None
    rhythm: Rhythm = Rhythm()
    purpose: dict[str, float]
    channel: Literal["kanim", "eazy", "simpatik"] = "kanim"
    application_type: str | None = None
    percepatan: float = 0.0
    firm: Literal["ppiu", "p3mi", "siuppak", "lpk_so", "kampus"] | None = None
    openness: float = 0.05
    adapts: list[Literal["new_phone", "own_phones", "other_office", "other_purpose", "coach", "pause"]] = []
    other_purpose: str | None = None
    form: dict[str, Any] = {}
    booking: dict[str, Any] = {}
    payment: dict[str, Any] = {}
    counter: dict[str, Any] = {}
    registry: dict[str, Any] = {}
    talk: dict[str, Any] = {}
    cover: dict[str, Any] = {}
    after: dict[str, Any] = {}
    papers: list[dict[str, Any]] = []
    siskop: Any = None
    biometrics: Any = None
    adjudication: Any = None
    trips: int | None = None
    registry_down: bool = False
    expects: Signs = Signs()
    _parts: dict[str, list[tuple[str, Draw]]] = PrivateAttr(default_factory=dict)
    _singles: dict[str, Draw] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _compile(self) -> "Scenario":
        for part in PARTS:
            self._parts[part] = table(getattr(self, part))
        for single in ("papers", "siskop", "biometrics", "adjudication"):
            self._singles[single] = compiled(getattr(self, single))
        if self.kind == "lone" and self.share is None:
            raise ValueError("a lone scenario needs `share`")
        if self.kind == "negative" and self.per_year is None:
            raise ValueError("a hard negative needs `per_year`")
        return self

    def part(self, name: str, random: Random, day: date, means: Means) -> dict[str, Any]:
        """The fields of one part, drawn for one person."""
        return drawn(self._parts[name], random, day, means)

    def single(self, name: str, random: Random, day: date, means: Means) -> Any:
        return self._singles[name](random, day, means)


class ScenarioError(Exception):
    """A file of the cast cannot be used; the message names file and place."""


@cache
def cast(folder: Path = CAST) -> dict[str, Scenario]:
    """All scenarios by id, in the order of their names."""
    found: dict[str, Scenario] = {}
    for file in sorted(folder.glob("*/*.yaml")):
        try:
            scenario = Scenario.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        except (ValidationError, ValueError) as error:
            raise ScenarioError(f"{file.name}: {error}") from error
        if scenario.id != file.stem:
            raise ScenarioError(f"{file.name}: its id is {scenario.id}")
        found[scenario.id] = scenario
    return found
