"""A clock that never goes back: when the machine's is set back, it goes on by the time that really passed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class SteadyClock:
    """Wall time, or the last moment plus what has passed since, whichever is later: no timer fires twice or stands still."""

    def __init__(self, wall: Callable[[], float] = time.time, passed: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._passed = wall, passed
        self._last, self._at = wall(), passed()

    def __call__(self) -> datetime:
        at = self._passed()
        self._last = max(self._wall(), self._last + (at - self._at))
        self._at = at
        return datetime.fromtimestamp(self._last, UTC)
