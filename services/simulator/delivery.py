"""How events arrive: a little late, sometimes twice, an office's whole evening at once after an outage. And the spool.

The spool keeps what is still to come in one file a day, so that a country's months need the memory of one day (and about
2 GB of disk: three weeks of 20,000 applications a day are on their way).
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import BinaryIO

from services.simulator.life import WIB, Window, at

OFFLINE = ("eazy", "simpatik", "ukk")


@dataclass(frozen=True, slots=True)
class Arrived:
    """One upstream event as bytes of JSON, and when intake gets it."""

    at: datetime
    line: bytes


def arrival(moment: datetime, channel: str, outages: tuple[Window, ...], random: Random) -> datetime:
    """Seconds later; field units bring their events in the evening; an office without a line sends all when it is back."""
    arrived = moment + timedelta(milliseconds=int(random.random() ** 3 * 90000) + 200)
    if channel in OFFLINE and moment.hour < 18:
        arrived = at(moment.date(), 18) + timedelta(seconds=int(random.random() * 7200))
    for start, end in outages:
        if start <= arrived < end:
            return end + timedelta(seconds=int(random.random() * 300))
    return arrived


def outages(random: Random, first: date, last: date, a_year: float) -> tuple[Window, ...]:
    """Windows of one to six hours that begin in office hours."""
    days = (last - first).days + 1
    count = int(a_year * days / 365 + random.random())
    found = []
    for _ in range(count):
        start = at(first + timedelta(days=int(random.random() * days)), 8) + timedelta(
            minutes=int(random.random() * 360)
        )
        found.append((start, start + timedelta(minutes=60 + int(random.random() * 300))))
    return tuple(sorted(found))


class Spool:
    """Lines sorted by arrival, a file for each day not yet read. A context manager: the files go with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tppo-simulate-")
        self._files: dict[int, BinaryIO] = {}

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()
        self._folder.cleanup()

    def put(self, arrived: datetime, line: bytes) -> None:
        day = arrived.toordinal()
        file = self._files.get(day)
        if file is None:
            file = self._files[day] = (Path(self._folder.name) / str(day)).open("w+b")
        file.write(b"%016d\t%s\n" % (int(arrived.timestamp() * 1000), line))

    def take(self, before: date | None) -> Iterator[Arrived]:
        """Everything that arrives before a day (None: all), in order of arrival, ties by the bytes of the event."""
        last = before.toordinal() if before else 10**9
        for day in sorted(d for d in self._files if d < last):
            file = self._files.pop(day)
            file.seek(0)
            lines = sorted(file)
            file.close()
            (Path(self._folder.name) / str(day)).unlink()
            for line in lines:
                yield Arrived(datetime.fromtimestamp(int(line[:16]) / 1000, WIB), line[17:-1])
