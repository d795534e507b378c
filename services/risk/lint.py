"""What is wrong with rules that load: they would be silent, endless, dead, ambiguous or unfounded. Pure; the first fault is told.

A condition over a wrong value or type answers unknown for ever and nobody notices, so it is refused before it judges anybody.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml

from services.contracts import regions
from services.contracts.network import HistFacts, NetFacts, RingFacts
from services.contracts.passport_events import PersonFacts, house_model
from services.contracts.upstream import REGISTRY
from services.risk.indicator import Condition, Indicator
from services.risk.policy import Policy

Fault = tuple[str, str]  # key and reason
KNOWN_FUNCTIONS = frozenset({"startsWith", "endsWith", "contains", "size", "has"})
WALK = re.compile(r"\.(?:exists|exists_one|all|filter|map)$")
# A list of facts holds 500 at most (R03): one walk over it is well under a millisecond, a walk within a walk is not.
LIST, MAX_STEPS, MAX_LENGTH, MAX_DEPTH = 500, 5_000, 1_500, 12
UNTAGGED = frozenset({"GK", "DESIGN"})  # general knowledge and proposals of ours, named as such
READINGS = frozenset(f"R{n:02}" for n in range(1, 68))
SOURCES: Mapping[str, str] = MappingProxyType(yaml.safe_load((Path(__file__).parent / "sources.yaml").read_text()))

_COMPARED = re.compile(
    r"\b([a-z]+\.[a-z_0-9]+(?:\.[a-z_0-9]+)?)\s*(==|!=|>=|<=|>|<|in)\s*('[^']*'|\d+|true\b|false\b|\[[^\]]*\])"
)
_LITERAL = re.compile(r"'[^']*'|\d+|true\b|false\b")
_KINDS = {bool: "yes or no", int: "a number", str: "text", list: "a list"}


def faults(condition: Condition, texts: Iterable[str]) -> Iterator[Fault]:
    """Of one rule; `texts` are all its conditions in CEL."""
    for text in texts:
        yield from _cost(text)
        yield from _functions(text)
        yield from _values(text)
        if not re.search(r"\b[a-z]+\.[a-z_]", re.sub(r"'[^']*'", "", text)):
            yield "condition", "reads no fact: it always says the same"
    said = {example.answer for example in condition.examples}
    for answer in ("yes", "no", "unknown"):
        if answer not in said:
            yield "examples", f"none says {answer}: the rule may never say it"
    for reading in condition.readings:
        if reading not in READINGS:
            yield "readings", f"there is no reading {reading}"
    if isinstance(condition, Indicator):
        yield from _of_indicator(condition)
    elif condition.decibans > 0:
        yield "decibans", "what protects weighs 0 or less"


def _of_indicator(indicator: Indicator) -> Iterator[Fault]:
    for source in indicator.sources:
        if source not in SOURCES and source not in UNTAGGED:
            yield "sources", f"{source} does not resolve: no such source in sources.yaml"
    if indicator.decibans < 0:
        yield "decibans", "a sign weighs 0 or more; what protects stands in protective/"
    steps = [step.decibans for step in indicator.graded]
    if steps != sorted(set(steps)):
        yield "graded", "each step must weigh more than the one before: one of these would never count"
    shown = {case for example in indicator.examples for case in example.false_positives}
    for case in indicator.false_positives:
        if case not in shown:
            yield "false_positives", f"no example shows: {case}"
    for case in sorted(shown - set(indicator.false_positives)):
        yield "examples", f"shows a false positive that is not in the list: {case}"
    if indicator.must_act and indicator.must_review:
        yield "must_review", "must_act says more already"
    if indicator.title.id == indicator.title.en or indicator.clears.id == indicator.clears.en:
        yield "title", "the same text stands in both languages"


def together(conditions: Iterable[Condition]) -> Iterator[tuple[str, Fault]]:
    """Rules that are in one another's way, by id."""
    seen: dict[str, str] = {}
    numbers: dict[int, str] = {}
    found = list(conditions)
    known = {c.id for c in found}
    for condition in found:
        text = " ".join(condition.condition.split())
        if text in seen:
            yield condition.id, ("condition", f"is shadowed: {seen[text]} asks the same")
        seen[text] = condition.id
        if isinstance(condition, Indicator):
            if condition.number in numbers:
                yield condition.id, ("number", f"{condition.number} is {numbers[condition.number]} already")
            numbers[condition.number] = condition.id
            if condition.id in condition.requires_any_of:
                yield condition.id, ("requires_any_of", "it requires itself")
        else:
            for off in sorted(set(getattr(condition, "switches_off", ())) - known):
                yield condition.id, ("switches_off", f"no such indicator: {off}")


