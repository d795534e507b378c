"""How busy a day is expected to be, whoever organises: school holidays and year's end, Ramadan and the haj. Pure.

A factor of a usual day. The shapes are [ours] (indicators.md, 55: "season, Ramadan/haj calendar"; events.md, section 6: weeks before umrah
and haj season and before school holidays are busy), to be replaced by some years of the office.
"""

from datetime import date
from functools import lru_cache

from services.contracts.calendar import feasts

# Share of a usual month, by month, without umrah.
MONTHS = {1: 1.0, 2: 1.0, 3: 0.9, 4: 1.0, 5: 1.1, 6: 1.1, 7: 1.0, 8: 0.9, 9: 0.9, 10: 1.0, 11: 1.1, 12: 1.0}
UMRAH_SHARE = 0.38  # of applications at Cilacap (practice.md, section 6)
# Weeks before Ramadan in which pilgrims of the umrah apply: days ahead (from, to), factor.
BEFORE_RAMADAN = ((120, 60, 1.4), (60, 20, 1.9))
RAMADAN_DAYS, HAJ_DAYS = 30, 60
UMRAH_IN_HAJ, UMRAH_ELSE = 0.35, 0.9  # nobody travels for umrah in the weeks of the haj


@lru_cache(maxsize=2048)
def factor(day: date) -> float:
    return (1 - UMRAH_SHARE) * MONTHS[day.month] + UMRAH_SHARE * _umrah(day)


def _umrah(day: date) -> float:
    if any(0 < (feast - day).days <= HAJ_DAYS for feast in feasts("Eid al-Adha", day.year)):
        return UMRAH_IN_HAJ
    for feast in feasts("Eid al-Fitr", day.year):
        ahead = (feast - day).days - RAMADAN_DAYS
        for far, near, busy in BEFORE_RAMADAN:
            if near < ahead <= far:
                return busy
    return UMRAH_ELSE
