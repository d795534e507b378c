"""deliver: plan an alert, and say after each event what comes next. Pure: no clock, no store, no channel.

Notify reaches a person for one alert and knows nothing of the answer clock, which is referral's (design, section 7).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid5

from services.contracts import ids
from services.contracts.alerts import AlertRequested
from services.contracts.fields import parse_time
from services.notify import duty
from services.notify.alert import Alert, Told
from services.notify.chains import Chain, Chains, Link
from services.notify.channels.channel import Done, Later, Result
from services.notify.roster import Roster
from services.notify.stages import OF_ALERT, OF_PERSON, Hold, Look, first_hold, is_contact

BACKOFF_S = (2, 5, 15, 60, 180, 600)
LONGEST_WAIT_S = 3600.0  # a receiver may ask for a pause, not for for ever
LEASE = timedelta(seconds=60)  # longer than any channel may take
DRILL_ANSWER = 24 * 60.0


class NotPossible(Exception):
    """What somebody asked cannot be done with this alert; the text says why."""


@dataclass
class Progress:
    """An alert after an event. `history[told_from:]` is news."""

    alert: Alert
    told_from: int

    @classmethod
    def of(cls, alert: Alert) -> "Progress":
        return cls(alert.model_copy(deep=True), len(alert.history))


def plan(request: AlertRequested, roster: Roster, chains: Chains, now: datetime) -> Progress:
    """A new alert with its chain. Nobody is told yet; the reason says when the target is not the one that was asked."""
    chain = chains.of(request.severity, request.to, request.step)
    alert = Alert(
        alert_id=request.alert_id, to=request.to, ref=request.ref, deadline=parse_time(request.deadline), severity=request.severity,
        step=request.step, not_to=request.not_to, ring=request.ring, of_ring=request.of_ring, received_at=now, round_at=now,
        requested_at=parse_time(request.requested_at), chain=chain, due_at=_together(chain, now),
    )  # fmt: skip
    _, _, why = roster.resolve(request.to)
    alert.log(now, "planned", reason=f"chain {chain.name}" + (f"; {why}" if why else ""))
    return Progress(alert, 0)


def drill(name: str, ref: str, number: int, roster: Roster, now: datetime) -> Progress:
    """A marked test of one channel of one person: that channel alone, once, and nobody else."""
    link = Link(role="drill", wait_minutes=DRILL_ANSWER, person=ref)
    chain = Chain(
        name="drill", hours="any", together_seconds=0, per_hour=None, attempts=2, rounds=1, round_minutes=1, links=[link]
    )  # fmt: skip
    way = roster.people[ref].channels[number]
    alert = Alert(
        alert_id=str(uuid5(ids.NAMESPACE, f"drill/{name}/{ref}/{way.channel}/{number}")), to=ref, ref=f"UJI-{name}"[:40], drill=name,
        deadline=now + timedelta(minutes=DRILL_ANSWER), severity="normal", step="drill", requested_at=now, received_at=now, round_at=now,
        chain=chain, due_at=now, person=ref, channel=number,
    )  # fmt: skip
    alert.log(now, "planned", reason=f"drill {name}: {way.channel}")
    return Progress(alert, 0)


def take(before: Alert, look: Look, now: datetime) -> Progress:
    """The alert's time has come. `alert.sending` says whom to tell by what; without it the history says why nobody is told now."""
    progress = Progress.of(before)
    alert = progress.alert
    if _again(alert, look, now):
        _claim(alert, now)
    elif alert.state == "settled":
        _next_to_hear_of_the_end(alert, look, now)
    elif alert.state == "open":
        if alert.next == "wait":
            _turn_over(alert, now, "not acknowledged in time")
        _tell(alert, look, now)
    else:
        alert.due_at = None
    return progress


def after_result(before: Alert, result: Result, roster: Roster, now: datetime) -> Progress:
    """What a channel said about what was being sent. It counts even when the alert was acknowledged or settled in between."""
    progress = Progress.of(before)
    alert, sent = progress.alert, before.sending
    if sent is None:
        return progress
    alert.sending, alert.lease_until = None, None
    if sent.over:
        _after_the_end(alert, sent, result, now)
        return progress
    said = {"person": sent.person, "channel": sent.channel, "key": sent.key}
    if isinstance(result, Done):
        alert.told.append(sent.model_copy(update={"at": now}))
        alert.log(now, "sent", **said, receipt=result.receipt)
    else:
        alert.log(now, "failed", **said, reason=result.reason)
    if alert.state == "settled":
        _next_due(alert, now)
    elif alert.state == "open" and isinstance(result, Done):
        alert.next, alert.attempts = "wait", 0
        alert.due_at = now + timedelta(
            minutes=alert.chain.links[min(alert.link, len(alert.chain.links) - 1)].wait_minutes
        )
    elif alert.state == "open":
        _failed(alert, sent, result, roster, now)
    else:
        alert.due_at = None
    return progress


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
    wait = alert.chain.links[min(alert.link, len(alert.chain.links) - 1)].wait_minutes
    rest = alert.chain.links[alert.link + 1 :]
    handed = Link(role="handed_over", wait_minutes=wait, person=to)
    alert.chain = alert.chain.model_copy(update={"links": [handed, *rest]})
    alert.state, alert.seen_by, alert.seen_at, alert.taken_by = "open", None, None, None
    alert.tried, alert.link, alert.round = [by], 0, 1
    _let_go(alert, now)
    _nobodys_turn(alert, now)
    alert.log(now, "handed_over", person=to, reason=f"by {by}")
    return progress


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
        _let_go(alert, now)
        _next_due(alert, now)
    return progress