def policy_faults(policy: Policy) -> Iterator[tuple[str, str]]:
    """Table, and what is wrong: rows that contradict one another, days without thresholds, bands with a gap or an overlap."""
    for name, rows in policy.rows.items():
        for number, row in enumerate(rows, start=1):
            if row.valid_to and row.valid_to < row.valid_from:
                yield name, f"row {number}: valid_to: ends before it begins"
            for other in rows[: number - 1]:
                if row.valid_from == other.valid_from and set(row.office_scope) & set(other.office_scope):
                    yield name, f"row {number}: valid_from: another row begins on that day for the same office"
            if name == "thresholds":
                yield from ((name, f"row {number}: {said}") for said in _bands(row.value))
            if name == "exclusions" and row.valid_to is None:
                yield name, f"row {number}: valid_to: an exclusion must expire"
            if name == "office_places" and not (isinstance(row.value, str) and regions.place(row.value)):
                yield name, f"row {number}: value: no place is known for kecamatan or kabupaten {row.value}"
    if policy.rows.get("thresholds") and not any(
        r.valid_to is None and "*" in r.office_scope for r in policy.rows["thresholds"]
    ):
        yield "thresholds", "valid_to: some day no row for all offices holds any more"


def _bands(value: Any) -> Iterator[str]:
    levels = value.get("levels") if isinstance(value, dict) else None
    if not isinstance(levels, list) or len(levels) != 3 or not all(isinstance(n, int) for n in levels):
        yield "value.levels: three whole numbers, the lowest evidence of levels 1, 2 and 3"
    elif not 0 < levels[0] < levels[1] < levels[2]:
        yield "value.levels: must rise, else bands overlap or have a gap"
    for share in ("deep_interviews_share", "referrals_share"):
        if not isinstance(value, dict) or not isinstance(value.get(share), int | float) or not 0 < value[share] <= 1:
            yield f"value.{share}: a share of the day, above 0 and at most 1"


def _cost(text: str) -> Iterator[Fault]:
    """Every walk over a list counts its longest length; a walk within a walk multiplies."""
    bare = re.sub(r"'[^']*'", "''", text)
    if len(text) > MAX_LENGTH:
        yield "condition", f"has {len(text)} characters, at most {MAX_LENGTH}"
    depth = deepest = 0
    walks: list[int] = []  # depth at which each open walk began
    steps = 1
    for place, sign in enumerate(bare):
        if sign in "([{":
            depth += 1
            if WALK.search(bare[:place]):
                walks.append(depth)
                steps = max(steps, LIST ** len(walks))
        elif sign in ")]}":
            if walks and walks[-1] == depth:
                walks.pop()
            depth -= 1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        yield "condition", f"brackets stand {deepest} deep, at most {MAX_DEPTH}"
    if steps > MAX_STEPS:
        yield (
            "condition",
            f"would be slow: a list walked within a list takes up to {steps:,} steps, at most {MAX_STEPS:,}",
        )
    if "matches(" in bare:
        yield "condition", "would be slow: compare with == or startsWith, not with a pattern"


def _functions(text: str) -> Iterator[Fault]:
    """A function that nobody provides is an error at run time, which would be an unknown for ever."""
    names = set(re.findall(r"\b([a-zA-Z_]+)\(", re.sub(r"'[^']*'", "", text)))
    for name in sorted(names - KNOWN_FUNCTIONS - {"exists", "exists_one", "all", "filter", "map", "matches"}):
        near = get_close_matches(name, [*KNOWN_FUNCTIONS, "exists"], 1)
        yield "condition", f"there is no function {name}" + (f"; did you mean {near[0]}?" if near else "")


def _values(text: str) -> Iterator[Fault]:
    """A fact beside a value that it can never have."""
    for name, sign, right in _COMPARED.findall(text):
        kind, allowed = _shapes().get(name, (None, frozenset()))
        if kind is None:
            continue
        if (sign == "in") != right.startswith("[") or (kind is list and sign not in ("==", "!=")):
            continue
        for literal in _LITERAL.findall(right):
            given = str if literal.startswith("'") else bool if literal in ("true", "false") else int
            if given is not kind:
                yield "condition", f"{name} is {_KINDS[kind]}, {literal} is {_KINDS[given]}"
            elif allowed and literal.strip("'") not in allowed:
                near = get_close_matches(literal.strip("'"), sorted(allowed), 1)
                yield "condition", f"{name} is never {literal}" + (f"; did you mean '{near[0]}'?" if near else "")


@cache
def _shapes() -> Mapping[str, tuple[type, frozenset[str]]]:
    """Type and allowed values of every fact that the contracts fix, by `section.field`."""
    found: dict[str, tuple[type, frozenset[str]]] = {}
    several: set[str] = set()
    models = [(model.PREFIX, house_model(type_)) for type_, model in REGISTRY.items()]
    models += [("person", PersonFacts), ("hist", HistFacts), ("net.ring", RingFacts)]
    models += [
        (f"net.{kind}", NetFacts)
        for kind in ("phone", "email", "account", "device", "host_phone", "host_addr", "escort")
    ]
    for prefix, model in models:
        for field, info in model.model_fields.items():
            shape = _shape(info.annotation)
            name = f"{prefix}.{field}"
            if shape is None or found.get(name, shape) != shape:
                several.add(name)
            else:
                found[name] = shape
    return MappingProxyType({name: shape for name, shape in found.items() if name not in several})


def _shape(annotation: Any) -> tuple[type, frozenset[str]] | None:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin in (Union, UnionType):
        some = [a for a in get_args(annotation) if a is not type(None)]
        return _shape(some[0]) if len(some) == 1 else None
    if origin is Literal:
        return str, frozenset(get_args(annotation))
    if origin is list or annotation is list:
        return list, frozenset()
    return (annotation, frozenset()) if annotation in (bool, int, str) else None
