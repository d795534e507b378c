"""audit: what the next step of an open alert must be, worked out again from its history, against what stands there. Pure."""

from datetime import datetime, timedelta

from services.notify.alert import LEASE, Alert
from services.notify.pace import LONGEST_WAIT_S

GRACE = timedelta(seconds=60)
SLACK = timedelta(seconds=2)
LONGEST_HOLD = timedelta(days=15)  # a silence, or a long holiday


def fault(alert: Alert, now: datetime) -> str | None:
    """What is wrong with an open alert; None when its next step is the right one and not late."""
    if alert.state != "open":
        return None
    if alert.due_at is None:
        return "waits for somebody and has no next step"
    if alert.due_at < now - GRACE:
        return f"its next step is {(now - alert.due_at).total_seconds():.0f} s late"
    latest = _latest(alert)
    if alert.due_at > latest + SLACK:
        return f"its next step is {(alert.due_at - latest).total_seconds():.0f} s later than its chain allows"
    return None


def _latest(alert: Alert) -> datetime:
    """The latest moment at which the next step may be due."""
    last = alert.history[-1].at
    if alert.lease_until is not None:
        return alert.lease_until + LEASE
    if alert.held is not None:
        return last + LONGEST_HOLD
    if alert.next == "wait" and alert.sending is None:
        sent = max((t.at for t in alert.told if t.at and not t.over), default=last)
        return sent + timedelta(minutes=alert.at.wait_minutes)
    return last + timedelta(seconds=max(LONGEST_WAIT_S, alert.chain.together_seconds))
