"""Is a village busier than its own year explains? A negative binomial over windows of fourteen days. Pure.

The dispersion is estimated by moments from the year before (never below that of a Poisson), each fortnight measured by its season:
months in which everybody applies, umrah before Ramadan, do not look like an organiser (R57, catalogue 55).
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from math import exp, lgamma, log

from services.risk.network.season import factor

SPAN = 14  # days
YEAR = 365
LEAST = 90  # days of history, below which nothing is said (R57)
P_VALUE = 0.001


def burst(days: Iterable[date], end: date, known_since: date) -> bool | None:
    """Whether the fortnight up to `end` holds more than the year before explains, p < 0.001. None with less than 90 days of history.

    `days`: one entry for each person counted; `known_since`: first day on which the village could have been seen at all.
    """
    found = compared(days, end, known_since)
    return None if found is None else upper_tail(*found) < P_VALUE


def compared(days: Iterable[date], end: date, known_since: date) -> tuple[int, float, float | None] | None:
    """Persons of the fortnight, how many the year before makes expected, and the size of the negative binomial; as `burst`."""
    start = end - timedelta(days=SPAN - 1)
    history = min((start - known_since).days, YEAR)
    if history < LEAST:
        return None
    days = list(days)
    now = sum(start <= day <= end for day in days)
    windows = [0] * (history // SPAN)
    for day in days:
        back = (start - day).days - 1
        if 0 <= back < len(windows) * SPAN:
            windows[back // SPAN] += 1
    usual = [n / factor(start - timedelta(days=number * SPAN + SPAN // 2)) for number, n in enumerate(windows)]
    mean, variance = moments(usual)
    # One application a year is the least that a village is taken for: an empty year is no proof of nothing.
    expected = max(mean, SPAN / YEAR) * factor(start + timedelta(days=SPAN // 2))
    return now, expected, dispersion(mean, variance)


def moments(windows: Sequence[float]) -> tuple[float, float]:
    """Mean and variance of the counts."""
    mean = sum(windows) / len(windows)
    return mean, sum((n - mean) ** 2 for n in windows) / max(len(windows) - 1, 1)


def dispersion(mean: float, variance: float) -> float | None:
    """Size of the negative binomial by moments, mean² / (variance − mean); None when the counts are no wider than a Poisson's."""
    return mean * mean / (variance - mean) if variance > mean > 0 else None


def upper_tail(count: int, mean: float, size: float | None) -> float:
    """P(N ≥ count); a Poisson when there is no size."""
    if size is None:
        below = sum(exp(n * log(mean) - mean - lgamma(n + 1)) for n in range(count))
    else:
        p = size / (size + mean)
        below = sum(
            exp(lgamma(n + size) - lgamma(size) - lgamma(n + 1) + size * log(p) + n * log(1 - p)) for n in range(count)
        )
    return max(0.0, 1.0 - below)


def harmed(bad: int, of: int) -> bool | None:
    """Whether an agent's clients fare worse than others: lower 90 % bound of the rate above three times the baseline, n ≥ 5.

    Beta prior of the baseline, worth ten clients, so that one bad case says nothing and two of five say something (catalogue, 64).
    """
    if of < MINIMUM:
        return None
    if not bad:
        return False
    return _beta_cdf(3 * BASELINE, BASELINE * WORTH + bad, (1 - BASELINE) * WORTH + of - bad) < TAIL


MINIMUM, TAIL, WORTH = 5, 0.1, 10
BASELINE = 0.01  # the prior of E_np (indicators.md, section 2)
PIECES = 200


def _beta_cdf(x: float, a: float, b: float) -> float:
    """P(rate ≤ x) of Beta(a, b) with a > 1, by Simpson's rule: the density is smooth there."""
    scale = lgamma(a + b) - lgamma(a) - lgamma(b)
    density = [
        exp(scale + (a - 1) * log(t) + (b - 1) * log(1 - t)) if t else 0.0
        for t in (x * n / PIECES for n in range(PIECES + 1))
    ]
    return x / PIECES / 3 * (density[0] + 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2]) + density[-1])
