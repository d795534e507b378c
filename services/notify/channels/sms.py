"""SMS through SMS Gateway for Android (open source): a telephone of the office sends. `to` is a phone in E.164.

Its answers come back to `POST /replies/sms` as signed webhooks. A message id that it knows is not sent a second time.
"""

import base64

import orjson

from services.notify.channels.channel import Channel, Done, Later, Never, Notice, Result
from services.notify.channels.post import Post
from services.notify.settings import NotifySettings

NAME = "sms"


def make(settings: NotifySettings) -> Channel | None:
    if not settings.sms_url:
        return None
    password = settings.sms_password.get_secret_value() if settings.sms_password else ""
    return Sms(settings.sms_url, settings.sms_user, password, Post(guarded=False))


class Sms:
    """One SMS to one phone."""

    name = NAME

    def __init__(self, url: str, user: str, password: str, post: Post) -> None:
        self._url, self._post = f"{url.rstrip('/')}/messages", post
        self._login = base64.b64encode(f"{user}:{password}".encode()).decode()

    def send(self, to: str, notice: Notice) -> Result:
        body = {
            "id": notice.idempotency_key,
            "textMessage": {"text": notice.short},
            "phoneNumbers": [to],
            "withDeliveryReport": True,
        }
        answer = self._post(self._url, orjson.dumps(body), {"Authorization": f"Basic {self._login}"})
        if isinstance(answer, Later | Never):
            return answer
        if answer.status == 409:
            return Done("known to the gateway already")
        if answer.good and answer.json.get("id") == notice.idempotency_key:
            return Done(f"gateway says {str(answer.json.get('state', '?'))[:20]}")
        if answer.good:
            return Later(f"answered {answer.status} without our id: no receipt", channel_fails=True)
        if answer.status in (401, 403):
            return Later(f"answered {answer.status}: the gateway does not know us", channel_fails=True)
        return answer.refusal()
