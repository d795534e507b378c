"""A pack: all indicators, protective indicators and policy tables, loaded once, with the digest that names them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import orjson

from services.contracts.tokens import Newer
from services.risk import lint, vocabulary
from services.risk.fold import SECTIONS
from services.risk.indicator import Condition, Indicator, IndicatorError, Protective, line_of, load
from services.risk.policy import Policy, PolicyError
from services.runtime import conditions

HERE = Path(__file__).parent
_NAME = re.compile(r"\b([a-z]+)\.([a-z_0-9]+)")


@dataclass(frozen=True, eq=False)
class Pack:
    """Immutable; built at start. Two of them are the same when their digest is."""

    indicators: tuple[Indicator, ...]
    protective: tuple[Protective, ...]
    policy: Policy
    digest: str
    workbench: conditions.Workbench = field(default_factory=conditions.Workbench)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        return (*self.indicators, *self.protective)

    @cached_property
    def names(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """By condition: section and field of every fact it reads."""
        return {c.id: tuple(dict.fromkeys(n for n in _names(c) if n[0] in SECTIONS)) for c in self.conditions}

    @cached_property
    def readers(self) -> Mapping[tuple[str, str], dict[str, Condition]]:
        """By section and field: the conditions that read it."""
        found: dict[tuple[str, str], dict[str, Condition]] = {}
        for condition in self.conditions:
            for pair in _names(condition):
                found.setdefault(pair, {})[condition.id] = condition
        return found

    @cached_property
    def needing_others(self) -> tuple[tuple[Indicator, tuple[str, ...]], ...]:
        """Indicators that count only together with others, with those of the dimension that they require."""
        return tuple(
            (each, self.of_dimension(each))
            for each in self.indicators
            if each.requires_any_of or each.requires_dimension
        )

    def of_dimension(self, indicator: Indicator) -> tuple[str, ...]:
        """The other indicators of the dimension that this one requires."""
        wanted = indicator.requires_dimension
        return tuple(i.id for i in self.indicators if i.dimension == wanted and i.id != indicator.id)

    def with_newest(self, newer: Newer) -> "Pack":
        """The same rules, whose allow-list is met by newer tokens as well: who signed them named an entity, not a key."""
        return replace(self, policy=self.policy.with_newest(newer))

    @cached_property
    def reads(self) -> dict[str, frozenset[str]]:
        """Fields by section that some condition reads: the rest of the facts need not be converted for CEL."""
        found: dict[str, set[str]] = {section: set() for section in SECTIONS}
        for section, name in (pair for c in self.conditions for pair in _names(c)):
            found.get(section, set()).add(name)
        return {section: frozenset(names) for section, names in found.items()}

    @classmethod
    def load(cls, folder: Path = HERE) -> "Pack":
        indicators = tuple(sorted(load(folder / "indicators", Indicator), key=lambda i: i.number))
        protective = load(folder / "protective", Protective)
        policy = Policy.load(folder / "policy")
        known = {i.id for i in indicators}
        for each in indicators:
            if missing := set(each.requires_any_of) - known:
                raise IndicatorError(
                    f"{each.id}.yaml: requires_any_of: no such indicator: {', '.join(sorted(missing))}"
                )
        tables = frozenset(policy.dump())
        for condition in (*indicators, *protective):
            _must_be_known(condition, tables)
            for key, reason in lint.faults(condition, texts(condition)):
                raise IndicatorError(f"{condition.id}.yaml: {_line(folder, condition.id, key)}{key}: {reason}")
        for id_, (key, reason) in lint.together((*indicators, *protective)):
            raise IndicatorError(f"{id_}.yaml: {_line(folder, id_, key)}{key}: {reason}")
        for table, reason in lint.policy_faults(policy):
            raise PolicyError(f"{table}.yaml: {reason}")
        content = {
            "indicators": [i.model_dump(mode="json") for i in indicators],
            "protective": [p.model_dump(mode="json") for p in protective],
            "policy": policy.dump(),
        }
        return cls(
            indicators, protective, policy, sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
        )


def _line(folder: Path, id_: str, key: str) -> str:
    """Where a key stands, for a person who looks for it."""
    for file in folder.glob(f"*/{id_}.yaml"):
        return f"line {line_of(file.read_text(), (key,))}: "
    return ""


def _must_be_known(condition: Condition, tables: frozenset[str]) -> None:
    """A name that nobody provides would be unknown for ever: it is refused, with what was perhaps meant."""
    places = {"condition": texts(condition)}
    if isinstance(condition, Indicator):
        places["reads"] = condition.reads
    places["examples"] = [
        f"{section}.{name}" for e in condition.examples for section, named in e.facts.items() for name in named
    ]
    for place, named in places.items():
        for stranger in vocabulary.strangers(named, tables):
            section, _, name = stranger.partition(".")
            near = get_close_matches(name, vocabulary.fields(tables)[section], 1)
            meant = f"; did you mean {section}.{near[0]}?" if near else ""
            raise IndicatorError(f"{condition.id}.yaml: {place}: no fact {stranger}{meant}")


def texts(condition: Condition) -> list[str]:
    """Everything in CEL that a condition has."""
    return (
        [condition.condition, *(g.when for g in condition.graded)]
        if isinstance(condition, Indicator)
        else [condition.condition]
    )


def _names(condition: Condition) -> list[tuple[str, str]]:
    """Pairs of section and field that a condition names."""
    return _NAME.findall(" ".join(texts(condition)))
