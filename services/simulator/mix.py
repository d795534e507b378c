"""The parameters of `mix.yaml` and `ordinary.yaml`, read once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from services.simulator.values import ABSENT, Draw, Means, compiled, drawn, picker, table

HERE = Path(__file__).parent
Pick = Callable[[Random], Any]


@dataclass(frozen=True)
class Purpose:
    """One purpose: who applies, for how long, to where."""

    name: str
    season: str
    share: float
    women: float
    age: tuple[int, int, int]
    family: float
    stay: tuple[int, int]
    destination: Pick | None


class Honest:
    """What an honest applicant of one purpose fills in, shows and tells."""

    def __init__(self, every: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        self.firm: str | None = own.get("firm")
        self._form = table({**every["form"], **own.get("form", {})})
        self._talk = table({**every["talk"], **own.get("talk", {})})
        self._papers = [compiled(p) for p in (*every["papers"], *own.get("papers", []))]
        self._siskop: Draw = compiled(own.get("siskop"))

    def form(self, random: Random, day: date, means: Means) -> dict[str, Any]:
        return drawn(self._form, random, day, means)

    def talk(self, random: Random, day: date, means: Means) -> dict[str, Any]:
        return drawn(self._talk, random, day, means)

    def papers(self, random: Random, day: date, means: Means) -> list[dict[str, Any]]:
        """A group list stands only where a licensed firm does."""
        found = (draw(random, day, means) for draw in self._papers)
        return [p for p in found if p is not ABSENT and (p["type"] != "daftar_rombongan" or "issuer" in p)]

    def siskop(self, random: Random, day: date, means: Means) -> str | None:
        found: str | None = self._siskop(random, day, means)
        return found


@dataclass(frozen=True)
class Mix:
    """All of `mix.yaml`, with pickers made from its tables."""

    raw: Mapping[str, Any]
    purposes: Mapping[str, Purpose]
    honest: Mapping[str, Honest]
    shapes: tuple[tuple[str, str, float], ...]
    kabupaten: Pick
    seafarer_kabupaten: Pick
    product: Pick
    application_type: Pick
    channel: Pick

    def rate(self, name: str) -> float:
        value: float = self.raw["process"][name]
        return value


@cache
def mix() -> Mix:
    raw = yaml.safe_load((HERE / "mix.yaml").read_text(encoding="utf-8"))
    honest = yaml.safe_load((HERE / "ordinary.yaml").read_text(encoding="utf-8"))
    residence = {k: v for k, v in raw["residence"].items() if k != "others"} | raw["residence"]["others"]["among"]
    purposes = {
        name: Purpose(name, p["season"], p["share"], p["women"], tuple(p["age"]), p["family"], tuple(p["stay"]), picker(p["dest"]) if p["dest"] else None)
        for name, p in raw["purposes"].items()
    }  # fmt: skip
    return Mix(
        raw=raw,
        purposes=purposes,
        honest={name: Honest(honest["all"], own) for name, own in honest.items() if name != "all"},
        shapes=tuple((p.name, p.season, p.share) for p in purposes.values()),
        kabupaten=picker(residence),
        seafarer_kabupaten=picker(raw["seafarers_from"]),
        product=picker(raw["product"]),
        application_type=picker(raw["application_type"]),
        channel=picker(raw["channel"]),
    )
