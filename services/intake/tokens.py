"""Keyed tokens: HMAC-SHA-256 with a key per kind and version. Equal things of one kind are equal tokens, nothing else is.

NIK and phone spaces are small enough to enumerate, so a token is safe only as long as its key is: whoever has the key of a
kind tries all 10^10 Indonesian mobile numbers in some hours on one core (half a million tokens a second), and all NIK of one
known birth date and kecamatan (10^4) at once. Without it there is nothing to try but keys of 256 bits; a token is cut to 128
bits, so two of a hundred million values meet by chance with a probability of 10^-23.
"""

import hmac
import re
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from services.intake import normalise

POSITION_SPAN = 10**9


class Tokeniser:
    """Tokens of one key version."""

    def __init__(self, root: bytes, version: int = 1) -> None:
        if len(root) < 32:
            raise ValueError("the token key must have at least 32 bytes")
        self.version = version
        self._keys = {kind: self._derive(root, kind) for kind in (*normalise.BY_KIND, "series", "position")}

    def _derive(self, root: bytes, kind: str) -> bytes:
        return HKDFExpand(SHA256(), 32, f"tppo token {kind} v{self.version}".encode()).derive(root)

    def token(self, kind: str, value: str, *, scope: str = "") -> str | None:
        """The token of a value, None when the value cannot be normalised. `scope` joins an address to its desa."""
        clean = normalise.BY_KIND[kind](value)
        return None if clean is None else self._hash(kind, f"{scope}\x1f{clean}" if scope else clean)

    def person(self, name: str, phone: str | None) -> tuple[str | None, bool]:
        """Token of a person-like value and whether it is weak: by phone when there is a good one, else by name (R04)."""
        strong = self.token("phone", phone) if phone else None
        return (strong, False) if strong else (self.token("name", name), True)

    def series(self, type_: str, issuer: str | None, number: str) -> tuple[str, int] | None:
        """Series of a document number and the place in it, shifted by a secret of the series (R63)."""
        clean = normalise.plain(number) or ""
        runs = list(re.finditer(r"\d+", clean))
        if not runs:
            return None
        last = runs[-1]
        series = self._hash("series", "\x1f".join((type_, issuer or "", clean[: last.start()], clean[last.end() :])))
        shift = int.from_bytes(hmac.digest(self._keys["position"], series.encode(), sha256)[:8], "big") % POSITION_SPAN
        return series, int(last.group()[-15:]) + shift

    def _hash(self, kind: str, clean: str) -> str:
        return f"{kind}.{self.version}.{hmac.digest(self._keys[kind], clean.encode(), sha256)[:16].hex()}"
