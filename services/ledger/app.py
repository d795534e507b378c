"""Wiring of the ledger: one consumer of all topics, counts as metrics, open ids on a page."""

import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import Gauge

from services.contracts.alerts import AlertProgressed, AlertRequested
from services.contracts.assessments import RiskAssessed
from services.contracts.cases import CaseMoved
from services.contracts.message import decode
from services.contracts.network import RingAssessed
from services.contracts.passport_events import EventAccepted
from services.ledger import statistics
from services.ledger.counts import Count, counts
from services.ledger.match import Note, notes, of
from services.ledger.settings import LedgerSettings
from services.ledger.store import INDEXES, Counts, Items
from services.runtime import health, logs
from services.runtime.broker import Incoming, Producer, consumer
from services.runtime.documents import connect, migrate
from services.runtime.failures import Reject
from services.runtime.loop import ConsumerLoop, Handler

COUNT_EVERY_S = 1.0
SUMMARY_EVERY_S = 2.0  # a summary reads every item: whoever asks more often gets the last one
STATISTICS_EVERY_S = 60.0
FLAGGED = Gauge("tppo_routes_flagged", "Routing rules with three expired referrals or more in ninety days.")
GAUGES = {
    "event": Gauge("tppo_unaccounted_events", "Accepted events without an outcome yet."),
    "case": Gauge("tppo_unaccounted_cases", "Assessments that ask for a case which is not there yet."),
    "referral": Gauge("tppo_unaccounted_referrals", "Sent referrals that are not in their queue yet."),
    "alert": Gauge("tppo_unaccounted_alerts", "Requested alerts that are not delivered yet."),
    "erasure": Gauge("tppo_unaccounted_erasures", "Erasures that a service has not confirmed yet."),
}


class Book:
    """Collects what a batch says and writes it at once, before the commit."""

    def __init__(self, items: Items, kept: Counts) -> None:
        self._items, self._kept = items, kept
        self._pending: list[Note] = []
        self._to_count: list[Count] = []
        self._counted = 0.0
        self._looked = 0.0

    def read(self, message: Incoming) -> None:
        try:
            if message.value is None or message.topic.endswith("-dlq"):
                self._pending += notes(message.topic, message.kind, message.value)
                return
            said = decode(message.kind, message.value)  # once, for both
            self._pending += of(said)
            self._to_count += counts(said)
        except ValueError as error:
            raise Reject(f"cannot be read: {type(error).__name__}") from None

    def write(self) -> int:
        written = len(self._pending)
        self._items.write(self._pending, datetime.now(UTC))
        self._kept.write(self._to_count)
        self._pending, self._to_count = [], []
        if time.monotonic() - self._looked > STATISTICS_EVERY_S:
            self._looked = time.monotonic()
            FLAGGED.set(len(self.flags()))
        if time.monotonic() - self._counted > COUNT_EVERY_S:
            self._counted = time.monotonic()
            for kind, open_ in self._items.unaccounted().items():
                GAUGES[kind].set(open_)
        return written

    def flags(self) -> list[dict[str, Any]]:
        """Rules that somebody should review."""
        since = datetime.now(UTC).date() - timedelta(days=statistics.FLAG_DAYS)
        return statistics.flags(self._kept.expired(since))

    def statistics(self) -> dict[str, Any]:
        """The tables of the office."""
        return statistics.tables(self._kept.groups(), datetime.now(UTC).date())


class Cached:
    """A page that costs much: whoever asks more often than `every_s` gets the last answer."""

    def __init__(self, make: Callable[[], Any], every_s: float) -> None:
        self._make, self._every_s = make, every_s
        self._last: tuple[float, Any] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Any:
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > self._every_s:
                self._last = (time.monotonic(), self._make())
            return self._last[1]


def topics(agencies: list[str]) -> list[str]:
    """Everything that says what went in or came out."""
    house = [EventAccepted.TOPIC, f"{EventAccepted.TOPIC}-dlq", RiskAssessed.TOPIC, RingAssessed.TOPIC, CaseMoved.TOPIC]
    return [*house, AlertRequested.TOPIC, AlertProgressed.TOPIC, *(f"queue-{a}" for a in agencies)]


def main() -> None:
    settings = LedgerSettings.load()
    log = logs.set_up("ledger")
    state = health.Health()
    migrate(settings.store, "ledger", INDEXES)
    database = connect(settings.store, "ledger")
    items = Items(database)
    book = Book(items, Counts(database))
    pages: dict[str, health.Page] = {
        "/summary": Cached(items.summary, SUMMARY_EVERY_S), "/open": items.open_ids, "/routes": book.flags,
        "/statistics": Cached(book.statistics, SUMMARY_EVERY_S),
    }  # fmt: skip
    health.serve(settings.admin_host, settings.admin_port, state, pages)
    handlers: dict[str, Handler] = dict.fromkeys(topics([a for a in settings.agencies.split(",") if a]), book.read)
    loop = ConsumerLoop(
        consumer(settings.kafka, "ledger"),
        handlers,
        producer=Producer(settings.kafka),
        effects=book.write,
        health=state,
        log=log,
    )
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, loop.stop)
    log.info("started", topics=len(handlers))
    loop.run()


if __name__ == "__main__":
    main()
