"""over: the matter is answered or withdrawn, and whoever was told hears that too, in a delivery of its own. Pure."""

from datetime import datetime, timedelta

from services.notify import pace
from services.notify.alert import Alert, Progress, Told
from services.notify.channels.channel import Done, Later, Result
from services.notify.stages import OF_PERSON, Look, first_hold, hold


def settle(before: Alert, reason: str, now: datetime) -> Progress | None:
    """The matter is answered or withdrawn: who was told hears that it is over. None when it was settled before."""
    if before.state == "settled":
        return None
    progress = Progress.of(before)
    alert = progress.alert
    alert.state, alert.held, alert.attempts = "settled", None, 0
    alert.log(now, "settled", reason=reason)
    if alert.lease_until is not None and alert.lease_until > now:
        alert.next, alert.due_at = "resolve", alert.lease_until  # on its way: its result comes first
    else:
        alert.let_go(now)
        next_due(alert, now)
    return progress


def next_to_hear(alert: Alert, look: Look, now: datetime) -> None:
    """People who were told hear that it is over, one after the other, in their hours and within their limit."""
    next_due(alert, now)
    if not (left := _not_heard(alert)):
        return
    last = left[0]
    alert.person = last.person
    if last.person not in look.roster.people:
        alert.told.append(last.model_copy(update={"at": None, "over": True}))
        alert.log(now, "failed", person=last.person, reason="is not in the roster any more")
    elif held := first_hold(OF_PERSON, alert, look, now):
        hold(alert, held, now)
    else:
        key = pace.key(f"{alert.alert_id}/over/{last.person}/{last.channel}")
        alert.claim(now, Told(person=last.person, channel=last.channel, to=last.to, key=key, over=True))


def after_result(alert: Alert, sent: Told, result: Result, now: datetime) -> None:
    said = {"person": sent.person, "channel": sent.channel, "key": sent.key}
    if isinstance(result, Later) and alert.attempts + 1 < alert.chain.attempts:
        alert.attempts += 1
        alert.log(now, "failed", **said, reason=result.reason)
        alert.due_at, alert.sending = now + timedelta(seconds=pace.backoff(alert.attempts, sent.key)), sent
        return
    alert.attempts = 0
    done = isinstance(result, Done)
    alert.told.append(sent.model_copy(update={"at": now if done else None}))
    if isinstance(result, Done):
        alert.log(now, "resolved", **said, receipt=result.receipt)
    else:
        alert.log(now, "failed", **said, reason=f"{result.reason}; not told that it is over")
    next_due(alert, now)


def next_due(alert: Alert, now: datetime) -> None:
    alert.next, alert.due_at, alert.channel = "resolve", now if _not_heard(alert) else None, 0


def _not_heard(alert: Alert) -> list[Told]:
    heard = {t.person for t in alert.told if t.over}
    return [] if alert.drill else [t for t in alert.people_told() if t.person not in heard]
