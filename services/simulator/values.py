"""The small language in which scenario files say how a value is drawn. Compiled once, drawn often; all chance is passed in.

wisata                          a constant (any YAML value)
{one_of: [a, b]}                one of them, equally likely
{weighted: {a: 3, b: 1}}        one of them, by weight
{between: [5, 40]}              a whole number, both ends included
{days: [20, 60]}                a date so many days after the visit (negative: before)
{chance: 0.3, value: x}         x, or nothing: the field stays as it would be
{chance: 0.3}                   yes or no
$agent                          something the whole group has in common (see `Means`)
"""

from bisect import bisect
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Any, Protocol


class Means(Protocol):
    """What the members of a group share, by name: a phone, an agent, an address."""

    def get(self, name: str) -> Any: ...


class Absent:
    """Nothing was drawn."""


Draw = Callable[[Random, date, Means], Any]
ABSENT = Absent()


def compiled(spec: Any) -> Draw:
    """ValueError names what cannot be read."""
    if isinstance(spec, str) and spec.startswith("$"):
        name = spec[1:]
        return lambda _r, _d, means: means.get(name)
    if isinstance(spec, list):
        parts = [compiled(each) for each in spec]
        return lambda r, d, means: [v for v in (p(r, d, means) for p in parts) if v is not ABSENT]
    if not isinstance(spec, dict):
        return lambda _r, _d, _m: spec
    if "one_of" in spec:
        return _one_of([compiled(each) for each in _only(spec, "one_of")])
    if "weighted" in spec:
        return _weighted(_only(spec, "weighted"))
    if "between" in spec:
        low, high = _only(spec, "between")
        return lambda r, _d, _m: r.randint(low, high)
    if "days" in spec:
        near, far = _only(spec, "days")
        return lambda r, d, _m: (d + timedelta(days=r.randint(near, far))).isoformat()
    if "chance" in spec:
        return _chance(spec)
    fields = table(spec)
    return lambda r, d, means: drawn(fields, r, d, means)


def table(specs: Mapping[str, Any]) -> list[tuple[str, Draw]]:
    return [(name, compiled(spec)) for name, spec in specs.items()]


def drawn(fields: list[tuple[str, Draw]], random: Random, day: date, means: Means) -> dict[str, Any]:
    """All fields of a table that drew something."""
    found = {}
    for name, draw in fields:
        value = draw(random, day, means)
        if value is not ABSENT:
            found[name] = value
    return found


def _only(spec: dict[str, Any], key: str) -> Any:
    if len(spec) != 1:
        raise ValueError(f"`{key}` stands alone, here it stands beside {sorted(set(spec) - {key})}")
    return spec[key]


def _one_of(draws: list[Draw]) -> Draw:
    count = len(draws)
    return lambda r, d, m: draws[int(r.random() * count)](r, d, m)


def _weighted(weights: Mapping[Any, float]) -> Draw:
    pick = picker(weights)
    return lambda r, _d, _m: pick(r)


def _chance(spec: dict[str, Any]) -> Draw:
    chance = spec["chance"]
    if set(spec) == {"chance"}:
        return lambda r, _d, _m: r.random() < chance
    if set(spec) != {"chance", "value"}:
        raise ValueError(f"`chance` takes `value` alone, here stands {sorted(set(spec) - {'chance', 'value'})}")
    value = compiled(spec["value"])
    return lambda r, d, m: value(r, d, m) if r.random() < chance else ABSENT


def picker(weights: Mapping[Any, float]) -> Callable[[Random], Any]:
    """Draws a key by weight; faster than `choices` and the same on every Python."""
    keys, sums = list(weights), list(accumulate(weights.values()))
    total = sums[-1]
    return lambda random: keys[min(bisect(sums, random.random() * total), len(keys) - 1)]
