"""Synthetic people, households and where they live. Nobody here exists: see `numbers` for what makes that sure."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from services.contracts import regions
from services.simulator import numbers
from services.simulator.values import picker

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Person:
    """Clear values of one synthetic person. `parents` are NIK, for the civil registry's answer."""

    nik: str
    kk_no: str
    name: str
    birth: date
    sex: str
    marital: str
    desa: str
    street: str
    phone: str
    email: str
    number: int
    parents: tuple[str, ...] = ()

    def age(self, day: date) -> int:
        return day.year - self.birth.year - ((day.month, day.day) < (self.birth.month, self.birth.day))


@cache
def _names() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / "names.yaml").read_text(encoding="utf-8"))
    return found


@cache
def _origin() -> Any:
    return picker({k: v["weight"] for k, v in _names().items() if k != "streets"})


class Population:
    """Makes people and numbers; equal calls in equal order make equal people. Holds counters only.

    Worlds that begin on different days get different numbers, so that they can be played into one system.
    """

    def __init__(self, first: date) -> None:
        self._of_kecamatan: Counter[str] = Counter()
        self._abroad: Counter[str] = Counter()
        self._people = self._before = first.toordinal() % 1000 * 50_000

    def phone(self, random: Random) -> str:
        self._people += 1
        return numbers.phone(self._people, spelling=int(random.random() * 3))

    def phone_abroad(self, country: str) -> str:
        """Unique until the prefix is used up, which takes ten thousand hosts in the smallest one."""
        self._abroad[country] += 1
        return numbers.phone(self._abroad[country] + self._before // 100, country)

    def person(
        self,
        random: Random,
        day: date,
        desa: str,
        age: int,
        sex: str,
        *,
        like: Person | None = None,
        parents: tuple[str, ...] = (),
    ) -> Person:
        """`like` is somebody of the same household: same card, address and phone habits. `age` in years on `day`."""
        kecamatan = desa[:6]
        number = self._of_kecamatan[kecamatan] + self._before // 50_000
        self._of_kecamatan[kecamatan] += 1
        self._people += 1
        birth = day.replace(year=day.year - age, day=1) - timedelta(days=int(random.random() * 330) + 1)
        card = like.kk_no if like else numbers.kk(kecamatan, date(2005 + int(random.random() * 18), 1 + int(random.random() * 12), 1 + int(random.random() * 28)), number)  # fmt: skip
        return Person(
            nik=numbers.nik(kecamatan, birth, sex, number),
            kk_no=card,
            name=_name(random, sex),
            birth=birth,
            sex=sex,
            marital="belum_kawin" if age < 23 else ("kawin" if random.random() < 0.8 else "cerai_hidup"),
            desa=desa,
            street=like.street if like else _street(random),
            phone=numbers.phone(self._people, spelling=int(random.random() * 3)),
            email=numbers.email(self._people),
            number=self._people,
            parents=parents,
        )

    def firm_or_go_between(self, random: Random, title: str = "") -> dict[str, str]:
        """A {name, phone} as told at the counter (R04)."""
        name = _name(random, "L" if random.random() < 0.6 else "P")
        return {"name": f"{title}{name}", "phone": self.phone(random)}


def a_desa(random: Random, kabupaten: str) -> str:
    every = regions.desa_of(kabupaten)
    return every[int(random.random() * len(every))]


def _name(random: Random, sex: str) -> str:
    kind = _names()[_origin()(random)]
    first = kind[sex][int(random.random() * len(kind[sex]))]
    if random.random() < kind["single"]:
        return str(first)
    return f"{first} {kind['last'][int(random.random() * len(kind['last']))]}"


def _street(random: Random) -> str:
    streets = _names()["streets"]
    street = streets[int(random.random() * len(streets))]
    rt, rw = 1 + int(random.random() * 9), 1 + int(random.random() * 8)
    return f"Jl. {street} No. {1 + int(random.random() * 99)} RT {rt:02d}/RW {rw:02d}"
