"""Signed webhook: HMAC-SHA-256 over time and body, no redirects. httpx, since the receipt is the receiver's status.

`X-Tppo-Signature: t=<unix time>,v1=<hex of HMAC(secret, "<time>.<body>")>`; a receiver refuses old times.
"""

import hmac
import time
from collections.abc import Callable
from hashlib import sha256

import httpx
import orjson

from services.notify.channels.channel import Done, Later, Never, Notice, Result


class Webhook:
    """One POST to one address."""

    name = "webhook"

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time, timeout_s: float = 10) -> None:
        self._secret, self._clock = secret, clock
        self._http = httpx.Client(follow_redirects=False, timeout=timeout_s)

    def send(self, to: str, notice: Notice) -> Result:
        body = orjson.dumps(
            {"alert_id": notice.alert_id, "text": notice.text, "idempotency_key": notice.idempotency_key}
        )
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": notice.idempotency_key,
            "X-Tppo-Signature": signature(self._secret, int(self._clock()), body),
        }
        try:
            answer = self._http.post(to, content=body, headers=headers)
        except httpx.HTTPError as error:
            return Later(type(error).__name__)
        if answer.is_success:
            return Done(f"answered {answer.status_code}")
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
            wait = answer.headers.get("Retry-After", "")
            return Later(f"answered {answer.status_code}", float(wait) if wait.isdigit() else None)
        return Never(f"answered {answer.status_code}")


def signature(secret: bytes, at: int, body: bytes) -> str:
    return f"t={at},v1={hmac.digest(secret, f'{at}.'.encode() + body, sha256).hex()}"
