"""The oldest entries of a time index, read in pieces of it.

A store may read every match of a range before it sorts and limits (the embedded one does: 5 s for 31,000 matches of which 50 were
wanted). So no range is open where many entries may stand; on a store that stops at the limit the pieces cost a few round trips.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

T = TypeVar("T")
# Entries with after < time <= until, oldest first, `limit` at most; `after` None is the beginning of time.
Find = Callable[[datetime | None, datetime, int], list[T]]
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=1)


def walk(find: Find[T], after: datetime, until: datetime, limit: int) -> list[T]:
    """The oldest `limit` entries of a range, in pieces that double up to a day."""
    width, found = SHORTEST, list[T]()
    while after < until and len(found) < limit:
        end = min(after + width, until)
        found += find(after, end, limit - len(found))
        after, width = end, min(2 * width, LONGEST)
    return found


class Oldest:
    """Remembers where the oldest entry stood, so that a look costs what it finds. What comes in before that place is found as well."""

    def __init__(self) -> None:
        self._low: datetime | None = None

    def until(self, until: datetime, limit: int, find: Find[T], time: Callable[[T], datetime]) -> list[T]:
        """The oldest `limit` entries up to a moment. The first look after a start reads what stands there, once."""
        low = min(self._low or until, until)
        found = find(None, low, limit)
        if len(found) < limit:
            found += walk(find, low, until, limit - len(found))
        self._low = time(found[0]) if found else until
        return found
