"""The offices of the country and the kabupaten each serves. Only Cilacap's area is given; the others are shared out."""

from functools import cache

from services.contracts import regions
from services.simulator.mix import Pick
from services.simulator.values import picker

OFFICES = 151  # January 2026 [S80]
CILACAP = ("3301", "3302", "3303", "3304", "3305")
# Codes of the reference (R39) with the kabupaten or kota the office stands in.
KNOWN = {"WSB": "3307", "PML": "3327", "SMG": "3374", "PTI": "3318", "SKA": "3372"}


@cache
def country() -> dict[str, tuple[str, ...]]:
    """Kabupaten by office code, neighbours together. An office without a known code gets one made from its first kabupaten."""
    rest = [k for k in regions.kabupaten() if k not in CILACAP and k not in KNOWN.values()]
    found: dict[str, tuple[str, ...]] = {"CLP": CILACAP, **{code: (k,) for code, k in KNOWN.items()}}
    left = OFFICES - len(found)
    for n in range(left):
        part = rest[n * len(rest) // left : (n + 1) * len(rest) // left]
        found[f"K{part[0]}"] = tuple(part)
    return found


def residents(code: str) -> Pick:
    """Draws the kabupaten of an applicant, by the number of its villages."""
    return picker({k: len(regions.desa_of(k)) or 1 for k in country()[code]})
