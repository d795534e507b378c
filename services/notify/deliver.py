"""deliver: plan an alert, and say after each event what comes next. Pure: no clock, no store, no channel.

Notify reaches a person for one alert and knows nothing of the answer clock, which is referral's (design, section 7).
"""

from datetime import datetime, timedelta
from uuid import uuid5

from services.contracts import ids
from services.contracts.alerts import AlertRequested
from services.contracts.fields import parse_time
from services.notify import duty, over, pace
from services.notify.alert import Alert, Progress, Told
from services.notify.chains import Chain, Chains, Link
from services.notify.channels.channel import Done, Later, Result
from services.notify.roster import Roster
from services.notify.stages import OF_ALERT, OF_PERSON, ROSTER_SOON, Hold, Look, first_hold, hold, is_contact

DRILL_ANSWER = 24 * 60.0


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
        alert.claim(now)
    elif alert.state == "settled":
        over.next_to_hear(alert, look, now)
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
        over.after_result(alert, sent, result, now)
        return progress
    said = {"person": sent.person, "channel": sent.channel, "key": sent.key}
    if isinstance(result, Done):
        alert.told.append(sent.model_copy(update={"at": now}))
        alert.log(now, "sent", **said, receipt=result.receipt)
    else:
        alert.log(now, "failed", **said, reason=result.reason)
    if alert.state == "settled":
        over.next_due(alert, now)
    elif alert.state == "open" and isinstance(result, Done):
        alert.next, alert.attempts = "wait", 0
        alert.due_at = now + timedelta(minutes=alert.at.wait_minutes)
    elif alert.state == "open":
        _failed(alert, sent, result, roster, now)
    else:
        alert.due_at = None
    return progress


def together(alerts: list[Alert], instance: str) -> str:
    """Idempotency key of one message. Of several alerts it is the instance's own: another one may win others of them at the same moment."""
    keys = sorted(a.sending.key for a in alerts if a.sending)
    return keys[0] if len(keys) == 1 else str(uuid5(ids.NAMESPACE, "+".join([*keys, instance])))


def _again(alert: Alert, look: Look, now: datetime) -> bool:
    """The same message with the same key: a channel wants another try, or whoever claimed it did not come back."""
    sent, claimed = alert.sending, alert.lease_until is not None
    if sent is None or sent.over:
        return sent is not None
    rests = not claimed and sent.channel in look.shut
    if alert.state == "open" and not rests and _may(alert, sent.person, look, now):
        return True
    alert.let_go(now)
    return False


def _tell(alert: Alert, look: Look, now: datetime) -> None:
    held = first_hold(OF_ALERT, alert, look, now) or _choose(alert, look, now)
    if held is None and alert.state == "open":
        held = first_hold(OF_PERSON, alert, look, now)
        if held is None:
            alert.claim(now, _message(alert, look))
    if held is not None:
        hold(alert, held, now)


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
        return Hold("roster", now + ROSTER_SOON, "the roster is not tokenised yet; nobody is told unchecked")
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
    return Told(person=alert.person, channel=way.channel, to=way.to, key=pace.key(name))


def _failed(alert: Alert, sent: Told, result: Result, roster: Roster, now: datetime) -> None:
    alert.away = alert.away or isinstance(result, Later)
    if isinstance(result, Later) and alert.attempts + 1 < alert.chain.attempts:
        alert.attempts += 1
        wait = result.after_s if result.after_s is not None else pace.backoff(alert.attempts, sent.key)
        alert.due_at, alert.sending = now + timedelta(seconds=min(wait, pace.LONGEST_WAIT_S)), sent
        return
    person = roster.people.get(alert.person or "")
    alert.channel, alert.attempts, alert.due_at = alert.channel + 1, 0, now
    if person is None or alert.channel >= len(person.channels) or alert.drill:
        _turn_over(alert, now, "no channel reached this person")


def _turn_over(alert: Alert, now: datetime, why: str) -> None:
    alert.tried.append(alert.person or "")
    alert.log(now, "escalated", person=alert.person, reason=why)
    alert.nobodys_turn(now)


def _together(chain: Chain, now: datetime) -> datetime:
    """Alerts of one window come at its end, so that they are one message: the windows are the same for everybody."""
    if not chain.together_seconds:
        return now
    window = chain.together_seconds
    return datetime.fromtimestamp((now.timestamp() // window + 1) * window, now.tzinfo)
