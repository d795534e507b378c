"""One indicator: a small file with a condition in CEL, its weight, its reasons, its texts and its own examples."""

import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.contracts.enums import Answer3, Dimension
from services.runtime import conditions

TENTHS = 10  # evidence is counted in tenths of a deciban (R34)


class IndicatorError(Exception):
    """A file is wrong; the text names file, line and key."""


class Text(BaseModel):
    """The same sentence in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=2, description="Indonesian")
    en: str = Field(min_length=2, description="English")


class Example(BaseModel):
    """Facts and the answer they must give."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Answer3
    facts: dict[str, dict[str, Any]]
    others: dict[str, Answer3] = Field(default={}, description="answers of indicators that this one requires")
    false_positives: list[str] = Field(default=[], description="cases of the indicator's list that look like this")
    note: str = ""


class Graded(BaseModel):
    """Weight by count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str = Field(description="CEL, true when this step is reached")
    decibans: int

    @cached_property
    def program(self) -> Any:
        return conditions.compiled(self.when)


class Condition(BaseModel):
    """What indicators and protective indicators share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9_]{3,60}$")
    version: int = Field(ge=1)
    title: Text
    condition: str
    decibans: int
    rationale: str = ""
    readings: list[str] = []
    deviation: str = Field("", description="where the condition departs from the catalogue, and why")
    examples: list[Example] = Field(min_length=3)

    @cached_property
    def program(self) -> Any:
        return conditions.compiled(self.condition)

    def answer(self, context: Any) -> Answer3:
        """A fact that is absent makes the answer unknown, unless the rest decides (parts.md, CEL)."""
        return conditions.answer(self.program, context)


class Indicator(Condition):
    """A sign that an application may belong to PMI non-prosedural or TPPO. A reason to ask, never a proof."""

    number: int = Field(ge=1, le=77)
    dimension: Dimension
    group: str = Field(pattern=r"^G_[a-z]+$")
    lr_range: str
    grade: Literal["A", "B", "C", "D"]
    outputs: list[Literal["np", "tppo"]]
    evidence: list[
        Literal["form", "interview", "counter", "document", "registry", "network", "history", "tip", "field_visit"]
    ]
    must_act: bool = False
    must_review: bool = False
    not_scored: bool = False
    raises_cluster_case: bool = False
    max_person_db: int | None = None
    min_other_groups: int = 0
    requires_any_of: list[str] = []
    requires_dimension: Dimension | None = None
    graded: list[Graded] = []
    reads: list[str] = Field(description="facts shown beside the finding")
    false_positives: list[str] = Field(
        description="innocent cases, each shown by an example: `yes` there means that it fires all the same and a person clears it"
    )
    guards: list[str] = []
    questions: list[str] = Field(min_length=3, max_length=3)
    clears: Text
    sources: list[str]
    valid_from: str

    @cached_property
    def of_others(self) -> bool:
        """Reads what other applications or the past of the person say: no interview can settle it while that is unknown."""
        return re.search(r"\b(net|hist)\.|\bcalc\.marks\b", self.condition) is not None

    @property
    def objective(self) -> bool:
        """Document or network, history, or a registry's answer (R11)."""
        return (
            self.dimension in ("document", "network")
            or self.group == "G_history"
            or bool({"registry", "history"} & set(self.evidence))
        )


class Protective(Condition):
    """A legal explanation. Lowers E_np only; `both` lowers E_tppo too (R10)."""

    both: bool = False
    switches_off: list[str] = Field(default=[], description="indicators that answer no while this one says yes")


C = TypeVar("C", bound=Condition)


def load(folder: Path, model: type[C]) -> tuple[C, ...]:
    """Every file of a folder; the name of a file is the id of what it holds."""
    return tuple(_load(file, model) for file in sorted(folder.glob("*.yaml")))


def _load(file: Path, model: type[C]) -> C:
    text = file.read_text()
    try:
        raw = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise IndicatorError(f"{file.name}: line {mark.line + 1 if mark else '?'}: {error.problem}") from None
    except ValueError as error:  # a date that is none
        raise IndicatorError(f"{file.name}: {error}") from None
    try:
        found = model.model_validate(raw)
        _ = found.program
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "(file)"
        raise IndicatorError(f"{file.name}: line {line_of(text, first['loc'])}: {key}: {first['msg']}") from None
    except ValueError as error:
        raise IndicatorError(f"{file.name}: line {line_of(text, ('condition',))}: condition: {error}") from None
    if found.id != file.stem:
        raise IndicatorError(
            f"{file.name}: line {line_of(text, ('id',))}: id: must be {file.stem}, the name of the file"
        )
    return found


def line_of(text: str, path: tuple[Any, ...]) -> int:
    """The line of the outermost key of a path, 1 when the key is missing."""
    for number, line in enumerate(text.splitlines(), start=1):
        if path and line.startswith(f"{path[0]}:"):
            return number
    return 1
