"""From answers to evidence and a level: groups, caps, two outputs that are never merged. Integers, tenths of a deciban."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from services.contracts.enums import Answer3
from services.risk.indicator import TENTHS, Indicator, Protective

# Cap by group, decibans; G_burst is the share of a person (R12). Every group not named has 12.
CAPS = {"G_burst": 6, "G_contact": 9, "G_dest": 7, "G_doc": 14, "G_history": 10, "G_interview": 8, "G_recruit": 15}
CAP_OTHERS = 12
CAP_PROTECTIVE = 12
REST_SHARE = 3  # tenths: max + 0.3 × rest

Strength = Literal["none", "weak", "medium", "strong"]


@dataclass(frozen=True)
class Fired:
    """An indicator that answered yes, with the weight it has in this case."""

    indicator: Indicator
    weight: int


@dataclass(frozen=True)
class Evidence:
    """Both outputs and how they came about."""

    e_np: int
    e_tppo: int
    groups: tuple[tuple[str, int, int], ...]  # group, raw, capped, of e_np


@dataclass(frozen=True)
class Level:
    """What follows for the interview."""

    level: int
    must_act: bool
    must_review: bool
    reasons: tuple[str, ...]


class Total(NamedTuple):
    """Dependent signs of one group: the heaviest and the sum, tenths of a deciban, whole decibans each."""

    top: int
    sum: int

    def with_one(self, weight: int) -> "Total":
        return Total(max(self.top, weight), self.sum + weight)

    @property
    def raw(self) -> int:
        """max + 0.3 × rest."""
        return self.top + (self.sum - self.top) * REST_SHARE // TENTHS

    def capped(self, group: str) -> int:
        return min(self.raw, _cap(group) * TENTHS)


NOTHING = Total(0, 0)


def _cap(group: str) -> int:
    return CAPS.get(group, CAP_OTHERS)


def combined(weights: Sequence[int], cap: int) -> tuple[int, int]:
    """Raw and capped sum of dependent signs."""
    raw = Total(max(weights), sum(weights)).raw if weights else 0
    return raw, min(raw, cap * TENTHS)


def weigh(fired: Sequence[Fired], protective: Sequence[Protective]) -> Evidence:
    """Sum over groups, less what protects."""
    groups = _groups(f for f in fired if "np" in f.indicator.outputs)
    tppo = _groups(f for f in fired if "tppo" in f.indicator.outputs)
    lowers = combined([-p.decibans * TENTHS for p in protective], CAP_PROTECTIVE)[1]
    lowers_both = combined([-p.decibans * TENTHS for p in protective if p.both], CAP_PROTECTIVE)[1]
    return Evidence(
        sum(capped for _, _, capped in groups) - lowers,
        sum(capped for _, _, capped in tppo) - lowers_both,
        groups,
    )


def counted(fired: Iterable[Fired], output: Literal["np", "tppo"] = "np") -> dict[str, int]:
    """What each sign, heaviest first, adds to an output within its group after max + 0.3 × rest and the cap; they sum to it."""
    totals: dict[str, Total] = {}
    found: dict[str, int] = {}
    for each in fired:
        group = each.indicator.group
        before = totals.get(group, NOTHING)
        after = before.with_one(each.weight) if output in each.indicator.outputs else before
        totals[group] = after
        found[each.indicator.id] = after.capped(group) - before.capped(group)
    return found


def _groups(fired: Iterable[Fired]) -> tuple[tuple[str, int, int], ...]:
    weights: dict[str, list[int]] = {}
    for each in fired:
        weights.setdefault(each.indicator.group, []).append(each.weight)
    return tuple(
        (group, *combined(found, _cap(group))) for group, found in sorted(weights.items()) if any(w > 0 for w in found)
    )


def level_of(evidence: Evidence, fired: Sequence[Fired], thresholds: Sequence[int]) -> Level:
    """Half-open bands over max(E_np, E_tppo) (R08); level 3 by number needs two groups and one objective sign (R11)."""
    score = max(evidence.e_np, evidence.e_tppo)
    level = sum(score >= limit for limit in thresholds)
    reasons = [f"evidence {score / TENTHS:.1f} dB reaches level {level}"]
    if level == 3:
        positive = {f.indicator.group for f in fired if f.weight > 0}
        objective = any(f.indicator.objective for f in fired if f.weight > 0)
        if len(positive) < 2 or not objective:
            level = 2
            lack = "a second group" if len(positive) < 2 else "an objective sign"
            reasons.append(f"level 3 by number needs {lack}; level 2")
    acts = [f.indicator.id for f in fired if f.indicator.must_act]
    reviews = [f.indicator.id for f in fired if f.indicator.must_review]
    if acts:
        level = 3
        reasons.append(f"must act: {', '.join(sorted(acts))}")
    elif reviews and level < 2:
        level = 2
        reasons.append(f"must review: {', '.join(sorted(reviews))}")
    return Level(level, bool(acts), bool(reviews), tuple(reasons))


def dimensions(fired: Sequence[Fired]) -> dict[str, Strength]:
    """Process, means and purpose in the manner of the ILO lists: signs of 10 dB are strong, of 6 medium, below weak."""
    return {
        name: _strength([f.weight for f in fired if f.indicator.dimension == name])
        for name in ("process", "means", "purpose")
    }


def _strength(weights: Sequence[int]) -> Strength:
    strong = sum(w >= 10 * TENTHS for w in weights)
    medium = sum(6 * TENTHS <= w < 10 * TENTHS for w in weights)
    weak = sum(0 < w < 6 * TENTHS for w in weights)
    # Positive with 2 strong, 1 strong + 1 other, 3 medium, or 2 medium + 1 weak (ILO/EC Delphi, indicators.md section 1).
    if strong >= 2 or (strong and medium + weak) or medium >= 3 or (medium >= 2 and weak):
        return "strong"
    if strong or medium >= 2 or (medium and weak):
        return "medium"
    return "weak" if medium or weak else "none"


def kleene_any(answers: Iterable[Answer3]) -> Answer3:
    """Yes when one is yes, no when all are no, else unknown."""
    found = set(answers)
    return "yes" if "yes" in found else "unknown" if "unknown" in found else "no"


def kleene_and(one: Answer3, other: Answer3) -> Answer3:
    if "no" in (one, other):
        return "no"
    return "yes" if one == other == "yes" else "unknown"
