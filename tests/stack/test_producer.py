"""The producer after its broker stood still: kafka-python's own gives its id up then and sends nothing ever again."""

import signal
from pathlib import Path

import pytest

from services.embedded import broker
from services.embedded.processes import free_port
from services.runtime import topics
from services.runtime.away import AWAY
from services.runtime.broker import Outgoing, Producer
from services.runtime.settings import KafkaSettings
from tests.stack.conftest import state_of
from tests.waiting import until

ONE = Outgoing("said", b"k", b"one")


def stands_still(pid: int) -> bool:
    return all(state_of(int(task.name)) == "T" for task in Path(f"/proc/{pid}/task").iterdir())


def test_what_is_sent_after_the_broker_stood_still_arrives(tmp_path: Path) -> None:
    port = free_port()
    child = broker.start(port, tmp_path)
    settings = KafkaSettings(bootstrap=f"127.0.0.1:{port}")
    try:
        child.wait_for_port()
        spec = topics.TopicSpec(partitions=1, retention_hours=1, cleanup="delete", dead_letters=False)
        topics.apply(settings, {"said": spec})
        producer = Producer(settings)
        assert producer.send_all([ONE]) == 1
        child.process.send_signal(signal.SIGSTOP)
        until(lambda: stands_still(child.process.pid), "every thread of the broker to stand still")
        try:
            with pytest.raises(AWAY):
                producer.send_all([ONE])
        finally:
            child.process.send_signal(signal.SIGCONT)

        def sent() -> bool:
            try:
                return producer.send_all([ONE]) == 1
            except AWAY:
                return False

        until(sent, "the producer to send again", 30)
        producer.close()
    finally:
        child.stop()
