"""Waiting polls with a deadline; nothing sleeps and hopes."""

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], what: str | Callable[[], str], seconds: float = 20) -> None:
    """Ask again until it is so; the failure says what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.05)