def together(alerts: list[Alert]) -> str:
    """Idempotency key of one message that holds several alerts: the same for the same alerts."""
    keys = sorted(a.sending.key for a in alerts if a.sending)
    return keys[0] if len(keys) == 1 else str(uuid5(ids.NAMESPACE, "+".join(keys)))


def _again(alert: Alert, look: Look, now: datetime) -> bool:
    """The same message with the same key: a channel wants another try, or whoever claimed it did not come back."""
    sent, claimed = alert.sending, alert.lease_until is not None
    if sent is None or sent.over:
        return sent is not None
    rests = not claimed and sent.channel in look.shut
    if alert.state == "open" and not rests and _may(alert, sent.person, look, now):
        return True
    _let_go(alert, now)
    return False


def _let_go(alert: Alert, now: datetime) -> None:
    """What is being sent is not wanted any more. If it was claimed it perhaps arrived: then its end is told as well."""
    if alert.sending is not None and alert.lease_until is not None and not alert.sending.over:
        alert.told.append(alert.sending.model_copy(update={"at": now}))
    alert.sending, alert.lease_until = None, None


def _tell(alert: Alert, look: Look, now: datetime) -> None:
    hold = first_hold(OF_ALERT, alert, look, now) or _choose(alert, look, now)
    if hold is None and alert.state == "open":
        hold = first_hold(OF_PERSON, alert, look, now)
        if hold is None:
            _claim(alert, now, _message(alert, look))
    if hold is not None:
        _hold(alert, hold, now)


def _choose(alert: Alert, look: Look, now: datetime) -> Hold | None:
    """Whose turn it is; a person keeps it until their channels are through or they did not acknowledge."""
    if alert.person is not None:
        if _may(alert, alert.person, look, now) is not False:
            return None
        alert.person, alert.channel, alert.attempts = None, 0, 0
    waiting = False
    ahead = [each for each in duty.in_order(alert.chain, alert.to, look.roster, now) if each[1] not in alert.tried]
    if alert.chain.hours in ("night", "own") and ahead:
        same = [each for each in ahead if each[0] == ahead[0][0]]
        ahead = sorted(same, key=lambda e: duty.opens(alert.chain, e[1], look.roster, now)) + ahead[len(same) :]
    for place, ref in ahead:
        match _may(alert, ref, look, now):
            case True:
                alert.link, alert.person, alert.channel, alert.attempts = place, ref, 0, 0
                return None
            case None:
                waiting = True
    if waiting:
        return Hold("roster", now + timedelta(seconds=15), "the roster is not tokenised yet; nobody is told unchecked")
    return _round_over(alert, now)


def _may(alert: Alert, ref: str, look: Look, now: datetime) -> bool | None:
    """False: never; None: not known yet."""
    if ref not in look.roster.people:
        alert.log(now, "failed", person=ref, reason="is not in the roster any more")
        alert.tried.append(ref)
        return False
    match is_contact(alert, ref, look):
        case True:
            alert.log(now, "failed", person=ref, reason="may not be told of this matter")
            alert.tried.append(ref)
            return False
        case None:
            return None
        case _:
            return True


def _round_over(alert: Alert, now: datetime) -> Hold | None:
    unheard = alert.away and not any(t.at and t.at >= alert.round_at for t in alert.told)
    if (
        alert.round < alert.chain.rounds or unheard
    ):  # a round in which channels were away and nobody heard does not count
        alert.round, alert.tried, alert.link, alert.person = alert.round + (not unheard), [], 0, None
        alert.away, alert.round_at = False, now
        return Hold(
            "round", now + timedelta(minutes=alert.chain.round_minutes), "nobody acknowledged; the chain begins again"
        )
    # Ops hears of it (metric and alert rule); the answer clock of referral goes on.
    alert.state, alert.due_at, alert.held = "exhausted", None, None
    alert.log(now, "exhausted", reason="everybody was told or could not be")
    return None


