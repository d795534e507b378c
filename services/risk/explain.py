"""What a person wants to know of an assessment beyond its numbers: what would lower it, what changed, what is open. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from services.contracts.assessments import RiskAssessed
from services.risk.assess import day_of
from services.risk.evidence import Fired, level_of, weigh
from services.risk.indicator import Indicator
from services.risk.pack import Pack

AT_MOST = 4  # more signs that would all have to be gone explain nothing
NEVER_SHOWN = "never shown to the applicant"


@dataclass(frozen=True)
class Change:
    """Between two assessments of one application."""

    level: tuple[int, int]
    came: tuple[str, ...]
    went: tuple[str, ...]
    settled: tuple[str, ...]  # were unknown, are no


def counterfactual(assessed: RiskAssessed, pack: Pack) -> tuple[str, ...] | None:
    """The smallest set of signs without which the level would be lower; the lightest of equal size. None: no set of four does."""
    by_id = {i.id: i for i in pack.indicators}
    if assessed.level == 0 or any(f.id not in by_id for f in assessed.findings):
        return None
    day = day_of(assessed.facts, assessed.at)
    thresholds = pack.policy.at(day, assessed.office_code)["thresholds"]["levels"]
    protective = [p for p in pack.protective if p.id in assessed.protective]
    fired = [Fired(by_id[f.id], f.weight) for f in assessed.findings]
    for size in range(1, AT_MOST + 1):
        lighter = []
        for gone in combinations(fired, size):
            left = [f for f in fired if f not in gone]
            if level_of(weigh(left, protective), left, thresholds).level < assessed.level:
                lighter.append(gone)
        if lighter:
            return _ids(min(lighter, key=lambda gone: (sum(f.weight for f in gone), _ids(gone))))
    return None


def _ids(fired: Iterable[Fired]) -> tuple[str, ...]:
    return tuple(sorted(f.indicator.id for f in fired))


def changed(before: RiskAssessed, after: RiskAssessed) -> Change:
    """What the later assessment says otherwise."""
    one, two = {f.id for f in before.findings}, {f.id for f in after.findings}
    settled = (i for i, answer in after.indicators.items() if answer == "no" and before.indicators.get(i) == "unknown")
    return Change(
        (before.level, after.level), tuple(sorted(two - one)), tuple(sorted(one - two)), tuple(sorted(settled))
    )


def unknown(assessed: RiskAssessed) -> list[str]:
    """Signs nobody can say anything about yet: missing is not suspicious."""
    return sorted(i for i, answer in assessed.indicators.items() if answer == "unknown")


def for_the_applicant(assessed: RiskAssessed, pack: Pack) -> list[str]:
    """What may be brought, in plain Indonesian: no method, no threshold, nothing about others, no tip.

    Only what papers can settle. Whoever controls the applicant may stand beside and read it: what was said or seen in the office is
    never repeated, and when somebody must act nothing is told at all (indicators.md, section 5).
    """
    if assessed.must_act:
        return []
    by_id = {i.id: i for i in pack.indicators}
    told = (f.clears_id for f in assessed.findings if f.id in by_id and _may_be_told(by_id[f.id]))
    return list(dict.fromkeys(told))


def papers_missing(assessed: RiskAssessed, pack: Pack) -> list[str]:
    """Names of papers that the rules of that day and office ask for and that were not seen; none before the papers were looked at."""
    items = assessed.facts.get("doc", {}).get("items")
    table = pack.policy.at(day_of(assessed.facts, assessed.at), assessed.office_code).get("required_documents", {})
    if items is None:
        return []
    seen = {item["type"] for item in items if item.get("verdict") != "invalid"}
    wanted = table.get("all", {}) | table.get(assessed.facts.get("app", {}).get("purpose", ""), {})
    return [name for kinds, name in wanted.items() if seen.isdisjoint(kinds.split("|"))]


def _may_be_told(indicator: Indicator) -> bool:
    papers = bool({"form", "document", "registry"} & set(indicator.evidence))
    return papers and indicator.dimension != "means" and not indicator.of_others and NEVER_SHOWN not in indicator.guards
