"""The regions of Indonesia by Kemendagri code without dots: kabupaten 4 digits, kecamatan 6, desa 10.

A lookup of names and a check of codes. No condition may read a region as a sign. The lists are those of today: a code
that is not in them may be an old one, so unknown is not wrong (events.md, section 7).
"""

import csv
import lzma
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

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


def _read(name: str) -> Mapping[str, str]:
    path = AREAS / name
    with lzma.open(path, "rt", encoding="utf-8") if name.endswith(".xz") else path.open(encoding="utf-8") as source:
        return MappingProxyType({row["code"]: row["name"] for row in csv.DictReader(source)})
