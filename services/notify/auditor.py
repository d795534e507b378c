"""The auditor and the dead man's switch: a thread that looks at every open alert, and says "alive" only when all is well."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import structlog

from services.notify import measures
from services.notify.audit import GRACE, fault
from services.notify.store import AlertStore
from services.runtime.away import AWAY

EVERY_S = 60.0
SHARE = 10  # a look takes a tenth of the time at most
OLDEST_LOOK = timedelta(minutes=15)


class Auditor(threading.Thread):
    """Heartbeats stop when an alert is late, when the last full look is old, or when this process ended: silence is a fault."""

    def __init__(
        self, store: AlertStore, clock: Callable[[], datetime], log: structlog.typing.FilteringBoundLogger, heartbeat_url: str | None
    ) -> None:  # fmt: skip
        super().__init__(name="auditor", daemon=True)
        self._store, self._clock, self._log, self._url = store, clock, log, heartbeat_url
        self._next_look = 0.0
        self._good_look: datetime | None = None

    def run(self) -> None:
        while True:
            try:
                self.turn()
            except AWAY as error:
                self._log.warning("the auditor cannot look", reason=type(error).__name__)
            except Exception as error:
                self._log.error("the auditor failed", reason=type(error).__name__)
            time.sleep(EVERY_S)

    def turn(self) -> bool:
        """Look, and give a sign of life if all is well; whether it is."""
        started = time.monotonic()
        if started >= self._next_look:
            self.look()
            took = time.monotonic() - started
            self._next_look = started + max(EVERY_S / 2, took * SHARE)
        now = self._clock()
        oldest = self._store.oldest_due()
        late = oldest is not None and oldest < now - GRACE
        stale = self._good_look is None or now - self._good_look > OLDEST_LOOK
        if late or stale:
            self._log.error("no sign of life", late=late, last_good_look=str(self._good_look))
            return False
        measures.HEARTBEAT.set_to_current_time()
        if self._url:
            try:
                httpx.post(self._url, timeout=10, follow_redirects=False).raise_for_status()
            except httpx.HTTPError as error:
                self._log.warning("the sign of life did not arrive", reason=type(error).__name__)
        return True

    def look(self) -> int:
        """Work out the next step of every open alert again; how many are wrong."""
        now, seen, wrong = self._clock(), 0, 0
        for alert in self._store.every_open():
            seen += 1
            why = fault(alert, self._clock())
            if why is not None:
                wrong += 1
                self._log.error("alert", alert_id=alert.alert_id, status="late", why=why)
        measures.OPEN.set(seen)
        measures.FAULTS.set(wrong)
        if not wrong:
            self._good_look = now
        return wrong
