"""Answers of all conditions over the facts: yes, no or unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.contracts.enums import Answer3
from services.risk.evidence import Fired, kleene_and, kleene_any
from services.risk.indicator import TENTHS, Indicator, Protective
from services.risk.pack import Pack
from services.runtime import conditions


@dataclass(frozen=True)
class Answers:
    """What every condition said."""

    indicators: dict[str, Answer3]
    protective: tuple[Protective, ...]
    fired: tuple[Fired, ...]


@dataclass
class Memo:
    """What the last evaluation of a record saw and said: conditions over unchanged sections need not run again."""

    laid: dict[str, dict[str, Any]]
    own: dict[str, Answer3]
    digest: str


def evaluate(pack: Pack, facts: Mapping[str, Any], memo: Memo | None = None) -> tuple[Answers, Memo]:
    """Unknown never counts; a sign that requires others counts only with them. A memo changes the cost, not the answers."""
    laid = {section: _picked(facts[section], names) for section, names in pack.reads.items()}
    context = pack.workbench.lay_out(laid)
    if memo is None or memo.digest != pack.digest:
        own = {c.id: c.answer(context) for c in pack.conditions}
    else:
        changed = {section for section, values in laid.items() if values != memo.laid[section]}
        own = {c.id: c.answer(context) if sections & changed else memo.own[c.id] for c, sections in pack.by_section}
    protective = tuple(p for p in pack.protective if own[p.id] == "yes")
    off = {indicator for each in protective for indicator in each.switches_off}
    answers: dict[str, Answer3] = {i.id: "no" if i.id in off else own[i.id] for i in pack.indicators}
    for indicator in pack.needing_others:
        answers[indicator.id] = with_others(indicator, answers[indicator.id], answers, pack.indicators)
    fired = [Fired(i, _weight(i, context)) for i in pack.indicators if answers[i.id] == "yes"]
    return Answers(answers, protective, tuple(_needing_groups(fired))), Memo(laid, own, pack.digest)


def _picked(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values} if values else _NOTHING


_NOTHING: dict[str, Any] = {}


def with_others(
    indicator: Indicator, own: Answer3, answers: Mapping[str, Answer3], indicators: Sequence[Indicator]
) -> Answer3:
    """The answer of a sign that counts only together with others."""
    if indicator.requires_any_of:
        own = kleene_and(own, kleene_any(answers.get(id_, "unknown") for id_ in indicator.requires_any_of))
    if indicator.requires_dimension:
        others = [i.id for i in indicators if i.dimension == indicator.requires_dimension and i.id != indicator.id]
        own = kleene_and(own, kleene_any(answers.get(id_, "unknown") for id_ in others))
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
