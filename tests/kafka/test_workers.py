"""On Apache Kafka two workers of each service share the load; a third joins and leaves, and nothing is lost."""

import logging
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import orjson
import pytest
from kafka import KafkaAdminClient

from services.contracts import ids
from services.embedded.player import Player
from services.embedded.processes import Child
from services.embedded.stack import SERVICES, Stack
from services.referral.tables import Tables
from services.simulator.day import play
from tests.crash.test_crash import _world
from tests.crash.verifier import verify
from tests.kafka import apache
from tests.waiting import until

pytestmark = pytest.mark.kafka
GROUPS = ("intake", "risk", "referral", "notify", "ledger")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A broker of its own: the offsets of another day's groups must not stand in the way."""
    broker: Child = apache.start(tmp_path / "kafka")
    stack = Stack(tmp_path / "stack", list(Tables.load().agencies), f"127.0.0.1:{broker.port}")
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        broker.stop()


def members(stack: Stack) -> dict[str, int]:
    """Members by group that own at least one partition."""
    logging.getLogger("kafka.admin").setLevel(
        logging.ERROR
    )  # it warns of faust's own assignment format, fully decoded or not
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap)
    try:
        found = admin.describe_groups(list(GROUPS))
    finally:
        admin.close()
    groups = found.values() if isinstance(found, dict) else found
    return {g["group_id"]: sum(bool(_owned(m)) for m in g["members"]) for g in groups}


def _owned(member: dict[str, object]) -> object:
    assignment = member.get("member_assignment")
    return assignment.get("assigned_partitions") if isinstance(assignment, dict) else assignment


def test_two_share_a_third_joins_and_leaves_and_nothing_is_lost(stack: Stack) -> None:
    for service in SERVICES:
        stack.start_service(service, name=f"{service}2")
    stack.wait_ready(tuple(f"{s}2" for s in SERVICES))
    until(lambda: all(n >= 2 for g, n in members(stack).items() if g != "notify"), "two members in each group", 60)
    events = play(date(2026, 9, 1), applications=160)
    half = len(events) // 2
    first = Player(stack, events[:half], rate=300)
    first.start()
    for service in SERVICES:
        stack.start_service(service, name=f"{service}3")
    until(lambda: _done(first), "the first half", 120)
    second = Player(stack, events[half:], rate=300)
    second.start()
    for service in SERVICES:
        stack.children[f"{service}3"].stop()
    until(lambda: _done(second), "the second half", 120)
    until(lambda: _settled(stack, len(events)), "everything to come out", 120)
    assert all(n >= 2 for n in members(stack).values()), members(stack)
    sent = [(e["subject"], ids.event_id(e["source"], e["id"])) for e in events]
    assert verify(_world(stack, sent)) == []


def _done(player: Player) -> bool:
    player.must_live()
    return player.done


def _settled(stack: Stack, wanted: int) -> bool:
    with urllib.request.urlopen(f"{stack.addresses.admin['ledger']}/summary", timeout=10) as answer:
        summary: dict[str, int] = orjson.loads(answer.read())
    return summary["accepted"] == wanted and summary["unaccounted"] == 0 and summary["delivered"] > 0
