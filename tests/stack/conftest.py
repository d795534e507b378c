"""One embedded stack for the whole session, with one office day played through it."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import TopicPartition
from pymongo import MongoClient

from services.contracts.assessments import RiskAssessed
from services.contracts.calendar import WIB, local_date
from services.embedded.figures import Figures
from services.embedded.keys import ISSUER
from services.embedded.player import Player, with_mistakes
from services.embedded.stack import TOPICS, Stack
from services.referral.tables import Tables
from services.runtime import rights, topics
from services.runtime.broker import Outgoing, Producer, consumer
from services.runtime.identity import Signer
from services.runtime.settings import KafkaSettings
from services.simulator.day import last_working_day, play
from tests.waiting import until

APPLICATIONS = 160


class Follower:
    """Some topics from their beginning through one consumer: what a test waits on (many short consumers leak sockets)."""

    def __init__(self, kafka: KafkaSettings, *names: str) -> None:
        self._reader, self._found = consumer(kafka, None), list[Any]()
        self._reader.assign(
            [TopicPartition(n, p) for n in names for p in sorted(self._reader.partitions_for_topic(n) or ())]
        )
        self._reader.seek_to_beginning()

    def all(self, topic: str) -> list[Any]:
        """Everything that came on a topic until now."""
        while polled := self._reader.poll(timeout_ms=100, max_records=5000):
            self._found += [r for records in polled.values() for r in records]
        return [r for r in self._found if r.topic == topic]

    def close(self) -> None:
        self._reader.close()


def newest_of(records: Iterable[Any]) -> dict[str, RiskAssessed]:
    """By application the assessment of the highest record version, of two with one version the later one."""
    found: dict[str, RiskAssessed] = {}
    for record in records:
        if dict(record.headers)["kind"] == b"RiskAssessed":
            assessed = RiskAssessed.decode(record.value)
            before = found.get(assessed.application_id)
            if before is None or assessed.record_version >= before.record_version:
                found[assessed.application_id] = assessed
    return found


def state_of(task: int) -> str:
    """Of a process or thread: R running, S asleep, T stopped."""
    return Path(f"/proc/{task}/stat").read_text().rpartition(")")[2].split()[0]


@dataclass
class Played:
    """A running stack, what was sent to it, and ways to look at it."""

    stack: Stack
    events: list[dict[str, Any]]
    figures: dict[str, Any]
    mongo: MongoClient[dict[str, Any]]
    _producer: Producer | None = field(default=None)

    @property
    def kafka(self) -> KafkaSettings:
        return self.stack.kafka("admin")

    def token(self, audience: str, *scopes: str, **claims: Any) -> str:
        return Signer.from_file(self.stack.folder / "keys" / f"{ISSUER}.key.json", ISSUER).token(
            "test", f"tppo-{audience}", scopes, **claims
        )

    def client(self, service: str, *scopes: str, **claims: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(service, *scopes, **claims)}"}
        return httpx.Client(base_url=getattr(self.stack.addresses, service), headers=headers, timeout=20)

    def send(self, *messages: Outgoing) -> None:
        self._producer = self._producer or Producer(self.kafka)
        self._producer.send_all(messages)

    def read(self, *names: str, at_least: int = 0, seconds: float = 30) -> list[Any]:
        """Everything on some topics from their beginning: until nothing more comes, and `at_least` so many."""
        reader = consumer(self.kafka, None)
        try:
            reader.assign([TopicPartition(n, p) for n in names for p in sorted(reader.partitions_for_topic(n) or ())])
            reader.seek_to_beginning()
            found: list[Any] = []
            quiet = 0

            def enough() -> bool:
                nonlocal quiet
                polled = [r for records in reader.poll(timeout_ms=150, max_records=5000).values() for r in records]
                found.extend(polled)
                quiet = 0 if polled else quiet + 1
                return quiet >= 2 and len(found) >= at_least

            until(enough, f"{at_least} messages on {', '.join(names)}", seconds)
            return found
        finally:
            reader.close()


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    yield from run_day(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def own_broker() -> None:
    """The stack brings the embedded one."""


@contextmanager
def running(folder: Path, broker: str | None, *services: str) -> Iterator[Played]:
    """Some services with what they need, and nothing played yet."""
    stack = Stack(folder, list(Tables.load().agencies), broker, services)
    try:
        stack.start()
        with MongoClient[dict[str, Any]](stack.addresses.store, tz_aware=True) as mongo:
            played = Played(stack, [], {}, mongo)
            yield played
            if played._producer:
                played._producer.close()  # else its sockets are found by whichever test the collector runs in
    finally:
        stack.stop()


def run_day(
    folder: Path,
    external_broker: str | None = None,
    applications: int = APPLICATIONS,
    passwords: Mapping[str, str] | None = None,
) -> Iterator[Played]:
    """Start, play, settle; stop at the end. With passwords every service logs in and has its own rights only."""
    agencies = list(Tables.load().agencies)
    stack = Stack(folder, agencies, external_broker, passwords=passwords or {})
    try:
        if passwords:
            rights.apply(
                stack.kafka("admin"), rights.read_rights(TOPICS, agencies, topics.read_table(TOPICS, agencies))
            )
        stack.start()
        events = play(last_working_day(local_date(datetime.now(WIB))), applications=applications)
        player = Player(stack, with_mistakes(events))
        player.start()
        figures = Figures(stack.addresses)

        def settled() -> bool:
            player.must_live()
            return player.done and figures.settled(figures.read(player.sent))

        until(
            settled,
            lambda: f"the day to settle: {player.sent} of {player.total} sent, {figures.read(player.sent)}",
            120,
        )
        mongo: MongoClient[dict[str, Any]] = MongoClient(stack.addresses.store, tz_aware=True)
        yield Played(stack, events, figures.read(player.sent), mongo)
        mongo.close()
    finally:
        stack.stop()
        if os.environ.get("TPPO_SHOW_LOGS"):
            for log in sorted((folder / "logs").glob("*.log")):
                print(f"== {log.name}\n{log.read_text()[-3000:]}")


def is_on_newer_keys(played: Played, service: str) -> bool:
    """Everything that a service keeps is under the second version of the token keys, says the process of that name."""
    state = httpx.get(f"http://127.0.0.1:{played.stack.port(f'{service}_admin')}/keys").json()
    state = state[0] if isinstance(state, list) else state
    return not state["moving"] and state["token_version"] >= 2
