"""Telegram, by the Bot API: `to` is a chat id. The words are the notice's; Telegram sees nothing of a case."""

import orjson

from services.notify.channels.channel import Channel, Done, Later, Never, Notice, Result
from services.notify.channels.post import Post
from services.notify.settings import NotifySettings

NAME = "telegram"


def make(settings: NotifySettings) -> Channel | None:
    if settings.telegram_token is None:
        return None
    return Telegram(settings.telegram_url, settings.telegram_token.get_secret_value(), Post(guarded=False))


class Telegram:
    """One message to one chat."""

    name = NAME

    def __init__(self, url: str, token: str, post: Post) -> None:
        self._url, self._post = f"{url}/bot{token}/sendMessage", post

    def send(self, to: str, notice: Notice) -> Result:
        body = {
            "chat_id": to,
            "text": notice.text,
            "link_preview_options": {"is_disabled": True},
            "protect_content": True,
        }
        answer = self._post(self._url, orjson.dumps(body), {})
        if isinstance(answer, Later | Never):
            return answer
        said = answer.json
        if answer.good and said.get("ok") is True:
            return Done(f"message {said.get('result', {}).get('message_id', '?')}")
        if answer.status == 429:
            return Later("answered 429", float(said.get("parameters", {}).get("retry_after", 30)))
        if answer.status in (401, 404):  # our own token: nobody is reached until somebody mends the settings
            return Later(f"answered {answer.status}: the bot's token does not hold", channel_fails=True)
        if answer.good:
            return Later(f"answered {answer.status} without ok: no receipt", channel_fails=True)
        return answer.refusal()
