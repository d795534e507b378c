"""What notify does with requests and with time passing: stored before it is sent, the result after."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

import structlog
from pydantic import ValidationError

from services.contracts.alerts import AlertRequested, AlertSettled
from services.contracts.message import Message as Contract
from services.contracts.message import decode
from services.notify import deliver, duty, links, measures, over
from services.notify.alert import LEASE, Alert, Progress
from services.notify.chains import Chains
from services.notify.channels.channel import Result
from services.notify.people import People
from services.notify.send import Message, Sender
from services.notify.stages import Look
from services.notify.store import AlertStore
from services.notify.text import Texts
from services.runtime.broker import Incoming
from services.runtime.failures import Reject, Retry

A_TURN = 1000
QUICK_S = 0.5  # what a channel answers within this time is stored in the same turn
TRIES = 10
Outcome = Literal["done", "unchanged", "unknown"]


class Desk:
    """Reads, decides, writes, sends."""

    def __init__(
        self, store: AlertStore, people: People, chains: Chains, texts: Texts, sender: Sender, *, secret: bytes, public_url: str,
        desk_url: str, clock: Callable[[], datetime], log: structlog.typing.FilteringBoundLogger,
    ) -> None:  # fmt: skip
        self.store, self.people, self.chains = store, people, chains
        self.sender, self.clock, self.secret = sender, clock, secret
        self._planned: list[Progress] = []
        self._instance = uuid4().hex
        self._texts, self._public_url, self._desk_url, self._log = texts, public_url.rstrip("/"), desk_url, log

    def requested(self, message: Incoming) -> None:
        """Plan a new alert, or settle one; a known request changes nothing."""
        if message.value is None:
            return
        try:
            request: Contract | None = decode(message.kind, message.value)
        except (ValidationError, ValueError) as error:
            raise Reject(f"is not an alert request: {type(error).__name__}") from None
        match request:
            case AlertRequested():
                self._plan(request)
            case AlertSettled():
                self._settle(request)
            case _:
                raise Reject(f"unknown kind {message.kind[:64]}")

    def change(self, alert_id: str, how: Callable[[Alert], Progress | None]) -> Outcome:
        """Decide on the alert as it stands and store; written in between, it is decided again. NotPossible comes through."""
        for _ in range(TRIES):
            alert = self.store.get(alert_id)
            if alert is None:
                return "unknown"
            progress = how(alert)
            if progress is None:
                return "unchanged"
            if self._save([progress]):
                continue
            return "done"
        raise Retry("the alert is being written all the time")

    def turn(self) -> int:
        """Take everything that is due one step further, and what channels said since; returns how many alerts moved."""
        self.store_planned()
        moved = self._results(0)
        self.people.turn()
        now = self.clock()
        due = self.store.due(now, A_TURN)
        self._measure(due, now)
        if due:
            look = self.look(due, now)
            steps = [
                self._extended(a, now) if a.alert_id in self.sender.flying else deliver.take(a, look, now) for a in due
            ]
            again = {a.alert_id for a in due if a.sending and a.sending.link}
            groups = self._groups(steps)
            clashed = self._save(steps)
            started = self._won(groups, clashed, again, now)
            measures.REPEATED.inc(
                self.store.note_messages([(m.notice.idempotency_key, m.person) for m in started], now)
            )
            self.sender.start(started)
            moved += self._results(QUICK_S)
        return moved + len(due)

    def look(self, alerts: Sequence[Alert], now: datetime) -> Look:
        """What the stages need for these alerts."""
        roster = self.people.roster
        targets = {(a.to, a.chain.name): a for a in alerts if a.chain.per_hour is not None}
        limited = {ref for a in targets.values() for _, ref in duty.candidates(a.chain, a.to, roster, now)}
        limited |= {a.person for a in alerts if a.person}
        return Look(
            roster=roster, silences=list(self.store.silences(now).values()), rings=self.store.rings(alerts),
            sent=self.store.sent(limited, now), shut=self.sender.shut(now), tokens=self.people.tokens,
        )  # fmt: skip

    def close(self) -> None:
        """Let what is on its way end, and store what came of it."""
        self.sender.close()
        self._results(0)

    def link(self, key: str, person: str) -> str:
        return f"{self._public_url}/l/{links.token(self.secret, key, person)}"

    def _plan(self, request: AlertRequested) -> None:
        request = request.model_copy(update={"not_to": self.people.of_one_version(request.not_to)})
        self._planned.append(deliver.plan(request, self.people.roster, self.chains, self.clock()))
        if len(self._planned) >= A_TURN:
            self.store_planned()

    def store_planned(self) -> None:
        """Before the offset is committed, in bulk: a storm is written at once or late. What is known already clashes, and stays."""
        self._save(self._planned)
        self._planned = []

    def _settle(self, request: AlertSettled) -> None:
        rings: list[str] = []

        def settled(alert: Alert) -> Progress | None:
            rings[:] = [alert.ring] if alert.of_ring and alert.ring else []
            return over.settle(alert, request.reason, self.clock())

        self.store_planned()  # it may be among them
        if self.change(request.alert_id, settled) == "done" and rings:
            self.store.wake("ring", self.clock(), ring=rings[0])

    def _extended(self, alert: Alert, now: datetime) -> Progress:
        """Still on its way in this very process: nobody else may take it."""
        progress = Progress.of(alert)
        progress.alert.lease_until = progress.alert.due_at = now + LEASE
        return progress

    def _groups(self, steps: Sequence[Progress]) -> list[list[Alert]]:
        """What is one message: alerts of one person and channel that may go together, with its key; what goes again keeps its key."""
        groups: dict[tuple[str, ...], list[Alert]] = defaultdict(list)
        for step in steps:
            told = step.alert.sending
            if told is None or step.alert.alert_id in self.sender.flying:
                continue
            alone = step.alert.chain.together_seconds == 0
            again = told.key if told.link or alone else ""  # a link stands there: the message was put together before
            groups[(told.person, told.channel, told.to, str(told.over), step.alert.chain.name, again)].append(
                step.alert
            )
        for alerts in groups.values():
            first = alerts[0].sending
            if first is not None and not first.link:
                key = deliver.together(alerts, self._instance)
                told = first.model_copy(
                    update={"key": key, "link": links.hashed(links.token(self.secret, key, first.person))}
                )
                for alert in alerts:
                    alert.sending = told
        return list(groups.values())

    def _won(self, groups: Sequence[list[Alert]], clashed: set[str], again: set[str], now: datetime) -> list[Message]:
        """Messages of what this instance claimed. Two instances that want the same alerts each win some, and each sends its own.

        A message that goes again has one key for both, so it goes whole or a little later: halves under one key would hide each other.
        """
        found: list[Message] = []
        for alerts in groups:
            won = [a for a in alerts if a.alert_id not in clashed]
            if won and (len(won) == len(alerts) or again.isdisjoint(a.alert_id for a in alerts)):
                found.append(self._message(won))
            elif won:
                self._later(won, now)
        return found

    def _later(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Within some seconds, not at the same moment as another instance."""
        wait = timedelta(seconds=1 + random.random() * 4)
        steps = [Progress.of(a) for a in self.store.find(len(alerts), _id={"$in": [a.alert_id for a in alerts]})]
        for step in steps:
            step.alert.due_at = now + wait
        self._save(steps)

    def _message(self, alerts: list[Alert]) -> Message:
        told = alerts[0].sending
        assert told is not None
        known = self.people.roster.people.get(told.person)
        code = links.code(self.secret, told.key, told.person)
        language = known.language if known else "id"
        notice = self._texts.notice(alerts, told, language, self.link(told.key, told.person), code, self._desk_url)
        return Message(told.person, told.channel, told.to, notice)

    def _results(self, seconds: float) -> int:
        found = self.sender.results(seconds)
        wanted = {i: (message, result) for message, result in found for i in message.notice.alert_ids}
        for message, result in found:
            measures.SENDS.labels(message.channel, type(result).__name__.lower()).inc()
        for _ in range(TRIES):
            if not wanted:
                break
            now = self.clock()
            alerts = self.store.find(len(wanted), _id={"$in": list(wanted)})
            clashed = self._save([self._heard(a, *wanted[a.alert_id], now) for a in alerts])
            wanted = {i: each for i, each in wanted.items() if i in clashed}
        return len(found)

    def _heard(self, alert: Alert, message: Message, result: Result, now: datetime) -> Progress:
        """A result counts for the message that it is of; after a lost lease another may stand there."""
        if alert.sending is None or alert.sending.key != message.notice.idempotency_key:
            return Progress.of(alert)
        return deliver.after_result(alert, result, self.people.roster, now)

    def _save(self, steps: Sequence[Progress]) -> set[str]:
        clashed = self.store.save_all(steps)
        for step in steps:
            if step.alert.alert_id in clashed:
                continue
            for entry in step.alert.history[step.told_from :]:
                measures.STATUS.labels(entry.status, entry.channel or "").inc()
                if entry.status == "seen":
                    waited = (entry.at - step.alert.requested_at).total_seconds()
                    measures.TO_ACKNOWLEDGE.labels(step.alert.severity).observe(max(0.0, waited))
                self._log.info(
                    "alert", alert_id=step.alert.alert_id, status=entry.status, person=entry.person, why=entry.reason
                )
        return clashed

    def _measure(self, due: Sequence[Alert], now: datetime) -> None:
        measures.DUE.set(len(due))
        waits = [(now - a.due_at).total_seconds() for a in due if a.due_at and a.alert_id not in self.sender.flying]
        measures.OVERDUE_SECONDS.set(max(waits, default=0.0))
        resting = self.sender.shut(now)
        for name in self.sender.names:
            measures.SHUT.labels(name).set(name in resting)
        measures.CHANNEL_UNCHECKED.set(len(self.people.roster.people) - len(self.people.tokens))
