"""Synthetic people of the five kabupaten. Nobody here exists.

Synthetic by construction: NIK serials from 9000 on (serials count people born on one day in one kecamatan and never get
that far), phones in the block 0000 of a prefix, names drawn at random from lists of common first names.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

# kabupaten: share in percent, kecamatan count (events.md section 8, practice.md section 7)
KABUPATEN = {
    "3301": (30, 24),
    "3302": (24, 27),
    "3305": (15, 26),
    "3303": (11, 18),
    "3304": (9, 20),
    "3329": (6, 17),
    "3207": (5, 27),
}
_FIRST = [
    "Siti",
    "Slamet",
    "Sri",
    "Agus",
    "Dwi",
    "Eko",
    "Tri",
    "Wahyu",
    "Nur",
    "Endang",
    "Bambang",
    "Rini",
    "Sugeng",
    "Lestari",
    "Ratna",
    "Joko",
    "Kartika",
    "Yanti",
    "Budi",
    "Wati",
]
_SECOND = [
    "Rahayu",
    "Santoso",
    "Utami",
    "Prasetyo",
    "Lestari",
    "Handayani",
    "Saputra",
    "Wibowo",
    "Hidayat",
    "Susanti",
    "Purnomo",
    "Kurniawan",
    "Astuti",
    "Setiawan",
]


@dataclass(frozen=True)
class Person:
    """Clear values of one synthetic person."""

    nik: str
    kk_no: str
    name: str
    birth: date
    sex: str
    desa: str
    street: str
    phone: str
    email: str


def person(random: Random, number: int, day: date, *, age: int | None = None, kabupaten: str | None = None) -> Person:
    """The `number`-th person of a world; equal numbers give equal NIK serials, so numbers must differ."""
    years = age if age is not None else random.randint(19, 62)
    birth = day - timedelta(days=years * 365 + years // 4 + random.randint(20, 300))
    place = kabupaten or random.choices(list(KABUPATEN), [share for share, _ in KABUPATEN.values()])[0]
    kecamatan = f"{place}{random.randint(1, KABUPATEN[place][1]):02d}"
    sex = random.choice("LP")
    born_day = birth.day + (40 if sex == "P" else 0)
    serial = 9000 + number % 1000
    return Person(
        nik=f"{kecamatan}{born_day:02d}{birth:%m%y}{serial}",
        kk_no=f"{kecamatan}{random.randint(1, 28):02d}{random.randint(1, 12):02d}{random.randint(5, 24):02d}{serial}",
        name=f"{random.choice(_FIRST)} {random.choice(_SECOND)}",
        birth=birth,
        sex=sex,
        desa=f"{kecamatan}{2001 + random.randint(0, 11)}",
        street=f"Jl. {random.choice(_SECOND)} No. {random.randint(1, 90)} RT {random.randint(1, 9):02d}/RW {random.randint(1, 6):02d}",
        phone=f"0812000{number % 100000:05d}",
        email=f"pemohon.{number}@contoh.example",
    )
