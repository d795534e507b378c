"""Handlers of the alert topics, and the step that sends what is due: stored before it is sent, receipt after."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal

import structlog
from pydantic import ValidationError

from services.contracts import tokens
from services.contracts.alerts import AlertRequested, AlertSettled
from services.contracts.message import Message, decode
from services.contracts.tokens import Newer
from services.notify import deliver, measures
from services.notify.alert import Alert
from services.notify.channels.channel import Channel
from services.notify.deliver import Progress
from services.notify.roster import Roster
from services.notify.store import AlertStore
from services.runtime import faults
from services.runtime.broker import Incoming
from services.runtime.failures import Reject, Retry
from services.runtime.outbox import Conflict

Newest = Callable[[Iterable[str], int], tuple[int, dict[str, str]]]
# A slow channel must not hold up the loop, whose liveness is asked for every 30 s.
A_TURN, A_TURN_S = 10, 5.0


class Desk:
    """What notify does with requests and with time passing."""

    def __init__(
        self,
        store: AlertStore,
        roster: Roster,
        channels: Mapping[str, Channel],
        desk_url: str,
        clock: Callable[[], datetime],
        log: structlog.typing.FilteringBoundLogger,
        newest: Newest,
    ) -> None:
        self._newest = newest
        self._store, self._roster, self._channels = store, roster, channels
        self._desk_url, self._clock, self._log = desk_url, clock, log

    def requested(self, message: Incoming) -> None:
        """Plan a new alert, or settle one; a known request changes nothing."""
        if message.value is None:
            return
        try:
            request: Message | None = decode(message.kind, message.value)
        except (ValidationError, ValueError) as error:
            raise Reject(f"is not an alert request: {type(error).__name__}") from None
        match request:
            case AlertRequested():
                if self._store.get(request.alert_id) is None:
                    self._save(deliver.plan(self._of_one_key_version(request), self._roster, self._clock()))
            case AlertSettled():
                self.close(request.alert_id, "settled", request.reason)
            case _:
                raise Reject(f"unknown kind {message.kind[:64]}")

    def _of_one_key_version(self, request: AlertRequested) -> AlertRequested:
        """Contacts and roster are compared by token, so after a key rotation both move to the newest version."""
        both = {*request.not_to, *self._roster.phone_tokens}
        versions = tokens.versions(both)
        if len(versions) < 2:
            return request
        newer = Newer(*self._newest(both, max(versions)))
        self._roster = self._roster.moved(newer)
        return request.model_copy(update={"not_to": tokens.moved(request.not_to, newer)})

    def close(self, alert_id: str, status: Literal["seen", "settled"], reason: str) -> bool:
        """False when there is no such alert."""
        alert = self._store.get(alert_id)
        if alert is not None:
            progress = deliver.close(alert, status, reason, self._clock())
            if progress:
                self._save(progress)
        return alert is not None

    def send_due(self) -> int:
        """Take every alert whose time has come one step further."""
        due = list(self._store.due(self._clock(), limit=A_TURN))
        measures.OPEN.set(len(due))
        until = time.monotonic() + A_TURN_S
        for alert in due:
            if time.monotonic() > until:
                break
            try:
                self._step(alert)
            except Retry:
                continue  # somebody else took it further
        return len(due)

    def _step(self, alert: Alert) -> None:
        if alert.sent:
            self._save(deliver.overdue(alert, self._clock()))
            return
        step = alert.plan[alert.step]
        faults.point("notify.before_send")
        result = self._channels[step.channel].send(step.to, deliver.notice(alert, self._desk_url))
        faults.point("notify.after_send")
        self._save(deliver.after_result(alert, result, self._roster, self._clock()))

    def _save(self, progress: Progress) -> None:
        try:
            self._store.save(progress)
        except Conflict:
            raise Retry("somebody else wrote the alert in between") from None
        for message in progress.messages:
            measures.STATUS.labels(message.status, message.channel or "").inc()
            self._log.info(
                "alert", alert_id=message.alert_id, status=message.status, person=message.person_ref, why=message.reason
            )
