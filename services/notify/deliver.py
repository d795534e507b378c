"""deliver: plan an alert, and say after each event what comes next. Pure: no clock, no store, no channel.

Notify reaches a person for one alert and knows nothing of the answer clock, which is referral's (design, section 7).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid5

from services.contracts import ids
from services.contracts.alerts import AlertProgressed, AlertRequested
from services.contracts.calendar import WIB
from services.contracts.fields import parse_time
from services.notify.alert import Alert, PlannedStep
from services.notify.channels.channel import Done, Later, Never, Notice, Result
from services.notify.roster import Roster

Status = Literal["planned", "sent", "failed", "seen", "escalated", "exhausted", "settled"]

BACKOFF_S = (2, 5, 15, 60)
MAX_ATTEMPTS = 5


@dataclass
class Progress:
    """An alert after an event, with what is told of it."""

    alert: Alert
    messages: list[AlertProgressed] = field(default_factory=list)

    def tell(self, status: Status, now: datetime, *, receipt: str | None = None, reason: str | None = None) -> None:
        alert = self.alert
        current = alert.plan[alert.step] if alert.step < len(alert.plan) else None
        self.messages.append(
            AlertProgressed(
                alert_id=alert.alert_id,
                seq=alert.seq,
                status=status,
                person_ref=current.person_ref if current else None,
                channel=current.channel if current else None,
                idempotency_key=current.key if current else None,
                receipt=receipt,
                reason=reason,
                at=now.isoformat(),
            )
        )
        alert.seq += 1


def plan(request: AlertRequested, roster: Roster, now: datetime) -> Progress:
    """Everybody of the target in order, each by each of their channels; contacts of the case are left out."""
    people, why = roster.people(request.to)
    fitting = [p for p in people if p.phone_token is None or p.phone_token not in request.not_to]
    steps = [
        PlannedStep(person_ref=p.ref, channel=w.channel, to=w.to, key=_key(request.alert_id, p.ref, w.channel))
        for p in fitting
        for w in p.channels
    ]
    alert = Alert(
        alert_id=request.alert_id, to=request.to, ref=request.ref, deadline=parse_time(request.deadline),
        severity=request.severity, plan=steps, due_at=now,
    )  # fmt: skip
    progress = Progress(alert)
    progress.tell("planned", now, reason=why)
    if not steps:
        _exhaust(progress, now, "nobody may be told")
    return progress


def after_result(alert: Alert, result: Result, roster: Roster, now: datetime) -> Progress:
    """What a channel said about the current step."""
    progress = Progress(alert.model_copy(deep=True))
    alert = progress.alert
    match result:
        case Done(receipt):
            progress.tell("sent", now, receipt=receipt)
            alert.sent, alert.attempts = True, 0
            alert.due_at = now + timedelta(minutes=roster.wait_minutes[alert.severity])
        case Later(reason, after_s) if alert.attempts + 1 < MAX_ATTEMPTS:
            alert.attempts += 1
            alert.due_at = now + timedelta(seconds=after_s or BACKOFF_S[alert.attempts - 1])
            progress.tell("failed", now, reason=reason)
        case Later(reason) | Never(reason):
            progress.tell("failed", now, reason=reason)
            _next(progress, now, "the channel failed")
    return progress


def overdue(alert: Alert, now: datetime) -> Progress:
    """Nobody acknowledged in time: the next person."""
    progress = Progress(alert.model_copy(deep=True))
    _next(progress, now, "not acknowledged in time")
    return progress


def close(alert: Alert, status: Literal["seen", "settled"], reason: str, now: datetime) -> Progress | None:
    """Somebody acknowledged, or the matter is settled. None when it was closed before."""
    if alert.state in ("settled", status):
        return None
    progress = Progress(alert.model_copy(deep=True))
    progress.tell(status, now, reason=reason)
    progress.alert.state, progress.alert.due_at = status, None
    return progress


def notice(alert: Alert, desk_url: str) -> Notice:
    """The only text that leaves: reference, deadline, link behind a login. The same for all kinds of case."""
    due = alert.deadline.astimezone(WIB)
    shown, shown_en = due.strftime("%d-%m-%Y %H.%M WIB"), due.strftime("%Y-%m-%d %H:%M WIB")
    text = (
        f"Rujukan {alert.ref} menunggu, tenggat {shown}.\n"
        f"Buka setelah masuk: {desk_url}\n\n"
        f"Referral {alert.ref} is waiting, due {shown_en}.\n"
        f"Open after login: {desk_url}\n"
    )
    return Notice("Rujukan menunggu / A referral is waiting", text, alert.plan[alert.step].key, alert.alert_id)


def _next(progress: Progress, now: datetime, why: str) -> None:
    alert = progress.alert
    if alert.step + 1 >= len(alert.plan):
        _exhaust(progress, now, why)
        return
    alert.step += 1
    alert.sent, alert.attempts, alert.due_at = False, 0, now
    progress.tell("escalated", now, reason=why)


def _exhaust(progress: Progress, now: datetime, why: str) -> None:
    """Everybody was told or could not be: ops hears of it (metric and alert rule), the clock of referral goes on."""
    progress.alert.state, progress.alert.due_at = "exhausted", None
    progress.tell("exhausted", now, reason=why)


def _key(alert_id: str, person: str, channel: str) -> str:
    return str(uuid5(ids.NAMESPACE, f"{alert_id}/{person}/{channel}"))
