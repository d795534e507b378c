"""What notify does with requests and with time passing: stored before it is sent, the result after."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

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
        self.store, self.people, self.chains, self.sender, self.clock, self.secret = (
            store,
            people,
            chains,
            sender,
            clock,
            secret,
        )
        self._planned: list[Progress] = []
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
            messages = self._messages(steps)
            clashed = self._save(steps)
            started = [m for m in messages if clashed.isdisjoint(m.notice.alert_ids)]
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
        def settled(alert: Alert) -> Progress | None:
            return over.settle(alert, request.reason, self.clock())

        self.store_planned()  # it may be among them
        if self.change(request.alert_id, settled) == "done":
            self.store.wake("ring", self.clock())

    def _extended(self, alert: Alert, now: datetime) -> Progress:
        """Still on its way in this very process: nobody else may take it."""
        progress = Progress.of(alert)
        progress.alert.lease_until = progress.alert.due_at = now + LEASE
        return progress

    def _messages(self, steps: Sequence[Progress]) -> list[Message]:
        """One for each person and channel; alerts that may go together are one, and keep its key if it is sent again."""
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
        return [self._message(alerts) for alerts in groups.values()]

    def _message(self, alerts: list[Alert]) -> Message:
        first = alerts[0].sending
        assert first is not None
        key = first.key if first.link else deliver.together(alerts)
        link = self.link(key, first.person)
        told = first.model_copy(update={"key": key, "link": links.hashed(link.rpartition("/")[2])})
        for alert in alerts:
            alert.sending = told
        known = self.people.roster.people.get(told.person)
        notice = self._texts.notice(
            alerts,
            told,
            known.language if known else "id",
            link,
            links.code(self.secret, key, told.person),
            self._desk_url,
        )
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
