"""Reading a topic from its beginning, for commands that look back."""

from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition

from services.cli.connection import Connection
from services.runtime.broker import consumer

QUIET_POLLS = 8


def read_all(connection: Connection, *names: str) -> Iterator[Any]:
    """Every record of some topics, partition by partition in order; ends when nothing more came for a while."""
    reader = consumer(connection.kafka, None)
    try:
        reader.assign([TopicPartition(n, p) for n in names for p in sorted(reader.partitions_for_topic(n) or ())])
        reader.seek_to_beginning()
        quiet = 0
        while quiet < QUIET_POLLS:
            polled = [r for records in reader.poll(timeout_ms=200, max_records=5000).values() for r in records]
            quiet = 0 if polled else quiet + 1
            yield from polled
    finally:
        reader.close()