def _message(alert: Alert, look: Look) -> Told:
    """By the first of the person's channels that does not rest."""
    assert alert.person is not None
    ways = look.roster.people[alert.person].channels
    number = min(alert.channel, len(ways) - 1)
    while ways[number].channel in look.shut and number + 1 < len(ways) and alert.drill is None:
        number += 1
    alert.channel = number
    way = ways[number]
    name = f"{alert.alert_id}/{len(alert.told)}/{alert.round}/{alert.link}/{alert.person}/{way.channel}/{number}"
    return Told(person=alert.person, channel=way.channel, to=way.to, key=_key(name))


def _claim(alert: Alert, now: datetime, told: Told | None = None) -> None:
    alert.sending = told or alert.sending
    alert.held, alert.lease_until, alert.due_at = None, now + LEASE, now + LEASE


def _hold(alert: Alert, hold: Hold, now: datetime) -> None:
    alert.due_at = hold.until
    if (
        alert.held != hold.why and hold.why != "roster"
    ):  # told once, however often it is looked at; some seconds are no news
        alert.log(now, "held", person=alert.person, reason=hold.reason)
    alert.held = hold.why


def _failed(alert: Alert, sent: Told, result: Result, roster: Roster, now: datetime) -> None:
    alert.away = alert.away or isinstance(result, Later)
    if isinstance(result, Later) and alert.attempts + 1 < alert.chain.attempts:
        alert.attempts += 1
        wait = result.after_s if result.after_s is not None else _backoff(alert.attempts, sent.key)
        alert.due_at, alert.sending = now + timedelta(seconds=min(wait, LONGEST_WAIT_S)), sent
        return
    person = roster.people.get(alert.person or "")
    alert.channel, alert.attempts, alert.due_at = alert.channel + 1, 0, now
    if person is None or alert.channel >= len(person.channels) or alert.drill:
        _turn_over(alert, now, "no channel reached this person")


def _turn_over(alert: Alert, now: datetime, why: str) -> None:
    alert.tried.append(alert.person or "")
    alert.log(now, "escalated", person=alert.person, reason=why)
    _nobodys_turn(alert, now)


def _nobodys_turn(alert: Alert, now: datetime) -> None:
    alert.person, alert.channel, alert.attempts, alert.held, alert.next, alert.due_at = None, 0, 0, None, "tell", now


def _next_to_hear_of_the_end(alert: Alert, look: Look, now: datetime) -> None:
    """People who were told hear that it is over, one after the other, in their hours and within their limit."""
    _next_due(alert, now)
    if not (left := _not_heard(alert)):
        return
    last = left[0]
    alert.person = last.person
    if last.person not in look.roster.people:
        alert.told.append(last.model_copy(update={"at": None, "over": True}))
        alert.log(now, "failed", person=last.person, reason="is not in the roster any more")
    elif hold := first_hold(OF_PERSON, alert, look, now):
        _hold(alert, hold, now)
    else:
        key = _key(f"{alert.alert_id}/over/{last.person}/{last.channel}")
        _claim(alert, now, Told(person=last.person, channel=last.channel, to=last.to, key=key, over=True))


def _after_the_end(alert: Alert, sent: Told, result: Result, now: datetime) -> None:
    said = {"person": sent.person, "channel": sent.channel, "key": sent.key}
    if isinstance(result, Later) and alert.attempts + 1 < alert.chain.attempts:
        alert.attempts += 1
        alert.log(now, "failed", **said, reason=result.reason)
        alert.due_at, alert.sending = now + timedelta(seconds=_backoff(alert.attempts, sent.key)), sent
        return
    alert.attempts = 0
    done = isinstance(result, Done)
    alert.told.append(sent.model_copy(update={"at": now if done else None}))
    if isinstance(result, Done):
        alert.log(now, "resolved", **said, receipt=result.receipt)
    else:
        alert.log(now, "failed", **said, reason=f"{result.reason}; not told that it is over")
    _next_due(alert, now)


def _next_due(alert: Alert, now: datetime) -> None:
    alert.next, alert.due_at, alert.channel = "resolve", now if _not_heard(alert) else None, 0


def _not_heard(alert: Alert) -> list[Told]:
    heard = {t.person for t in alert.told if t.over}
    return [] if alert.drill else [t for t in alert.people_told() if t.person not in heard]


def _together(chain: Chain, now: datetime) -> datetime:
    """Alerts of one window come at its end, so that they are one message: the windows are the same for everybody."""
    if not chain.together_seconds:
        return now
    window = chain.together_seconds
    return datetime.fromtimestamp((now.timestamp() // window + 1) * window, now.tzinfo)


def _backoff(attempt: int, key: str) -> float:
    """Seconds until the next try; spread by the message's own key, so that a storm does not come back all at once."""
    spread = 0.75 + uuid5(ids.NAMESPACE, f"{key}/{attempt}").int % 1000 / 2000
    return BACKOFF_S[min(attempt, len(BACKOFF_S)) - 1] * spread


def _key(name: str) -> str:
    return str(uuid5(ids.NAMESPACE, name))
