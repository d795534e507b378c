"""The same stack on real Apache Kafka."""

from collections.abc import Iterator

import pytest

from services.embedded.processes import Child
from tests.kafka import apache
from tests.stack.conftest import Played, run_day


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    broker = apache.start(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def played(kafka: Child, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    yield from run_day(tmp_path_factory.mktemp("stack-on-kafka"), f"127.0.0.1:{kafka.port}")


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own for a module."""
    broker = apache.start(tmp_path_factory.mktemp("own-kafka"))
    try:
        yield f"127.0.0.1:{broker.port}"
    finally:
        broker.stop()
