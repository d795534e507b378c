"""The desk: a person reads the own inbox (`GET /inbox`, `tppo notify inbox`). What was told stands in the alert itself."""

from services.notify.channels.channel import Channel, Done, Notice, Result
from services.notify.settings import NotifySettings

NAME = "desk"


def make(settings: NotifySettings) -> Channel | None:
    return Desk()


class Desk:
    """Always there; it reaches only who looks."""

    name = NAME

    def send(self, to: str, notice: Notice) -> Result:
        return Done("stands in the inbox")
