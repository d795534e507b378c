"""Tables that an office may publish, with the suppression that keeps people from being found in them (privacy-and-safety.md, 7). Pure.

At 46 cases a year over five kabupaten a cell is a person. Windows end with the last full month, the tables are the same each time, and
what is hidden cannot be had by subtraction: a total is not shown beside cells of which one is hidden.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

BASE = 5  # office x quarter: rounded to it
SMALLEST_PLACE = 10  # PMI-NP by kabupaten
SMALLEST_COUNTRY = 11  # destinations: the k of CTDC's published set
HIDDEN = "disembunyikan"
FLAG_AFTER, FLAG_DAYS = 3, 90
HOME = ("3301", "3302", "3303", "3304", "3305")


@dataclass(frozen=True)
class Group:
    """How often one thing happened in one month in one place."""

    what: str
    month: str  # YYYY-MM
    office: str
    family: str | None
    kabupaten: str | None
    destination: str | None
    many: int


Row = dict[str, Any]


def tables(groups: Iterable[Group], today: date) -> dict[str, list[Row]]:
    """Every table of the release calendar."""
    found = list(groups)
    window = _last_full_year(found, today)
    return {
        "kantor_triwulan": _quarters(found),
        "pmi_np_kabupaten": _places(window),
        "tujuan": _destinations(window),
        "pmi_np_tahunan": _years(found, "pmi_np"),
        "penolakan_tahunan": _years(found, "refusal"),
        "sampel_kontrol": _control(found),
    }


def _quarters(groups: list[Group]) -> list[Row]:
    many: Counter[tuple[str, str, str, str]] = Counter()
    for g in groups:
        if g.what in ("application", "interview", "deferral", "refusal"):
            year, month = g.month.split("-")
            many[g.office, f"{year}-T{(int(month) + 2) // 3}", g.what, g.family or ""] += g.many
    return [
        {"kantor": office, "triwulan": quarter, "apa": what, "alasan": family, "jumlah": BASE * round(n / BASE)}
        for (office, quarter, what, family), n in sorted(many.items())
    ]


def _places(window: list[Group]) -> list[Row]:
    """Rolling twelve months. No total is shown, and one hidden cell hides the next smallest with it."""
    many: Counter[str] = Counter()
    for g in window:
        if g.what == "pmi_np":
            many[g.kabupaten if g.kabupaten in HOME else "lain"] += g.many
    small = {place for place in many if many[place] < SMALLEST_PLACE}
    shown = sorted((place for place in many if place not in small), key=lambda place: (many[place], place))
    also = {shown[0]} if len(small) == 1 and shown else set()
    return [
        {"kabupaten": p, "jumlah": f"<{SMALLEST_PLACE}" if p in small else HIDDEN if p in also else many[p]}
        for p in sorted(many)
    ]


def _destinations(window: list[Group]) -> list[Row]:
    """The five kabupaten together, twelve months; what is too small is one row, which is hidden when it is too small itself."""
    many: Counter[str] = Counter()
    for g in window:
        if g.what == "pmi_np" and g.kabupaten in HOME:
            many[g.destination or "?"] += g.many
    large = {place: n for place, n in many.items() if n >= SMALLEST_COUNTRY}
    rest = sum(many.values()) - sum(large.values())
    while 0 < rest < SMALLEST_COUNTRY and large:
        smallest = min(large, key=lambda place: (large[place], place))
        rest += large.pop(smallest)
    rows: list[Row] = [{"negara": place, "jumlah": n} for place, n in sorted(large.items())]
    if rest:
        rows.append({"negara": "lain", "jumlah": rest if rest >= SMALLEST_COUNTRY else f"<{SMALLEST_COUNTRY}"})
    return rows


def _years(groups: list[Group], what: str) -> list[Row]:
    """Annual totals of the office, as it publishes them."""
    many: Counter[tuple[str, str]] = Counter()
    for g in groups:
        if g.what == what:
            many[g.office, g.month[:4]] += g.many
    return [{"kantor": office, "tahun": int(year), "jumlah": n} for (office, year), n in sorted(many.items())]


def _control(groups: list[Group]) -> list[Row]:
    many: Counter[tuple[str, str, str]] = Counter()
    for g in groups:
        if g.what.startswith("control_"):
            many[g.office, g.month[:4], g.what.removeprefix("control_")] += g.many
    return [
        {"kantor": office, "tahun": int(year), "apa": what, "jumlah": n if n >= SMALLEST_PLACE else f"<{SMALLEST_PLACE}"}
        for (office, year, what), n in sorted(many.items())
    ]  # fmt: skip


def _last_full_year(groups: list[Group], today: date) -> list[Group]:
    """The twelve months before the running one."""
    last = today.year * 12 + today.month - 1
    return [g for g in groups if last - 12 <= int(g.month[:4]) * 12 + int(g.month[5:]) - 1 < last]


def flags(expired: Mapping[str, int]) -> list[Row]:
    """Rules to review: three expired referrals or more in ninety days (agencies.md, section 8)."""
    return [{"route": route, "expired": n} for route, n in sorted(expired.items()) if n >= FLAG_AFTER]
