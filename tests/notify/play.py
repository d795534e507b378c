"""Plays alerts in the way of Alertmanager's acceptance tests: say what comes when, then what must have arrived by when, and nothing else.

The store is the real one, the chains and texts are those that are shipped; the clock is ours, and channels write down what they get.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import structlog
import yaml
from pymongo.database import Database

from services.contracts import ids
from services.contracts.alerts import AlertProgressed, AlertRequested, AlertSettled
from services.contracts.calendar import WIB
from services.contracts.message import Message
from services.notify import acknowledge
from services.notify.alert import Alert
from services.notify.chains import Chains
from services.notify.channels.channel import Done, Notice, Result
from services.notify.people import People
from services.notify.send import Sender
from services.notify.settings import HERE
from services.notify.store import AlertStore
from services.notify.text import Texts
from services.notify.work import Desk
from services.runtime.broker import Incoming
from services.runtime.outbox import message_of

SECRET = b"0123456789abcdef0123456789abcdef"
FRIDAY = datetime(2026, 11, 20, 10, tzinfo=WIB)
ROSTER: dict[str, Any] = yaml.safe_load("""
fallback: "kanim-clp:supervisor"
hours:
  office: {days: working, from: "07:30", to: "16:00"}
  always: {days: all, from: "00:00", to: "00:00"}
targets:
  "kanim-clp:supervisor": {must_act: true, asked: supervisor, roles: {supervisor: [pengawas], duty: [piket-kanim], head: [kakanim]}}
  polres-3301:
    must_act: true
    roles:
      liaison: [polres]
      deputy: [polres-wakil]
      head: [polres-kepala]
      duty: {people: [piket-a, piket-b], from: "2026-11-16T00:00:00+07:00", every_hours: 24}
  disnaker-3301: {roles: {liaison: [disnaker], deputy: [disnaker-wakil], head: [disnaker-kepala]}}
  gugus-tugas-3301: {must_act: true, roles: {liaison: [gugus], duty: [gugus-piket]}}
people:
  pengawas: {hours: office, channels: [{channel: mail, to: pengawas@x.example}]}
  piket-kanim: {hours: always, channels: [{channel: sms, to: "+628110000001"}]}
  kakanim: {hours: office, channels: [{channel: mail, to: kakanim@x.example}]}
  polres: {hours: office, channels: [{channel: mail, to: polres@x.example}, {channel: sms, to: "+628110000002"}]}
  polres-wakil: {hours: office, channels: [{channel: mail, to: wakil@x.example}]}
  polres-kepala: {hours: office, channels: [{channel: mail, to: kepala@x.example}]}
  piket-a: {hours: always, channels: [{channel: sms, to: "+628110000003"}, {channel: mail, to: a@x.example}]}
  piket-b: {hours: always, channels: [{channel: sms, to: "+628110000004"}], language: en}
  disnaker: {hours: office, channels: [{channel: mail, to: disnaker@x.example}]}
  disnaker-wakil: {hours: office, channels: [{channel: mail, to: disnaker.wakil@x.example}]}
  disnaker-kepala: {hours: office, channels: [{channel: mail, to: disnaker.kepala@x.example}]}
  gugus: {hours: office, channels: [{channel: mail, to: gugus@x.example}]}
  gugus-piket: {hours: always, channels: [{channel: sms, to: "+628110000005"}]}
