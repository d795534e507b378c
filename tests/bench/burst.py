"""`make bench-burst`: villages of two simulated office years, fortnight by fortnight: how often each baseline calls one a burst.

Ordinary villages show how often it cries for nothing; fortnights in which a ring of the world sent people from the village, what it sees.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean, variance
from typing import Any

import orjson

from services.risk.network.burst import P_VALUE, SPAN, YEAR, compared, dispersion, upper_tail
from services.risk.network.season import factor
from services.simulator.world import Plan, World
from tests.bench import report

FIRST, LAST = date(2024, 1, 1), date(2025, 12, 31)
LEAST = 3  # households in the fortnight (catalogue, 55: five persons of three households)
PERSONS = 5
RINGS = 40  # a year, so that enough of them come from one village


@dataclass
class Village:
    """Who applied, and on which days a ring was behind it."""

    days: list[date] = field(default_factory=list)
    homes: list[str] = field(default_factory=list)
    organised: list[date] = field(default_factory=list)


def villages() -> dict[str, Village]:
    truths: dict[str, dict[str, Any]] = {}
    world = World(
        Plan(FIRST, LAST, rings=RINGS), lambda truth: truths.update({str(truth.get("application_id")): truth})
    )
    found: dict[str, Village] = defaultdict(Village)
    for arrived in world.stream():
        event = orjson.loads(arrived.line)
        data = event["data"]
        if event["type"] != "application.submitted" or data.get("purpose") == "haji_reguler":
            continue
        village, day = found[data["domicile_desa_code"]], date.fromisoformat(event["time"][:10])
        village.days.append(day)
        village.homes.append(data.get("kk_no") or event["subject"])
        truth = truths.get(event["subject"], {})
        if truth.get("group") and truth["truth"] != "ordinary":
            village.organised.append(day)
    return found


Method = Callable[[int, float, float | None, float], float]  # persons, expected, size, season → P(so many or more)
METHODS: dict[str, Method] = {
    "negative binomial, season": lambda now, mean, size, _: upper_tail(now, mean, size),
    "Poisson, season": lambda now, mean, _, __: upper_tail(now, mean, None),
    "negative binomial, no season": lambda now, mean, size, season: upper_tail(now, mean / season, size),
}


def lines() -> Iterator[str]:
    yield f"# Bursts of villages\n\n{report.machine()}. Command: `make bench-burst`.\n"
    found = villages()
    flagged: dict[str, Counter[str]] = {name: Counter() for name in METHODS}
    fortnights: Counter[str] = Counter()
    for village in found.values():
        for end in (LAST - timedelta(days=n * SPAN) for n in range(YEAR // SPAN)):
            start = end - timedelta(days=SPAN - 1)
            here = [n for n, day in enumerate(village.days) if start <= day <= end]
            if not here:
                continue
            truth = "ring" if sum(start <= day <= end for day in village.organised) >= PERSONS else "ordinary"
            fortnights[truth] += 1
            if len(here) < PERSONS or len({village.homes[n] for n in here}) < LEAST:
                continue
            fortnights[f"{truth}, {PERSONS} persons"] += 1
            said = compared(village.days, end, FIRST)
            assert said is not None
            season = factor(start + timedelta(days=SPAN // 2))
            for name, method in METHODS.items():
                flagged[name][truth] += method(*said, season) < P_VALUE
    yield f"{len(found):,} villages, {sum(len(v.days) for v in found.values()):,} applications of two years; the second year is judged by the one before."
    yield ""
    yield "| fortnights of a village | ordinary | five or more of a ring |"
    yield "|---|---|---|"
    yield f"| with an application | {fortnights['ordinary']:,} | {fortnights['ring']} |"
    yield f"| with {PERSONS} persons of {LEAST} households | {fortnights[f'ordinary, {PERSONS} persons']:,} | {fortnights[f'ring, {PERSONS} persons']} |"
    for name, count in flagged.items():
        yield f"| a burst by {name} | {count['ordinary']:,} | {count['ring']} |"
    yield ""
    yield "Families and lawful groups are counted here; in risk those with a verified list, letter or event day are not. A ring seldom sends five from one"
    yield "village in a fortnight, so there are few to see; five persons of three households are the least that the sign asks for."
    yield ""
    yield from spread(found)


def spread(found: dict[str, Village]) -> Iterator[str]:
    """How much wider than a Poisson the counts are, by how busy a village is."""
    by_mean: dict[str, list[float]] = defaultdict(list)
    wider: Counter[str] = Counter()
    for village in found.values():
        counts = Counter((day - FIRST).days // SPAN for day in village.days)
        windows = [counts[n] for n in range((LAST - FIRST).days // SPAN)]
        mean = fmean(windows)
        if not mean:
            continue
        name = next(
            name
            for limit, name in ((0.5, "under 0.5"), (1, "0.5 to 1"), (2, "1 to 2"), (1e9, "2 and more"))
            if mean < limit
        )
        by_mean[name].append(variance(windows) / mean)
        wider[name] += dispersion(mean, variance(windows)) is not None
    yield "| applications of a village a fortnight | villages | variance over mean, average | wider than a Poisson |"
    yield "|---|---|---|---|"
    for name in ("under 0.5", "0.5 to 1", "1 to 2", "2 and more"):
        if by_mean[name]:
            yield f"| {name} | {len(by_mean[name]):,} | {fmean(by_mean[name]):.2f} | {wider[name] / len(by_mean[name]):.0%} |"


def main() -> None:
    report.tell("burst", lines())


if __name__ == "__main__":
    main()
