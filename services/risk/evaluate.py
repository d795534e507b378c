"""Answers of all conditions over the facts: yes, no or unknown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from services.contracts.assessments import Question
from services.contracts.enums import Answer3
from services.risk import questions
from services.risk.evidence import Evidence, Fired, Strength, dimensions, kleene_and, kleene_any, weigh
from services.risk.fold import NOTHING
from services.risk.indicator import TENTHS, Condition, Indicator, Protective
from services.risk.pack import Pack
from services.runtime import conditions


@dataclass(frozen=True)
class Answers:
    """What every condition said, and what follows from that alone."""

    indicators: dict[str, Answer3]
    protective: tuple[Protective, ...]
    fired: tuple[Fired, ...]
    catalogue: tuple[Indicator, ...]

    @cached_property
    def evidence(self) -> Evidence:
        return weigh(self.fired, self.protective)

    @cached_property
    def dimensions(self) -> dict[str, Strength]:
        return dimensions(self.fired)

    @cached_property
    def questions(self) -> list[Question]:
        return questions.rank(self.catalogue, self.indicators, self.fired)


@dataclass(frozen=True)
class Memo:
    """What the last evaluation of a record saw and said: conditions none of whose facts changed need not run again."""

    facts: Mapping[str, Any]
    laid: dict[str, dict[str, Any]]
    own: dict[str, Answer3]
    weights: dict[str, int]
    answers: Answers
    digest: str


def evaluate(pack: Pack, facts: Mapping[str, Any], memo: Memo | None = None) -> Memo:
    """Unknown never counts; a sign that requires others counts only with them. A memo changes the cost, not the answers."""
    before = memo if memo is not None and memo.digest == pack.digest else _blank(pack)
    seen, laid = before.facts, before.laid.copy()
    again: dict[str, Condition] = {}
    for section, names in pack.reads.items():
        if facts[section] is not seen[section]:
            picked = _picked(facts[section], names)
            if picked != laid[section]:
                again |= _touched(pack, section, picked, laid[section])
                laid[section] = picked
    if not again:
        return replace(before, facts=facts, laid=laid)
    return _again(pack, facts, laid, again.values(), before)


def _blank(pack: Pack) -> Memo:
    """What the conditions say when nothing is known: where the first evaluation of a record starts from."""
    if pack.digest not in _BLANKS:
        facts = NOTHING.facts
        laid = {section: _picked(facts[section], names) for section, names in pack.reads.items()}
        unsaid = Memo(facts, laid, {}, {}, Answers({}, (), (), ()), pack.digest)
        _BLANKS[pack.digest] = _again(pack, facts, laid, pack.conditions, unsaid)
    return _BLANKS[pack.digest]


_BLANKS: dict[str, Memo] = {}


def _again(
    pack: Pack, facts: Mapping[str, Any], laid: dict[str, dict[str, Any]], again: Iterable[Condition], before: Memo
) -> Memo:
    """Answers of these conditions in the place of what was said before."""
    again = list(again)
    own, weights = before.own.copy(), before.weights.copy()
    context = pack.workbench.lay_out(_needed(pack, again, laid))
    for condition in again:
        own[condition.id] = condition.answer(context)
        if isinstance(condition, Indicator):
            weights[condition.id] = _weight(condition, context)
    if own == before.own and weights == before.weights:
        return Memo(facts, laid, own, weights, before.answers, pack.digest)
    answers = _together(pack, tuple(own.values()), tuple(weights.values()))
    return Memo(facts, laid, own, weights, answers, pack.digest)


def _needed(pack: Pack, again: Iterable[Condition], laid: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The facts that these conditions read, by section: converting a fact for CEL is what costs (measured)."""
    needed: dict[str, dict[str, Any]] = {}
    for section, name in _names(pack, tuple(c.id for c in again)):
        here, there = needed.setdefault(section, {}), laid[section]
        if name in there:
            here[name] = there[name]
    return needed


@lru_cache(maxsize=4096)
def _names(pack: Pack, conditions: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Facts that any of them reads, once each. Remembered: events of a kind ask the same conditions again."""
    return tuple(dict.fromkeys(fact for condition in conditions for fact in pack.names[condition]))


def _touched(pack: Pack, section: str, now: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Condition]:
    """Conditions that read a fact of the section which is new, gone or other."""
    found: dict[str, Condition] = {}
    for name in now.keys() | old.keys():
        if now.get(name) != old.get(name):
            found |= pack.readers[section, name]
    return found


@lru_cache(maxsize=2000)
def _together(pack: Pack, own: tuple[Answer3, ...], weights: tuple[int, ...]) -> Answers:
    """What protects, what that switches off, and what counts only together with others; both in the order of the pack.

    Remembered: three of four times another application has answered the same before (measured).
    """
    said = dict(zip((c.id for c in pack.conditions), own, strict=True))
    protective = tuple(p for p in pack.protective if said[p.id] == "yes")
    off = {indicator for each in protective for indicator in each.switches_off}
    answers: dict[str, Answer3] = {i.id: "no" if i.id in off else said[i.id] for i in pack.indicators}
    for indicator, dimension in pack.needing_others:
        answers[indicator.id] = with_others(indicator, answers[indicator.id], answers, dimension)
    weighed = zip(pack.indicators, weights, strict=True)
    fired = [Fired(i, weight) for i, weight in weighed if answers[i.id] == "yes"]
    return Answers(answers, protective, tuple(_needing_groups(fired)), pack.indicators)


def _picked(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values} if values else _NOTHING


_NOTHING: dict[str, Any] = {}


def with_others(
    indicator: Indicator, own: Answer3, answers: Mapping[str, Answer3], dimension: Iterable[str]
) -> Answer3:
    """The answer of a sign that counts only together with others; `dimension` names those of the dimension it requires."""
    for required in (indicator.requires_any_of, dimension):
        if required:
            own = kleene_and(own, kleene_any(answers.get(id_, "unknown") for id_ in required))
    return own


def _weight(indicator: Indicator, context: Any) -> int:
    """Tenths of a deciban in this case (R35); a fact that is not scored weighs nothing."""
    if indicator.not_scored:
        return 0
    weight = indicator.decibans
    if indicator.graded:
        reached = [g.decibans for g in indicator.graded if conditions.answer(g.program, context) == "yes"]
        weight = max(reached, default=0)
    if indicator.max_person_db is not None:
        weight = min(weight, indicator.max_person_db)
    return weight * TENTHS


def _needing_groups(fired: Sequence[Fired]) -> Sequence[Fired]:
    """A sign that may not contribute alone weighs 0 until enough other groups are positive (R47); it is still shown."""
    result = []
    for each in fired:
        if each.indicator.min_other_groups:
            others = {
                f.indicator.group
                for f in fired
                if f.weight > 0 and f.indicator.group != each.indicator.group and not f.indicator.min_other_groups
            }
            if len(others) < each.indicator.min_other_groups:
                each = Fired(each.indicator, 0)
        result.append(each)
    return result
