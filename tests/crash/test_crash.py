"""A day plays while every service is killed with SIGKILL at each of its fault points and started again.

In each round every service runs with its next fault point armed; all of them must die there. Then they are started
without, the round's events are played to their end, and at the very end the verifier looks at topics and store alone.
"""

import re
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from kafka import TopicPartition
from pymongo import MongoClient

from services.contracts import ids
from services.contracts.calendar import is_working_day
from services.embedded.player import Player
from services.embedded.stack import TOPICS, Stack
from services.referral.tables import Tables
from services.runtime import topics
from services.runtime.broker import consumer
from services.runtime.settings import KafkaSettings
from services.simulator.day import play
from tests.crash.clean import differing
from tests.crash.verifier import Record, World, verify
from tests.waiting import until

SOURCE = Path(__file__).parents[2] / "services"
# `:n` is the n-th time that a point is met. One publish may hold all messages of a round, so points of the outbox are met first.
POINTS: dict[str, tuple[str, ...]] = {
    "intake": ("intake.before_vault:2", "intake.after_vault:3", "intake.before_send:4", "intake.after_send:3", "intake.raw_before_commit:1"),
    "risk": ("risk.before_send:2", "risk.after_send:1", "risk.after_write:1", "risk.assess.before_commit:1", "risk.link.after_send:1", "risk.link.before_commit:1", "risk.rings.after_send:1", "risk.tie.before_commit:1"),
    "referral": ("referral.before_write:2", "referral.after_write:2", "outbox.before_send:1", "outbox.after_send:1", "loop.before_commit:2"),
    "notify": ("notify.before_write:2", "notify.after_write:2", "notify.before_send:1", "notify.after_send:2", "outbox.after_send:1", "outbox.before_send:1", "loop.before_commit:1"),
    "ledger": ("loop.before_commit:3",),
}  # fmt: skip
ROUNDS = max(len(points) for points in POINTS.values())
APPLICATIONS = 60
RATE = 150  # events a second: slow enough that each service meets its point more than once
# Working days: on a Saturday nobody applies, and no service meets its point.
DAYS = [d for n in range(31) if is_working_day(d := date(2026, 9, 1) + timedelta(days=n))]


def test_every_fault_point_of_the_code_is_killed_at() -> None:
    named = {
        p for f in SOURCE.rglob("*.py") for p in re.findall(r'(?:faults\.point\(|\bfault=)"([a-z_.]+)"', f.read_text())
    }
    planned = {p.partition(":")[0] for points in POINTS.values() for p in points}
    assert named == planned


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path, list(Tables.load().agencies))
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.mark.crash
def test_nothing_is_lost_and_nothing_happens_twice_when_services_are_killed(stack: Stack) -> None:
    sent: list[tuple[str, str]] = []
    for number in range(ROUNDS):
        armed = {s: points[number] for s, points in POINTS.items() if number < len(points)}
        for service, point in armed.items():
            stack.children[service].stop()
            stack.start_service(service, TPPO_FAULT=point)
        events = tied(play(DAYS[number], applications=APPLICATIONS, seed=number))
        player = Player(stack, events, rate=RATE)
        player.start()
        waiting = dict(armed)

        def all_died(waiting: dict[str, str] = waiting, player: Player = player) -> bool:
            player.must_live()
            for service in list(waiting):
                code = stack.children[service].process.poll()
                if code is not None:
                    assert code == -9, f"{service} ended with {code} instead of at {waiting[service]}"
                    del waiting[service]
                    stack.start_service(service)
            return not waiting

        until(all_died, lambda waiting=waiting: f"these to die at their points: {waiting}", 60)  # type: ignore[misc]
        until(lambda player=player: _live(player), f"the events of round {number} to be sent", 90)  # type: ignore[misc]
        sent += [(e["subject"], ids.event_id(e["source"], e["id"])) for e in events]
    until(lambda: _settled(stack, len(sent)), "everything to come out", 90)
    # What a killed notify had claimed is sent again when its lease is over.
    until(lambda: not verify(_world(stack, sent)), lambda: str(verify(_world(stack, sent))[:3]), 90)
    # Signals of the network come after their events: until nothing more is other than in a clean run.
    until(
        lambda: not differing(_world(stack, sent).records), lambda: str(differing(_world(stack, sent).records)[:3]), 60
    )


def tied(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some applicants of the day name one host abroad, so that the network has somebody to tie."""
    forms = [e["data"] for e in events if e["type"] == "application.submitted"]
    for form in forms[:6]:
        form["host_phone"] = forms[-1]["phone"]
    return events


def _live(player: Player) -> bool:
    player.must_live()
    return player.done


def _settled(stack: Stack, wanted: int) -> bool:
    with urllib.request.urlopen(f"{stack.addresses.admin['ledger']}/summary", timeout=10) as answer:
        summary: dict[str, int] = orjson.loads(answer.read())
    return summary["accepted"] == wanted and summary["unaccounted"] == 0 and summary["delivered"] > 0


def _world(stack: Stack, sent: list[tuple[str, str]]) -> World:
    names = [
        t for t in topics.read_table(TOPICS, stack.agencies) if t != "passport-raw" and not t.startswith("answers-")
    ]
    reader = consumer(KafkaSettings(bootstrap=stack.bootstrap), None)
    reader.assign([TopicPartition(n, p) for n in names for p in sorted(reader.partitions_for_topic(n) or ())])
    reader.seek_to_beginning()
    found: list[Any] = []
    quiet = 0

    def enough() -> bool:
        nonlocal quiet
        polled = [r for records in reader.poll(timeout_ms=200, max_records=5000).values() for r in records]
        found.extend(polled)
        quiet = 0 if polled else quiet + 1
        return quiet >= 5

    until(enough, "all topics to be read", 60)
    reader.close()
    records = [Record(r.topic, dict(r.headers or ()).get("kind", b"").decode(), r.value) for r in found]
    client: MongoClient[dict[str, Any]] = MongoClient(stack.addresses.store)
    vault = {
        d["_id"]: [e["id"] for e in d["events"]] for d in client["tppo_intake"]["vault"].find({}, {"events.id": 1})
    }
    client.close()
    mails = httpx.get(f"{stack.addresses.mail_page}/mails.json", timeout=10).json()
    return World(sent, records, vault, [(m["to"], m["headers"]["X-Idempotency-Key"]) for m in mails])
