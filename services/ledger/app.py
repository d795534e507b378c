"""Wiring of the ledger: one consumer of all topics, counts as metrics, open ids on a page."""

import signal
import threading
import time
from datetime import UTC, datetime

from prometheus_client import Gauge

from services.contracts.alerts import AlertProgressed, AlertRequested
from services.contracts.assessments import RiskAssessed
from services.contracts.cases import CaseMoved
from services.contracts.passport_events import EventAccepted
from services.ledger.match import Note, notes
from services.ledger.settings import LedgerSettings
from services.ledger.store import INDEXES, Items
from services.runtime import health, logs
from services.runtime.broker import Incoming, Producer, consumer
from services.runtime.documents import connect, migrate
from services.runtime.failures import Reject
from services.runtime.loop import ConsumerLoop, Handler

COUNT_EVERY_S = 1.0
SUMMARY_EVERY_S = 2.0  # a summary reads every item: whoever asks more often gets the last one
GAUGES = {
    "event": Gauge("tppo_unaccounted_events", "Accepted events without an outcome yet."),
    "case": Gauge("tppo_unaccounted_cases", "Assessments that ask for a case which is not there yet."),
    "referral": Gauge("tppo_unaccounted_referrals", "Sent referrals that are not in their queue yet."),
    "alert": Gauge("tppo_unaccounted_alerts", "Requested alerts that are not delivered yet."),
    "erasure": Gauge("tppo_unaccounted_erasures", "Erasures that a service has not confirmed yet."),
}


class Book:
    """Collects what a batch says and writes it at once, before the commit."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._pending: list[Note] = []
        self._counted = 0.0
        self._summary: tuple[float, dict[str, int]] = (0.0, {})
        self._lock = threading.Lock()

    def summary(self) -> dict[str, int]:
        """Counts of everything, at most two seconds old."""
        with self._lock:
            if time.monotonic() - self._summary[0] > SUMMARY_EVERY_S:
                self._summary = (time.monotonic(), self._items.summary())
            return self._summary[1]

    def read(self, message: Incoming) -> None:
        try:
            self._pending += notes(message.topic, message.kind, message.value)
        except ValueError as error:
            raise Reject(f"cannot be read: {type(error).__name__}") from None

    def write(self) -> int:
        written = len(self._pending)
        self._items.write(self._pending, datetime.now(UTC))
        self._pending = []
        if time.monotonic() - self._counted > COUNT_EVERY_S:
            self._counted = time.monotonic()
            for kind, open_ in self._items.unaccounted().items():
                GAUGES[kind].set(open_)
        return written


def topics(agencies: list[str]) -> list[str]:
    """Everything that says what went in or came out."""
    house = [EventAccepted.TOPIC, f"{EventAccepted.TOPIC}-dlq", RiskAssessed.TOPIC, CaseMoved.TOPIC]
    return [*house, AlertRequested.TOPIC, AlertProgressed.TOPIC, *(f"queue-{a}" for a in agencies)]


def main() -> None:
    settings = LedgerSettings.load()
    log = logs.set_up("ledger")
    state = health.Health()
    database = connect(settings.store, "ledger")
    migrate(database, INDEXES)
    items = Items(database)
    book = Book(items)
    health.serve(settings.admin_host, settings.admin_port, state, {"/summary": book.summary, "/open": items.open_ids})
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
