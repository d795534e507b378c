"""When people apply: umrah and haj, Ramadan, school holidays, quota days, office hours. Plain functions of a date.

Islamic feasts are read from the holiday calendar. The shapes are this project's guess; only the means over a year are
given by the reference, so every shape is brought to mean 1 over the working days of its year.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

from services.contracts.calendar import feasts, is_working_day

Shape = tuple[tuple[int, int, float], ...]
# Days before the feast (from, to) and the factor; outside of all spans the factor is the last one.
_UMRAH_BEFORE_RAMADAN: Shape = ((120, 60, 1.4), (60, 20, 1.9))
_HAJ: Shape = ((210, 150, 1.5), (150, 60, 4.0), (60, 35, 1.5))


def in_ramadan(day: date) -> bool:
    return any(timedelta(0) < eid - day <= timedelta(days=29) for eid in feasts("Eid al-Fitr", day.year))


def _before(name: str, offset: int, day: date, shape: Shape, otherwise: float) -> float:
    for feast in feasts(name, day.year):
        ahead = (feast - day).days - offset
        for far, near, factor in shape:
            if near < ahead <= far:
                return factor
    return otherwise


def _umrah(day: date) -> float:
    # None travels for umrah in the weeks of the haj, so few apply before it.
    haj = any(0 < (feast - day).days <= 60 for feast in feasts("Eid al-Adha", day.year))
    return 0.35 if haj else _before("Eid al-Fitr", 30, day, _UMRAH_BEFORE_RAMADAN, 0.9)


def _haji(day: date) -> float:
    return _before("Eid al-Adha", 0, day, _HAJ, 0.15)


def _holidays(day: date) -> float:
    """School holidays from mid June to mid July and at the end of the year; people apply one to two months before."""
    ahead = [(date(day.year, 6, 20) - day).days, (date(day.year, 12, 20) - day).days]
    if any(0 <= days <= 50 for days in ahead):
        return 1.8
    return 0.6 if in_ramadan(day) else 0.9


def _studies(day: date) -> float:
    return 2.2 if day.month in (5, 6, 7, 8) else 0.5


def _flat(day: date) -> float:
    return 0.75 if in_ramadan(day) else 1.0


SHAPES = {"umrah": _umrah, "haji": _haji, "holidays": _holidays, "studi": _studies, "flat": _flat}


@cache
def working_days(year: int) -> tuple[date, ...]:
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range(366))
    return tuple(day for day in days if day.year == year and is_working_day(day))


@cache
def _mean(shape: str, year: int) -> float:
    days = working_days(year)
    return sum(SHAPES[shape](day) for day in days) / len(days)


@cache
def weights(day: date, shapes: tuple[tuple[str, str, float], ...]) -> Mapping[str, float]:
    """Share of each purpose on this day, percent of a mean day; over the working days of a year the means are the given shares."""
    return {purpose: share * SHAPES[shape](day) / _mean(shape, day.year) for purpose, shape, share in shapes}


# A day is busier after days without office (Monday, the day after a feast): [ours].
def weekday(day: date) -> float:
    factor = (1.12, 1.02, 0.98, 0.98, 0.9)[day.weekday()]
    return factor * (1.0 if is_working_day(day - timedelta(days=1)) or day.weekday() == 0 else 1.15)
