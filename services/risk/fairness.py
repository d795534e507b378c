"""Whether rules flag people of one group more often than of another: ratios with their interval, and the gate. Pure.

A ratio to the largest group below 0.8 or above 1.25 is an alarm, unless confirmed outcomes explain it (privacy-and-safety.md, section 6).
"""

import math
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

LOW, HIGH = 0.8, 1.25
SMALLEST = 30  # applications, and known outcomes, that a group needs to be compared
Z = 1.96  # 95 %
# What must make no difference (indicators.md, section 8). Purpose and kind of application are shown: rules are about them.
GATED = frozenset({"sex", "age", "sex_and_age", "marital_status", "kabupaten"})
CHILDREN = "<18"  # the law protects them more; only adult age must make no difference


class Group(BaseModel):
    """Applications of one group: all, flagged, and flagged ones with a known outcome."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int = Field(ge=0)
    flagged: int = Field(ge=0)
    right: int = Field(0, ge=0, description="flagged, and confirmed by people")
    wrong: int = Field(0, ge=0, description="flagged, and cleared by people")


class Ratio(BaseModel):
    """One group beside the largest one of its attribute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: str
    name: str
    group: Group
    reference: str
    of: Group

    @property
    def value(self) -> float:
        return _risk(self.group) / _risk(self.of)

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, on the logarithm (Katz), with a half added so that no flag at all has one too."""
        spread = Z * math.sqrt(_variance(self.group) + _variance(self.of))
        return self.value * math.exp(-spread), self.value * math.exp(spread)

    @property
    def outside(self) -> bool:
        """The whole interval lies outside 0.8–1.25, and no outcomes explain it."""
        low, high = self.interval
        gated = self.attribute in GATED and self.name != CHILDREN
        return gated and (high < LOW or low > HIGH) and not self.explained

    @property
    def explained(self) -> bool:
        """Flags of this group are right at least four fifths as often as those of the other, by 30 known outcomes each."""
        known = [(g.right, g.right + g.wrong) for g in (self.group, self.of)]
        if any(n < SMALLEST for _, n in known) or known[1][0] == 0:
            return False
        return self.value > 1 and (known[0][0] / known[0][1]) / (known[1][0] / known[1][1]) >= LOW

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.attribute} {self.name}: {self.group.flagged:,} of {self.group.n:,} flagged, "
            f"{self.reference} {self.of.flagged:,} of {self.of.n:,}: ratio {self.value:.2f} ({low:.2f}–{high:.2f})"
        )


class Trial(BaseModel):
    """What a pack would have done to the applications of some months, kept in its bundle and signed with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: str = Field(description="digest of the pack that was tried")
    beside: str = Field(description="digest of the pack in use then")
    first_day: date
    last_day: date
    applications: int = Field(ge=0)
    ratios: list[Ratio]

    def faults(self, rules: str) -> Iterable[str]:
        """Why it does not let a pack with this digest judge."""
        if self.rules != rules:
            yield f"the trial was of other rules, {self.rules[:12]}"
        if self.applications < SMALLEST:
            yield f"was tried on {self.applications} applications, at least {SMALLEST}"
        yield from (str(ratio) for ratio in self.ratios if ratio.outside)


def ratios(groups: Mapping[str, Mapping[str, Group]]) -> list[Ratio]:
    """Every group of 30 or more beside the largest one, by attribute."""
    found = []
    for attribute, by_name in sorted(groups.items()):
        large = {name: group for name, group in by_name.items() if group.n >= SMALLEST}
        if not large:
            continue
        reference = max(large, key=lambda name: (large[name].n, name))
        found += [
            Ratio(attribute=attribute, name=name, group=group, reference=reference, of=large[reference])
            for name, group in sorted(large.items())
            if name != reference
        ]
    return found


def told_by_intake(answer: Mapping[str, Any]) -> dict[str, dict[str, Group]]:
    """The counts of `POST /vault/groups`, asked with the lists `flagged`, `right` and `wrong`."""
    return {
        attribute: {name: Group(n=group["n"], **group["flagged"]) for name, group in by_name.items()}
        for attribute, by_name in answer["groups"].items()
    }


def _risk(group: Group) -> float:
    return (group.flagged + 0.5) / (group.n + 0.5)


def _variance(group: Group) -> float:
    return 1 / (group.flagged + 0.5) - 1 / (group.n + 0.5)
