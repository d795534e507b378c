"""ntfy, Matrix, XMPP and a hundred more, by Apprise: `to` is an Apprise address such as `ntfys://ntfy.example/topic`.

One address a call, so that each has a receipt of its own; Apprise's whole answer is yes or no, so a no is "later". It sends the mail's
words as plain text; its own log is silenced, since it holds addresses.
"""

import logging

import apprise

from services.notify.channels.channel import Channel, Done, Later, Never, Notice, Result
from services.notify.settings import NotifySettings

NAME = "gateway"
SCHEMES = {"irc", "ircs", "ntfy", "ntfys", "matrix", "matrixs", "xmpp", "xmpps", "gotify", "gotifys", "rocket", "rockets", "mmost", "mmosts", "nctalk", "nctalks"}  # fmt: skip
logging.getLogger("apprise").setLevel(logging.CRITICAL)


def make(settings: NotifySettings) -> Channel | None:
    return Gateway(SCHEMES)


class Gateway:
    """One message to one address."""

    name = NAME

    def __init__(self, schemes: set[str]) -> None:
        self._schemes = schemes
        self._asset = apprise.AppriseAsset(
            app_id="tppo-notify", secure_logging=True, http_redirects=False, async_mode=False
        )

    def send(self, to: str, notice: Notice) -> Result:
        scheme = to.partition("://")[0].lower()
        if scheme not in self._schemes:
            return Never(f"scheme {scheme[:20]} is not one of a gateway that can be kept in house")
        target = apprise.Apprise(asset=self._asset)
        if not target.add(to):
            return Never("is not an address that Apprise can read")
        try:
            done = target.notify(title=notice.subject, body=notice.text, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:
            return Later(f"Apprise: {type(error).__name__}")
        return Done("Apprise says yes") if done else Later("Apprise says no")