""")


class FakeClock:
    """Stands until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class FakeChannel:
    """Writes down what it gets; answers as it was told, for each address, else done."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name, self._clock = name, clock
        self.got: list[tuple[datetime, str, Notice]] = []
        self.says: dict[str, list[Result | Callable[[], Result]]] = defaultdict(list)

    def send(self, to: str, notice: Notice) -> Result:
        said = self.says[to]
        result = (said.pop(0) if len(said) > 1 else said[0]) if said else Done("ok")
        result = result() if callable(result) else result
        if isinstance(result, Done):
            self.got.append((self._clock.now, to, notice))
        return result


def token(kind: str, value: str) -> str | None:
    return f"{kind}.1.{md5(value.encode()).hexdigest()}"


class Play:
    """One instance of notify with a clock of its own."""

    def __init__(self, database: Database[dict[str, Any]], folder: Path, at: datetime = FRIDAY, **changes: Any) -> None:
        self.clock, self.folder = FakeClock(at), folder
        self.roster = yaml.safe_load(yaml.safe_dump(ROSTER)) | changes
        self.write_roster()
        self.mail, self.sms = FakeChannel("mail", self.clock), FakeChannel("sms", self.clock)
        self.database = database
        self.store = AlertStore(database)
        self.start()
        self._seen = 0

    def start(self) -> None:
        """A new process on the same store."""
        log = structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(50))
        chains = Chains.load(HERE / "chains.yaml")
        people = People(self.folder / "roster.yaml", chains, {"mail", "sms"}, self.store, token, _newest, log)
        self.sender = Sender({"mail": self.mail, "sms": self.sms}, self.clock, threads=4)
        self.desk = Desk(
            self.store, people, chains, Texts.load(), self.sender, secret=SECRET, public_url="https://kabar.example",
            desk_url="https://meja.example", clock=self.clock, log=log,
        )  # fmt: skip
        self.desk.people.turn()

    def write_roster(self, **changes: Any) -> None:
        self.roster |= changes
        (self.folder / "roster.yaml").write_text(yaml.safe_dump(self.roster))

    def ask(
        self, ref: str = "R-1", to: str = "polres-3301", severity: str = "must_act", step: str = "new", **more: Any
    ) -> str:
        """A request comes in."""
        request = AlertRequested(
            alert_id=ids.alert_id(ref, more.pop("round_", 1), step + more.pop("clock", "")), to=to, ref=ref, severity=severity,
            deadline=(self.clock.now + timedelta(days=2)).isoformat(), step=step, requested_at=self.clock.now.isoformat(), **more,
        )  # fmt: skip
        self.give(request)
        return request.alert_id

    def settle(self, alert_id: str) -> None:
        self.give(AlertSettled(alert_id=alert_id, reason="answered", at=self.clock.now.isoformat()))

    def give(self, message: Message) -> None:
        self.desk.requested(
            Incoming(message.TOPIC, 0, 0, message.key, message.encode(), {"kind": type(message).__name__.encode()})
        )
        self.desk.store_planned()  # as the loop does before it commits

    def until(self, moment: datetime | timedelta) -> None:
        """Time passes; every step is taken when it is due."""
        end = self.clock.now + moment if isinstance(moment, timedelta) else moment
        for _ in range(3000):
            due = self.store.oldest_due()
            if due is None or due > end:
                break
            self.clock.now = max(self.clock.now, due.astimezone(WIB))
            self.desk.turn()
        else:
            raise AssertionError("does not come to rest")
        self.clock.now = max(self.clock.now, end)

    def now(self) -> None:
        self.until(self.clock.now)

    def arrived(self) -> list[tuple[str, str, str]]:
        """(hour, address, references) of everything that arrived since the last look, in order."""
        found = sorted([*self.mail.got, *self.sms.got], key=lambda each: each[0])[self._seen :]
        self._seen += len(found)
        return [(at.astimezone(WIB).strftime("%d %H:%M"), to.partition("@")[0], _what(n)) for at, to, n in found]

    def alert(self, alert_id: str) -> Alert:
        found = self.store.get(alert_id)
        assert found is not None
        return found

    def seen(self, alert_id: str, who: str, how: str = "at the desk") -> str:
        return self.desk.change(alert_id, lambda a: acknowledge.seen(a, who, how, self.clock.now))

    def progress(self) -> list[AlertProgressed]:
        """What stands in outboxes."""
        found: Iterable[dict[str, Any]] = self.database["alerts"].find({"pending": True})
        return [AlertProgressed.decode(message_of(e).value or b"") for d in found for e in d["outbox"]]

    def close(self) -> None:
        self.sender.close()


def _what(notice: Notice) -> str:
    return ("over " if notice.kind == "over" else "") + " ".join(notice.refs)


def _newest(given: Iterable[str], at_least: int) -> tuple[int, dict[str, str]]:
    """Keys of version 2: the same tokens with another number."""
    return 2, {t: t.replace(".1.", ".2.") for t in given if ".1." in t}
