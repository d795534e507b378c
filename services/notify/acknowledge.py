"""acknowledge: somebody has seen it, takes care of it, or hands it to somebody else. Pure."""

from datetime import datetime

from services.notify.alert import Alert, Progress
from services.notify.chains import Link
from services.notify.stages import Look, is_contact


class NotPossible(Exception):
    """What somebody asked cannot be done with this alert; the text says why."""


def seen(before: Alert, who: str, how: str, now: datetime) -> Progress | None:
    """Somebody has really seen it: nobody else is told. None when somebody had before, or it is over."""
    if before.state not in ("open", "exhausted"):
        return None
    progress = Progress.of(before)
    alert = progress.alert
    alert.state, alert.due_at, alert.held, alert.seen_by, alert.seen_at = "seen", None, None, who, now
    alert.log(now, "seen", person=who, reason=f"acknowledged {how}")
    return progress


def taken(before: Alert, who: str, how: str, now: datetime) -> Progress | None:
    """Somebody takes care of it. None when the same person had already."""
    if before.state == "settled":
        raise NotPossible("it is over")
    if before.taken_by == who:
        return None
    if before.taken_by:
        raise NotPossible(f"{before.taken_by} has taken it; it can be handed over")
    progress = seen(before, who, how, now) or Progress.of(before)
    progress.alert.taken_by = who
    progress.alert.log(now, "taken", person=who, reason=how)
    return progress


def hand_over(before: Alert, by: str, to: str, look: Look, now: datetime) -> Progress:
    """To another person, and from there along the rest of the chain; raises NotPossible."""
    if before.state == "settled":
        raise NotPossible("it is over")
    if to not in look.roster.people:
        raise NotPossible(f"nobody is called {to} in the roster")
    if is_contact(before, to, look) is not False:
        raise NotPossible("this person may not be told of this matter")
    progress = Progress.of(before)
    alert = progress.alert
    wait = alert.at.wait_minutes
    rest = alert.chain.links[alert.link + 1 :]
    handed = Link(role="handed_over", wait_minutes=wait, person=to)
    alert.chain = alert.chain.model_copy(update={"links": [handed, *rest]})
    alert.state, alert.seen_by, alert.seen_at, alert.taken_by = "open", None, None, None
    alert.tried, alert.link, alert.round = [by], 0, 1
    alert.let_go(now)
    alert.nobodys_turn(now)
    alert.log(now, "handed_over", person=to, reason=f"by {by}")
    return progress
