"""The regions of Indonesia by Kemendagri code without dots: kabupaten 4 digits, kecamatan 6, desa 10.

A lookup of names and a check of codes. No condition may read a region as a sign. The lists are those of today: a code
that is not in them may be an old one, so unknown is not wrong (events.md, section 7).
"""

import csv
import lzma
from collections.abc import Mapping
from functools import cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

AREAS = Path(__file__).parent / "areas"


@cache
def kabupaten() -> Mapping[str, str]:
    """Name by code, 514 kabupaten and kota."""
    return _read("regencies.csv")


@cache
def kecamatan() -> Mapping[str, str]:
    """Name by code, 7,285 kecamatan."""
    return _read("districts.csv")


@cache
def desa() -> Mapping[str, str]:
    """Name by code, 83,762 desa and kelurahan. Takes a tenth of a second the first time."""
    return _read("villages.csv.xz")


@cache
def desa_of(code: str) -> tuple[str, ...]:
    """Codes of the desa of a kecamatan or kabupaten, in order."""
    return tuple(_by_kecamatan().get(code, ())) if len(code) == 6 else tuple(c for c in desa() if c.startswith(code))


@cache
def _by_kecamatan() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in desa():
        found.setdefault(code[:6], []).append(code)
    return found


class Place(NamedTuple):
    """Degrees; `within_km`: how far the true place may well be (nine of ten are nearer, measured on Java)."""

    latitude: float
    longitude: float
    within_km: int


def place(code: str) -> Place | None:
    """Of a kecamatan or kabupaten; that of the kabupaten stands for a kecamatan nobody has placed. None when neither is known."""
    for known, within_km in ((code[:6], 0), (code[:4], 35)):
        if known in _places():
            return Place(*_places()[known], within_km if len(code) > 4 else 0)
    return None


def distance_km(one: Place, other: Place) -> float:
    """As the crow flies."""
    north, south = radians(one.latitude), radians(other.latitude)
    across = sin((south - north) / 2) ** 2
    along = cos(north) * cos(south) * sin(radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(across + along))


EARTH_KM = 6371


@cache
def _places() -> Mapping[str, tuple[float, float]]:
    with (AREAS / "places.csv").open(encoding="utf-8") as source:
        rows = csv.DictReader(source)
        return MappingProxyType({r["code"]: (float(r["latitude"]), float(r["longitude"])) for r in rows})


def _read(name: str) -> Mapping[str, str]:
    path = AREAS / name
    with lzma.open(path, "rt", encoding="utf-8") if name.endswith(".xz") else path.open(encoding="utf-8") as source:
        return MappingProxyType({row["code"]: row["name"] for row in csv.DictReader(source)})
