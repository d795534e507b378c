"""Western Indonesian time and the working days of Indonesia: public and government holidays (cuti bersama)."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import holidays.constants

WIB = ZoneInfo("Asia/Jakarta")


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


def is_working_day(day: date) -> bool:
    return day.weekday() < 5 and day not in _holidays(day.year)


def add_working_days(start: datetime, days: int) -> datetime:
    """The same hour, `days` working days later; 0 gives the start itself."""
    moment = start.astimezone(WIB)
    while days > 0:
        moment += timedelta(days=1)
        days -= is_working_day(moment.date())
    return moment
