"""The consumer loop and the outbox on a real broker and a real store: the three kinds of failure, and what is committed."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from kafka import TopicPartition
from pymongo.errors import AutoReconnect

from services.runtime import outbox, topics
from services.runtime.broker import Incoming, Outgoing, Producer, consumer
from services.runtime.failures import Reject, Retry
from services.runtime.health import Health
from services.runtime.loop import MAX_ATTEMPTS, UNEXPECTED_LIMIT, ConsumerLoop, TooManyUnexpected
from tests.stack.conftest import Played
from tests.waiting import until


class Bench:
    """A topic of its own, a loop over it, and what the handler saw."""

    def __init__(
        self, played: Played, handle: Callable[["Bench", Incoming], None], effects: Callable[[], int] = lambda: 0
    ) -> None:
        self.played, self.topic, self.group = played, f"loop-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
        spec = topics.TopicSpec(partitions=1, retention_hours=1, cleanup="delete", dead_letters=True)
        topics.apply(played.kafka, {self.topic: spec, f"{self.topic}-dlq": spec})
        self.seen: list[bytes] = []
        self.health = Health()
        self._handle, self._effects = handle, effects
        self.producer = Producer(played.kafka)
        self.loop = self.fresh()

    def fresh(self) -> ConsumerLoop:
        """A loop as after a restart."""
        self.loop = ConsumerLoop(
            consumer(self.played.kafka, self.group), {self.topic: self._take}, producer=self.producer, effects=self._effects,
            health=self.health, log=structlog.get_logger(),
        )  # fmt: skip
        self.loop._consumer.subscribe(topics=[self.topic], listener=self.loop)
        self.health.assigned = False
        self.turn_until(lambda: self.health.assigned, "the group to be joined")
        return self.loop

    def _take(self, message: Incoming) -> None:
        self.seen.append(message.value or b"")
        self._handle(self, message)

    def send(self, *values: bytes) -> None:
        self.producer.send_all([Outgoing(self.topic, b"k", v, [("kind", b"Test")]) for v in values])

    def turn_until(self, condition: Callable[[], bool], what: str) -> None:
        def turned() -> bool:
            self.loop.turn()
            return condition()

        until(turned, what, 45)

    def committed(self) -> int:
        return int(self.loop._consumer.committed(TopicPartition(self.topic, 0)) or 0)

    def letters(self) -> list[Any]:
        return self.played.read(f"{self.topic}-dlq")


@pytest.fixture
def bench(played: Played) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(handle: Callable[[Bench, Incoming], None], **more: Any) -> Bench:
        made.append(Bench(played, handle, **more))
        return made[-1]

    yield make
    for each in made:
        each.loop._consumer.close(autocommit=False)
        each.producer.close()


def test_a_message_is_committed_after_its_effects(bench: Callable[..., Bench]) -> None:
    order: list[str] = []

    def effects() -> int:
        order.append("effects")
        return 0

    b = bench(lambda b, m: order.append("handled"), effects=effects)
    b.send(b"1", b"2")
    b.turn_until(lambda: b.committed() == 2, "the commit")
    last = len(order) - 1 - order[::-1].index("handled")
    assert "effects" in order[last:]


def test_a_reject_is_a_dead_letter_with_its_original_and_the_rest_goes_on(bench: Callable[..., Bench]) -> None:
    def handle(b: Bench, m: Incoming) -> None:
        if m.value == b"bad":
            raise Reject("is bad")

    b = bench(handle)
    b.send(b"1", b"bad", b"2")
    b.turn_until(lambda: b.committed() == 3, "the commit")
    assert b.seen == [b"1", b"bad", b"2"]
    (letter,) = b.letters()
    headers = {k: v.decode() for k, v in letter.headers}
    assert letter.value == b"bad"
    assert headers["kind"] == "Test"
    assert (headers["dlq-kind"], headers["dlq-reason"], headers["dlq-offset"], headers["dlq-topic"]) == (
        "reject",
        "is bad",
        "1",
        b.topic,
    )


def test_one_message_that_keeps_failing_is_tried_n_times_and_order_holds(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runtime.loop.BACKOFF_S", (0.01,) * MAX_ATTEMPTS)

    def handle(b: Bench, m: Incoming) -> None:
        if m.value == b"stubborn":
            raise Retry("not yet")

    b = bench(handle)
    b.send(b"1", b"stubborn", b"2")
    b.turn_until(lambda: b.committed() == 3, "the commit")
    assert b.seen == [b"1", *[b"stubborn"] * MAX_ATTEMPTS, b"2"]
    assert dict(b.letters()[0].headers)["dlq-kind"] == b"exhausted"
    assert dict(b.letters()[0].headers)["dlq-attempt"] == str(MAX_ATTEMPTS).encode()


def test_an_unexpected_error_is_a_dead_letter_with_its_trace(bench: Callable[..., Bench]) -> None:
    def handle(b: Bench, m: Incoming) -> None:
        if m.value == b"boom":
            raise ZeroDivisionError

    b = bench(handle)
    b.send(b"boom", b"2")
    b.turn_until(lambda: b.committed() == 2, "the commit")
    headers = dict(b.letters()[0].headers)
    assert (headers["dlq-kind"], headers["dlq-reason"]) == (b"unexpected", b"ZeroDivisionError")
    assert b"test_loop.py" in headers["dlq-trace"]


def test_too_many_unexpected_errors_stop_the_loop_and_commit_nothing_more(bench: Callable[..., Bench]) -> None:
    def handle(b: Bench, m: Incoming) -> None:
        raise ZeroDivisionError

    b = bench(handle)
    b.send(*[b"boom"] * 50)
    with pytest.raises(TooManyUnexpected):
        b.turn_until(lambda: False, "the end")
    assert len(b.seen) == UNEXPECTED_LIMIT + 1
    assert b.committed() == 0


def test_bad_input_alone_never_stops_the_loop(bench: Callable[..., Bench]) -> None:
    def handle(b: Bench, m: Incoming) -> None:
        raise Reject("bad")

    b = bench(handle)
    b.send(*[b"bad"] * 60)
    b.turn_until(lambda: b.committed() == 60, "all to be put aside")


def test_while_the_store_is_away_the_partition_waits_without_limit(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runtime.loop.BACKOFF_S", (0.01,) * MAX_ATTEMPTS)
    away = [True]

    def handle(b: Bench, m: Incoming) -> None:
        if away[0]:
            raise AutoReconnect("store")

    b = bench(handle)
    b.send(b"1", b"2")
    b.turn_until(lambda: len(b.seen) > MAX_ATTEMPTS + 3, "many tries")
    assert b.health.ready() == (False, "away: AutoReconnect")
    assert set(b.seen) == {b"1"}
    assert b.committed() == 0
    away[0] = False
    b.turn_until(lambda: b.committed() == 2, "the commit")
    assert b.letters() == []
    assert b.health.ready() == (True, "ready")


def test_while_publishing_fails_nothing_is_committed(bench: Callable[..., Bench]) -> None:
    away = [True]

    def effects() -> int:
        if away[0]:
            raise ConnectionError("broker")
        return 0

    b = bench(lambda b, m: None, effects=effects)
    b.send(b"1")
    b.turn_until(lambda: len(b.seen) == 1, "the message")
    for _ in range(3):
        b.loop.turn()
    assert b.committed() == 0
    away[0] = False
    b.turn_until(lambda: b.committed() == 1, "the commit")


def test_what_was_not_committed_is_read_again_after_a_restart(bench: Callable[..., Bench]) -> None:
    stop = [True]

    def effects() -> int:
        if stop[0]:
            raise ConnectionError("broker")
        return 0

    b = bench(lambda b, m: None, effects=effects)
    b.send(b"1", b"2")
    b.turn_until(lambda: len(b.seen) == 2, "the messages")
    b.loop._consumer.close(autocommit=False)
    b.seen.clear()
    stop[0] = False
    b.fresh()
    b.turn_until(lambda: b.committed() == 2, "the commit")
    assert b.seen == [b"1", b"2"]


@pytest.fixture
def documents(played: Played) -> Any:
    return played.mongo["tppo_test"][f"docs_{uuid.uuid4().hex[:8]}"]


def _document(*messages: Outgoing) -> dict[str, Any]:
    return {"_id": "d1", "inbox": [], "outbox": [outbox.owed(n, m) for n, m in enumerate(messages)]}


def test_an_outbox_is_sent_and_struck_out_and_order_holds(bench: Callable[..., Bench], documents: Any) -> None:
    b = bench(lambda b, m: None)
    messages = [Outgoing(b.topic, b"k", str(n).encode(), [("kind", b"Test")]) for n in range(5)] + [
        Outgoing(b.topic, b"k", None)
    ]
    outbox.write(documents, _document(*messages), expected=0)
    assert outbox.publish(documents, b.producer) == 6
    assert outbox.publish(documents, b.producer) == 0
    assert [r.value for r in b.played.read(b.topic)] == [b"0", b"1", b"2", b"3", b"4", None]
    stored = documents.find_one({"_id": "d1"})
    assert (stored["outbox"], stored["pending"]) == ([], False)


def test_a_document_that_somebody_else_wrote_in_between_is_a_conflict(documents: Any) -> None:
    outbox.write(documents, _document(), expected=0)
    with pytest.raises(outbox.Conflict):
        outbox.write(documents, _document(), expected=0)
    outbox.write(documents, _document(), expected=1)
    with pytest.raises(outbox.Conflict):
        outbox.write(documents, _document(), expected=1)


def test_striking_out_moves_the_version_so_that_an_old_outbox_does_not_come_back(
    bench: Callable[..., Bench], documents: Any
) -> None:
    b = bench(lambda b, m: None)
    outbox.write(documents, _document(Outgoing(b.topic, b"k", b"1")), expected=0)
    outbox.publish(documents, b.producer)
    with pytest.raises(outbox.Conflict):
        outbox.write(documents, _document(Outgoing(b.topic, b"k", b"1")), expected=1)
