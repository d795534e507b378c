"""Links and reply codes to acknowledge with: made from a secret, bound to one message and one person. Pure.

A link ends with 130 bits of HMAC; the store keeps its hash only, so who reads the store cannot acknowledge. A code has six digits,
counts only from the phone it was sent to, and only a few tries are heard.
"""

import base64
import hmac
from datetime import datetime, timedelta
from hashlib import sha256

AFTER_DEADLINE = timedelta(days=7)
LENGTH = 26


def token(secret: bytes, key: str, person: str) -> str:
    """What a link ends with."""
    return (
        base64.b32encode(hmac.digest(secret, f"link\x1f{key}\x1f{person}".encode(), sha256)).decode()[:LENGTH].lower()
    )


def hashed(given: str) -> str:
    return sha256(given.encode()).hexdigest()


def code(secret: bytes, key: str, person: str) -> str:
    """Six digits to answer by SMS."""
    digest = hmac.digest(secret, f"code\x1f{key}\x1f{person}".encode(), sha256)
    return f"{int.from_bytes(digest[:8], 'big') % 10**6:06d}"


def expires(deadline: datetime) -> datetime:
    return deadline + AFTER_DEADLINE
