"""The same scenarios through the whole system: intake's door, a real broker, the store, risk; day by day of event time."""

import re
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import orjson
from kafka import TopicPartition
from pymongo import MongoClient

from services.contracts.assessments import RiskAssessed
from services.contracts.fields import parse_time
from services.contracts.network import RingAssessed
from services.contracts.passport_events import EventAccepted
from services.embedded.keys import ISSUER
from services.embedded.stack import Stack
from services.referral.tables import Tables
from services.risk.worker import STREAMS
from services.runtime.broker import consumer
from services.runtime.identity import Signer
from tests.kafka import apache
from tests.waiting import until

READ_BY_RISK = tuple(topic for stream in STREAMS.values() for topic in stream.topics)
Event = dict[str, Any]


class System:
    """Door, broker, store and risk; each scenario finds them as if it were the first."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self._plays = stack, 0
        self._signer = Signer.from_file(stack.folder / "keys" / f"{ISSUER}.key.json", ISSUER)
        self._offsets = consumer(stack.kafka("admin"), None)
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(stack.addresses.store)
        self._base: dict[str, int] = {}
        self._said = {t: self._ends(t) for t in (RiskAssessed.TOPIC, RingAssessed.TOPIC)}

    def forget(self) -> None:
        """Nothing of earlier scenarios is known to risk; the door has other names for every application."""
        self._plays += 1
        if "risk" in self.stack.children:
            self.stack.children["risk"].stop()
        self._mongo.drop_database("tppo_risk")
        self._base = {t: self._total(t) for t in READ_BY_RISK}
        self.stack.start_service("risk")
        self.stack.wait_ready(("risk",))

    def days(self, events: list[Event]) -> Iterator[tuple[datetime, list[RiskAssessed], list[RingAssessed]]]:
        """What was said by the end of each day: the time of its last event, assessments, rings."""
        mine = [e | {"id": f"{e['id']}-{self._plays}", "subject": self._renamed(e["subject"])} for e in events]
        for _, several in groupby(mine, key=lambda e: e["time"][:10]):
            today = list(several)
            before = self._total(EventAccepted.TOPIC)
            taken = self._post(today)
            until(partial(self._reached, EventAccepted.TOPIC, before + taken), "the door", 60)
            until(self._settled, "risk to have taken everything", 120)
            at = max(parse_time(e["time"]) for e in today)
            assessed = [RiskAssessed.decode(v) for v in self._news(RiskAssessed.TOPIC, b"RiskAssessed")]
            yield at, assessed, [RingAssessed.decode(v) for v in self._news(RingAssessed.TOPIC, b"RingAssessed")]

    def _renamed(self, subject: str) -> str:
        """Licences keep their names: those say which licence it is."""
        return subject if subject.startswith("LIC-") else f"{subject}-{self._plays}"

    def close(self) -> None:
        self._offsets.close()
        self._mongo.close()

    def _post(self, events: list[Event]) -> int:
        """How many were no repetition."""
        taken = 0
        token = self._signer.token("simulator", "tppo-intake", ["events:write"])
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents-batch+json"}
        with httpx.Client(base_url=self.stack.addresses.intake, timeout=30) as http:
            for begin in range(0, len(events), 50):
                answer = http.post("/events", content=orjson.dumps(events[begin : begin + 50]), headers=headers)
                assert answer.status_code == 202, answer.text[:500]
                assert answer.json()["rejected"] == [], answer.text[:500]
                taken += answer.json()["accepted"]
        return taken

    def _settled(self) -> bool:
        """Taken first, then the ends: whatever was in between makes them differ."""
        taken = self._taken()
        return all(taken.get(t, 0) == self._total(t) - self._base[t] for t in READ_BY_RISK)

    def _taken(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.stack.addresses.admin['risk']}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        found: dict[str, float] = {}
        for line in lines:
            if line.startswith("tppo_messages_total{"):
                topic = re.search(r'topic="([^"]+)"', line)
                assert topic is not None
                found[topic[1]] = found.get(topic[1], 0) + float(line.rsplit(" ", 1)[1])
        return found

    def _ends(self, topic: str) -> dict[TopicPartition, int]:
        where = [TopicPartition(topic, p) for p in sorted(self._offsets.partitions_for_topic(topic) or ())]
        return dict(self._offsets.end_offsets(where))

    def _reached(self, topic: str, total: int) -> bool:
        return self._total(topic) >= total

    def _total(self, topic: str) -> int:
        return sum(self._ends(topic).values())

    def _news(self, topic: str, kind: bytes) -> list[bytes]:
        """Messages since the last question."""
        since, ends = self._said[topic], self._ends(topic)
        self._said[topic] = ends
        wanted = sum(ends.values()) - sum(since.values())
        if not wanted:
            return []
        self._offsets.assign(list(ends))
        for where, offset in since.items():
            self._offsets.seek(where, offset)
        found: list[Any] = []

        def all_there() -> bool:
            for records in self._offsets.poll(timeout_ms=200, max_records=5000).values():
                found.extend(records)
            return len(found) >= wanted

        until(all_there, f"{wanted} messages of {topic}", 30)
        return [r.value for r in found if dict(r.headers).get("kind") == kind]


@contextmanager
def running() -> Iterator[System]:
    """On Apache Kafka: the embedded broker does not tell where its topics end."""
    with tempfile.TemporaryDirectory(prefix="tppo-bench-", ignore_cleanup_errors=True) as folder:
        kafka = apache.start(Path(folder) / "kafka")
        stack = Stack(Path(folder) / "stack", list(Tables.load().agencies), f"127.0.0.1:{kafka.port}", ("intake",))
        try:
            stack.start()
            system = System(stack)
            yield system
            system.close()
        finally:
            stack.stop()
            kafka.stop()
