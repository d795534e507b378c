"""Sending at one place: a few threads, one person's messages one after the other, and a breaker for each channel."""

import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notify.channels.channel import Channel, Later, Never, Notice, Result
from services.runtime import faults

THREADS = 16
PATIENCE_S = 45.0  # channels end within 20 s by themselves
FAILURES, REST, LONGEST_REST = 5, timedelta(seconds=30), timedelta(minutes=10)


@dataclass(frozen=True)
class Message:
    """One notice to one person by one channel; it may hold several alerts."""

    person: str
    channel: str
    to: str
    notice: Notice


@dataclass
class Breaker:
    """A channel that fails again and again rests for a while; then one failure is enough to let it rest again, longer."""

    failures: int = 0
    rests: int = 0
    until: datetime | None = None

    def heard(self, result: Result, now: datetime) -> None:
        if not (isinstance(result, Later) and result.channel_fails):
            self.failures, self.rests, self.until = 0, 0, None
            return
        self.failures += 1
        if self.failures >= FAILURES and (self.until is None or self.until <= now):
            self.until = now + min(REST * 2**self.rests, LONGEST_REST)
            self.rests = min(self.rests + 1, 10)


class Sender:
    """Takes messages, gives results; never blocks for longer than it is asked to.

    `flying` holds the ids of alerts whose message is queued or on its way; the thread that calls `start` and `results` alone writes it.
    """

    def __init__(self, channels: Mapping[str, Channel], clock: Callable[[], datetime], threads: int = THREADS) -> None:
        self._channels, self._clock = channels, clock
        self._pool = ThreadPoolExecutor(threads, "send")
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Message]] = {}  # by person; a person in here has a thread
        self._begun: dict[str, tuple[Message, float]] = {}  # on its way, by person
        self._results: queue.SimpleQueue[tuple[Message, Result]] = queue.SimpleQueue()
        self._breakers: dict[str, Breaker] = defaultdict(Breaker)
        self.flying: set[str] = set()

    @property
    def names(self) -> list[str]:
        return sorted(self._channels)

    def start(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.flying.update(message.notice.alert_ids)
            with self._lock:
                idle = message.person not in self._waiting
                self._waiting.setdefault(message.person, deque()).append(message)
            if idle:
                self._pool.submit(self._drain, message.person)

    def results(self, seconds: float) -> list[tuple[Message, Result]]:
        """What is known by now; waits up to `seconds` while something is on its way."""
        found: list[tuple[Message, Result]] = []
        until = time.monotonic() + seconds
        self._give_up()
        while self.flying:
            left = until - time.monotonic()
            try:
                message, result = self._results.get(timeout=left) if left > 0 else self._results.get_nowait()
            except queue.Empty:
                break
            self.flying.difference_update(message.notice.alert_ids)
            self._breakers[message.channel].heard(result, self._clock())
            found.append((message, result))
        return found

    def shut(self, now: datetime) -> dict[str, datetime]:
        """Channels that rest, and until when."""
        return {name: b.until for name, b in self._breakers.items() if b.until is not None and b.until > now}

    def close(self) -> None:
        """Let what is on its way end; what only waits is sent by whoever finds its lease over."""
        with self._lock:
            for waiting in self._waiting.values():
                waiting.clear()
        self._pool.shutdown(wait=True)

    def _drain(self, person: str) -> None:
        while True:
            with self._lock:
                if not self._waiting[person]:
                    del self._waiting[person]
                    return
                message = self._waiting[person].popleft()
                self._begun[person] = message, time.monotonic()
            result = self._send(message)
            with self._lock:
                if self._begun.get(person, (None,))[0] is not message:
                    return  # given up: another thread goes on with this person
                del self._begun[person]
                self._results.put((message, result))

    def _give_up(self) -> None:
        """A channel that does not come back holds nobody up: its thread is left alone, and the person's messages go on."""
        with self._lock:
            now = time.monotonic()
            for person, (message, begun) in list(self._begun.items()):
                if now - begun > PATIENCE_S:
                    del self._begun[person]
                    self._results.put((message, Later("the channel did not come back", channel_fails=True)))
                    self._pool.submit(self._drain, person)

    def _send(self, message: Message) -> Result:
        channel = self._channels.get(message.channel)
        if channel is None:
            return Never(f"the channel {message.channel} is not set up")
        faults.point("notify.before_send")
        try:
            result = channel.send(message.to, message.notice)
        except Exception as error:  # a fault of ours in one channel must not lose the alert
            result = Later(f"{message.channel}: {type(error).__name__}", channel_fails=True)
        faults.point("notify.after_send")
        return result
