"""WhatsApp, by the Cloud API of Meta: `to` is a phone in E.164. A business may begin a talk only with a template it had approved.

The template takes three texts in this order: reference or number of referrals, deadline, link.
"""

import orjson

from services.notify.channels.channel import Channel, Done, Later, Never, Notice, Result
from services.notify.channels.post import Answer, Post
from services.notify.settings import NotifySettings

NAME = "whatsapp"
UNREACHABLE = {131026, 131030, 131021, 100}  # no such user, not in the allowed list, to oneself, malformed number
BUSY = {4, 80007, 130429, 131048, 131056, 131016, 131000}
OURS = {0, 190, 3, 10, 200, 132000, 132001, 132015}  # token or template


def make(settings: NotifySettings) -> Channel | None:
    if settings.whatsapp_token is None:
        return None
    token = settings.whatsapp_token.get_secret_value()
    return WhatsApp(settings.whatsapp_url, token, settings.whatsapp_template, Post(guarded=False))


class WhatsApp:
    """One template message to one phone."""

    name = NAME

    def __init__(self, url: str, token: str, template: str, post: Post) -> None:
        self._url, self._token, self._template, self._post = url, token, template, post

    def send(self, to: str, notice: Notice) -> Result:
        what = notice.refs[0] if len(notice.refs) == 1 else f"{len(notice.refs)} rujukan"
        texts = [{"type": "text", "text": each} for each in (what, notice.deadline, notice.link or "-")]
        template = f"{self._template}_{notice.kind}" if notice.kind in ("over", "drill") else self._template
        body = {
            "messaging_product": "whatsapp", "to": to.removeprefix("+"), "type": "template", "biz_opaque_callback_data": notice.idempotency_key,
            "template": {"name": template, "language": {"code": notice.language}, "components": [{"type": "body", "parameters": texts}]},
        }  # fmt: skip
        answer = self._post(self._url, orjson.dumps(body), {"Authorization": f"Bearer {self._token}"})
        if isinstance(answer, Later | Never):
            return answer
        messages = answer.json.get("messages")
        if answer.good and isinstance(messages, list) and messages:
            return Done(f"message {str(messages[0].get('id', '?'))[-24:]}")
        return _refusal(answer)


def _refusal(answer: Answer) -> Result:
    code = answer.json.get("error", {}).get("code") if isinstance(answer.json.get("error"), dict) else None
    if code in UNREACHABLE:
        return Never(f"answered {answer.status}, error {code}")
    if code in BUSY:
        return Later(f"answered {answer.status}, error {code}", 60.0)
    if code in OURS or answer.good or answer.status in (401, 403):
        return Later(f"answered {answer.status}, error {code}", channel_fails=True)
    return answer.refusal()
