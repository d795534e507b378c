"""The rules of a NIK, PPRRSSDDMMYYXXXX (events.md, section 7). A fault means "ask", never "fraud": only Dukcapil's answer counts."""

from datetime import date

# Province codes of any year: codes change when provinces split, and old NIK keep the old code.
PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "16",
        "17",
        "18",
        "19",
        "21",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "72",
        "73",
        "74",
        "75",
        "76",
        "81",
        "82",
        "91",
        "92",
        "93",
        "94",
        "95",
        "96",
    ]
)


def _day(nik: str) -> int:
    day = int(nik[6:8])
    return day - 40 if day > 40 else day


def structure_ok(nik: str) -> bool:
    """Rules 2.4(1) to (4): 16 digits, a region of any year, a real date, serial not 0000."""
    if len(nik) != 16 or not nik.isdigit() or nik[:2] not in PROVINCES or nik[2:4] == "00" or nik[4:6] == "00":
        return False
    if not (1 <= int(nik[6:8]) <= 31 or 41 <= int(nik[6:8]) <= 71) or nik[12:] == "0000":
        return False
    return any(_date(century + int(nik[10:12]), int(nik[8:10]), _day(nik)) for century in (1900, 2000))


def birth_date_conflict(nik: str, declared: date) -> bool:
    """Rule 2.4(6), two digits of the year: the century is the declared one's, so the year alone proves nothing."""
    return (int(nik[10:12]), int(nik[8:10]), _day(nik)) != (declared.year % 100, declared.month, declared.day)


def sex_conflict(nik: str, declared: str) -> bool:
    """Rule 2.4(5): the day carries +40 for women. Compared here; only the boolean leaves."""
    return (int(nik[6:8]) > 40) != (declared == "P")


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
