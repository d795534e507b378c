"""The 64-bit simhash of the coded answers of an interview (R63). Near answers differ in few bits.

Each "field=value" of the coded answers, lists sorted, is hashed with BLAKE2b to 64 bits; every bit votes +1 or −1, and
the sign of the sum is the bit of the result. Test vector: {"purpose_confirmed": "wisata", "knows_itinerary": 0,
"return_ticket": false} gives the value in `TEST_VECTOR`.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

TEST_ANSWERS: dict[str, Any] = {"purpose_confirmed": "wisata", "knows_itinerary": 0, "return_ticket": False}
TEST_VECTOR = "60a866ca33d81e64"


def simhash(answers: Mapping[str, Any]) -> str:
    """16 hex digits; an empty mapping gives zeros."""
    numbers = []
    for field, value in answers.items():
        shown = sorted(value, key=repr) if isinstance(value, list) else value
        feature = field.encode() + b"=" + orjson.dumps(shown)
        numbers.append(int.from_bytes(blake2b(feature, digest_size=8).digest(), "big"))
    half = len(numbers) / 2
    return f"{sum(1 << bit for bit in range(64) if sum(n >> bit & 1 for n in numbers) > half):016x}"
