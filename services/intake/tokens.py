"""Keyed tokens: HMAC-SHA-256 with a key per kind and version. Equal things of one kind are equal tokens, nothing else is.

NIK and phone spaces are small enough to enumerate, so a token is safe only as long as its key is: whoever has the key of a
kind tries all 10^10 Indonesian mobile numbers in some hours on one core (half a million tokens a second), and all NIK of one
known birth date and kecamatan (10^4) at once. Without it there is nothing to try but keys of 256 bits; a token is cut to 128
bits, so two of a hundred million values meet by chance with a probability of 10^-23.

Keys rotate without a clear value: a token of version n is an HMAC, with the key of version n, over the token of version n - 1.
A leaked older key then opens nothing that was moved; the keys before stay in use as the inner steps.
"""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from services.contracts.tokens import version_of
from services.intake import normalise

POSITION_SPAN = 10**9
BYTES = 16


class Tokeniser:
    """Tokens of the newest key version; `roots` holds the root of each version, oldest first."""

    def __init__(self, *roots: bytes) -> None:
        self.follow(roots)

    def follow(self, roots: Sequence[bytes]) -> bool:
        """Take over newer roots; False when nothing is new. ValueError when known ones are missing or changed."""
        if not roots or any(len(root) < 32 for root in roots):
            raise ValueError("each token key must have at least 32 bytes")
        known: tuple[bytes, ...] = getattr(self, "_roots", ())
        if tuple(roots[: len(known)]) != known:
            raise ValueError("a token key that is in use is missing or changed: add a version, never take one away")
        if tuple(roots) == known:
            return False
        kinds = (*normalise.BY_KIND, "series", "position")
        self._steps = {k: [_derive(root, k, n) for n, root in enumerate(roots, 1)] for k in kinds}
        self._roots = tuple(roots)
        return True

    @property
    def version(self) -> int:
        return len(self._roots)

    def token(self, kind: str, value: str, *, scope: str = "") -> str | None:
        """The token of a value, None when the value cannot be normalised. `scope` joins an address to its desa."""
        clean = normalise.BY_KIND[kind](value)
        return None if clean is None else self._hash(kind, f"{scope}\x1f{clean}" if scope else clean)

    def every(self, kind: str, value: str) -> list[str]:
        """The tokens of a value by all key versions, for what may not have been moved yet; empty when it cannot be read."""
        clean = normalise.BY_KIND[kind](value)
        if clean is None:
            return []
        digest = hmac.digest(self._steps[kind][0], clean.encode(), sha256)[:BYTES]
        first = f"{kind}.1.{digest.hex()}"
        return [first, *(self._stepped(kind, digest, 1, upto) for upto in range(2, self.version + 1))]

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
        name = "\x1f".join((type_, issuer or "", clean[: last.start()], clean[last.end() :]))
        # The shift belongs to the first key version for good: places of one series are compared across rotations.
        first = f"series.1.{hmac.digest(self._steps['series'][0], name.encode(), sha256)[:BYTES].hex()}"
        key = self._steps["position"][0]
        shift = int.from_bytes(hmac.digest(key, first.encode(), sha256)[:8], "big") % POSITION_SPAN
        return self._hash("series", name), int(last.group()[-15:]) + shift

    def newest(self, token: str) -> str | None:
        """An older token as one of the newest keys; None when it is none of ours or newer than our keys."""
        version, kind = version_of(token), token.partition(".")[0]
        if version is None or version > self.version or kind not in self._steps:
            return None
        return self._stepped(kind, bytes.fromhex(token.rpartition(".")[2]), version)

    def _hash(self, kind: str, clean: str) -> str:
        return self._stepped(kind, hmac.digest(self._steps[kind][0], clean.encode(), sha256)[:BYTES], 1)

    def _stepped(self, kind: str, digest: bytes, version: int, upto: int | None = None) -> str:
        upto = upto or self.version
        for key in self._steps[kind][version:upto]:
            digest = hmac.digest(key, digest, sha256)[:BYTES]
        return f"{kind}.{upto}.{digest.hex()}"


def _derive(root: bytes, kind: str, version: int) -> bytes:
    return HKDFExpand(SHA256(), 32, f"tppo token {kind} v{version}".encode()).derive(root)
