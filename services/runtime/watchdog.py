"""Ends a process that stands still, so that another worker takes its partitions over: a hung step would hold them for ever."""

import os
import threading
import time
from collections.abc import Callable

import structlog

EXIT_STALLED = 71
LOOKS_EVERY_S = 1.0


class Progress:
    """When work last went on. Waiting for work, or for a part that is away, is no standstill: say so by `moved`."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def moved(self) -> None:
        self._at = time.monotonic()

    def age(self) -> float:
        """Seconds."""
        return time.monotonic() - self._at


def watch(
    progress: Progress,
    limit_s: float,
    log: structlog.typing.FilteringBoundLogger,
    end: Callable[[int], object] = os._exit,
) -> threading.Thread:
    """A thread of its own, so that a blocked event loop is seen as well."""

    never = threading.Event()  # time.sleep fails where a test replaces the clock

    def look() -> None:
        while (age := progress.age()) < limit_s:
            never.wait(min(LOOKS_EVERY_S, limit_s - age))
        log.error("the worker stands still and ends itself", seconds=round(age, 1))
        end(EXIT_STALLED)

    thread = threading.Thread(target=look, name="watchdog", daemon=True)
    thread.start()
    return thread
