"""Channels: one file each. A channel sends one notice to one address and says done, later, or never; it decides nothing else.

Every module here that has `make(settings)` is a channel; there is no list to keep. `make` gives None when the settings leave it out.
"""

import importlib
import pkgutil
from typing import Any

from services.notify.channels.channel import Channel
from services.notify.settings import NotifySettings


def names() -> set[str]:
    """Of every channel there is, set up or not."""
    return {m.NAME for m in _modules()}


def make_all(settings: NotifySettings) -> dict[str, Channel]:
    """The channels that the settings allow, by name."""
    return {m.NAME: made for m in _modules() if (made := m.make(settings)) is not None}


def _modules() -> list[Any]:
    found = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return [m for m in found if hasattr(m, "make")]
