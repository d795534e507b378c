"""A group that has to join again is joined, however short the polls: the wedge of kafka-python 3.0.12 that `ConsumerLoop` works around."""

from pathlib import Path

import pytest
from kafka import TopicPartition
from pymongo import MongoClient

from services.embedded.stack import Stack
from services.runtime import topics
from services.runtime.broker import Outgoing
from tests.stack.conftest import Played
from tests.stack.test_loop import Bench

pytestmark = pytest.mark.kafka


def test_a_topic_made_after_the_group_was_joined_is_read_all_the_same(own_broker: str, tmp_path: Path) -> None:
    played = Played(Stack(tmp_path, [], own_broker), [], {}, MongoClient(connect=False))
    b = Bench(played, lambda b, m: None)
    late = f"{b.topic}-late"
    try:
        b.loop._poll_ms = 5  # a join outlasts one poll, as under load
        b.loop._handlers[late] = b.loop._handlers[b.topic]
        b.loop._consumer.subscribe(topics=[b.topic, late], listener=b.loop)
        b.turn_until(
            lambda: b.loop._consumer.assignment() == {TopicPartition(b.topic, 0)}, "the group without the topic"
        )
        spec = topics.TopicSpec(partitions=1, retention_hours=1, cleanup="delete", dead_letters=False)
        topics.apply(played.kafka, {late: spec})
        b.producer.send_all([Outgoing(late, b"k", b"late", [("kind", b"Test")])])
        b.turn_until(lambda: b.seen == [b"late"], "the message of the topic that was late")
    finally:
        b.loop._consumer.close(autocommit=False)
        b.producer.close()
