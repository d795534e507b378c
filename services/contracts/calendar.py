"""Western Indonesian time and the working days of Indonesia: public and government holidays (cuti bersama)."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import holidays.constants

WIB = ZoneInfo("Asia/Jakarta")
_DAY = timedelta(days=1)


def local_date(moment: datetime) -> date:
    """The calendar date at the office."""
    return moment.astimezone(WIB).date()


@lru_cache(maxsize=16)
def _holidays(year: int) -> frozenset[date]:
    return frozenset(
        holidays.country_holidays(
            "ID", years=year, categories=(holidays.constants.PUBLIC, holidays.constants.GOVERNMENT)
        ).keys()
    )


@lru_cache(maxsize=64)
def feasts(name: str, year: int) -> tuple[date, ...]:
    """First days of `Eid al-Fitr` or `Eid al-Adha` in a year and those beside it; later years are estimated."""
    found = holidays.country_holidays("ID", years=(year - 1, year, year + 1), language="en_US")
    return tuple(sorted(day for day, names in found.items() if name in _plain(names)))


def _plain(names: str) -> list[str]:
    """Later years are marked as estimated."""
    return [name.removesuffix(" (estimated)") for name in names.split("; ")]


def is_working_day(day: date) -> bool:
    return day.weekday() < 5 and day not in _holidays(day.year)


def add_working_days(start: datetime, days: int) -> datetime:
    """The same hour, `days` working days later; 0 gives the start itself."""
    moment = start.astimezone(WIB)
    while days > 0:
        moment += _DAY
        days -= is_working_day(moment.date())
    return moment


def working_time(start: datetime, end: datetime) -> timedelta:
    """Time between two moments that lies on working days, 24 hours each; nothing when the end is not later."""
    moment, end, total = start.astimezone(WIB), end.astimezone(WIB), timedelta()
    while moment < end:
        midnight = _midnight_after(moment)
        if is_working_day(moment.date()):
            total += min(midnight, end) - moment
        moment = midnight
    return total


def add_working_time(start: datetime, amount: timedelta) -> datetime:
    """The moment when so much time on working days has passed."""
    moment = start.astimezone(WIB)
    while amount > timedelta():
        midnight = _midnight_after(moment)
        if is_working_day(moment.date()):
            if midnight - moment >= amount:
                return moment + amount
            amount -= midnight - moment
        moment = midnight
    return moment


def _midnight_after(moment: datetime) -> datetime:
    return datetime.combine(moment.date() + _DAY, time(), WIB)
