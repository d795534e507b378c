"""Signed webhook in the form of Standard Webhooks: any of its libraries verifies it.

`webhook-id` is the idempotency key, `webhook-timestamp` the Unix time, `webhook-signature` `v1,` and the base64 of HMAC-SHA-256 over
`id.timestamp.body`; a receiver refuses times that are more than five minutes off. Each address has a secret of its own. The receiver
answers 2xx with `{"idempotency_key": …}`: an error page with status 200 is no receipt.
"""

import base64
import hmac
import time
from collections.abc import Callable
from hashlib import sha256

import orjson

from services.notify.channels.channel import Channel, Done, Later, Never, Notice, Result
from services.notify.channels.post import Post
from services.notify.settings import NotifySettings

NAME = "webhook"


def make(settings: NotifySettings) -> Channel | None:
    if settings.webhook_secret is None:
        return None
    allow = [each for each in settings.webhook_allow.split(",") if each]
    return Webhook(settings.webhook_secret.get_secret_value().encode(), Post(guarded=True, allow=allow))


class Webhook:
    """One POST to one address."""

    name = NAME

    def __init__(self, secret: bytes, post: Post, clock: Callable[[], float] = time.time) -> None:
        self._secret, self._post, self._clock = secret, post, clock

    def send(self, to: str, notice: Notice) -> Result:
        key, at = notice.idempotency_key, str(int(self._clock()))
        body = orjson.dumps(
            {
                "idempotency_key": key, "alert_ids": notice.alert_ids, "refs": notice.refs, "deadline": notice.deadline,
                "kind": notice.kind, "text": notice.text, "link": notice.link,
            }
        )  # fmt: skip
        signature = f"v1,{base64.b64encode(signed(self._secret, to, key, at, body)).decode()}"
        headers = {"webhook-id": key, "webhook-timestamp": at, "webhook-signature": signature, "Idempotency-Key": key}
        answer = self._post(to, body, headers, channel_fails=False)  # each address is a server of its own
        if isinstance(answer, Later | Never):
            return answer
        if not answer.good:
            return answer.refusal(channel_fails=False)
        if answer.json.get("idempotency_key") != key:
            return Later(f"answered {answer.status} without the key that was sent: no receipt", channel_fails=False)
        return Done(f"answered {answer.status} with the key")


def secret_of(secret: bytes, to: str) -> bytes:
    """The secret that the receiver at one address gets (`tppo notify secret URL`): nobody can sign for another."""
    return hmac.digest(secret, f"webhook\x1f{to}".encode(), sha256)


def signed(secret: bytes, to: str, key: str, at: str, body: bytes) -> bytes:
    return hmac.digest(secret_of(secret, to), f"{key}.{at}.".encode() + body, sha256)
