"""Sealing: AES-256-GCM, one data key per application, wrapped by the master key. Destroying the wrapped key erases all."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def _seal(key: bytes, clear: bytes, bound_to: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, clear, bound_to.encode())


def _open(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())


@dataclass(frozen=True)
class DataKey:
    """The key of one application: clear for the work at hand, wrapped for the store."""

    clear: bytes
    wrapped: bytes
    owner: str

    def seal(self, name: str, clear: bytes) -> bytes:
        """Bound to its owner and name, so that a sealed value cannot be moved to another place."""
        return _seal(self.clear, clear, f"{self.owner}\x1f{name}")

    def open(self, name: str, sealed: bytes) -> bytes:
        return _open(self.clear, sealed, f"{self.owner}\x1f{name}")


class MasterKey:
    """Wraps data keys. The embedded mode reads it from a file; a KMS takes its place behind these methods.

    The newest key wraps, older ones still unwrap. Deleted keys linger in the journal, the oplog and the backups of any store,
    so a data key is destroyed for good when the master key that wrapped it is: rotate, wrap the living ones anew, drop the old.
    """

    def __init__(self, *keys: bytes) -> None:
        self.follow(keys)

    def follow(self, keys: Sequence[bytes]) -> bool:
        """Take over a new list, oldest first; False when it is the same.

        A key that is gone from the list still opens until `forget`: another process may have used it a moment ago.
        """
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("each master key must have 32 bytes")
        known: tuple[bytes, ...] = getattr(self, "_keys", ())
        if known == tuple(keys):
            return False
        self._gone = {*getattr(self, "_gone", ()), *known} - set(keys)
        self._keys = tuple(keys)
        return True

    def forget(self) -> None:
        """Everything living is wrapped by a key of the list: those that are gone from it open nothing any more."""
        self._gone = set()

    @property
    def version(self) -> int:
        return len(self._keys)

    @property
    def fingerprint(self) -> str:
        """Names the newest key and says nothing about it."""
        return sha256(b"tppo master key " + self._keys[-1]).hexdigest()[:16]

    def new_data_key(self, owner: str) -> DataKey:
        clear = AESGCM.generate_key(256)
        return DataKey(clear, _seal(self._keys[-1], clear, owner), owner)

    def unwrap(self, wrapped: bytes, owner: str) -> DataKey:
        """InvalidTag when no master key that is left has wrapped it."""
        for key in (*reversed(self._keys), *self._gone):
            try:
                return DataKey(_open(key, wrapped, owner), wrapped, owner)
            except InvalidTag:
                continue
        raise InvalidTag

    def wrapped_anew(self, wrapped: bytes, owner: str) -> bytes | None:
        """The data key under the newest master key; None when it is already."""
        try:
            _open(self._keys[-1], wrapped, owner)
        except InvalidTag:
            return _seal(self._keys[-1], self.unwrap(wrapped, owner).clear, owner)
        return None
