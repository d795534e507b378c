"""Sealing: AES-256-GCM, one data key per application, wrapped by the master key. Destroying the wrapped key erases all."""

import os
from dataclasses import dataclass

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
    """Wraps data keys. The embedded mode reads it from a file; a KMS takes its place behind these two methods."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the master key must have 32 bytes")
        self._key = key

    def new_data_key(self, owner: str) -> DataKey:
        clear = AESGCM.generate_key(256)
        return DataKey(clear, _seal(self._key, clear, owner), owner)

    def unwrap(self, wrapped: bytes, owner: str) -> DataKey:
        return DataKey(_open(self._key, wrapped, owner), wrapped, owner)
