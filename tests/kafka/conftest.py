"""The same stack on real Apache Kafka."""

from collections.abc import Iterator

import pytest

from tests.kafka import apache
from tests.stack.conftest import Played, run_day


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own for a module."""
    broker = apache.start(tmp_path_factory.mktemp("own-kafka"))
    try:
        yield f"127.0.0.1:{broker.port}"
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def played(own_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A day on a broker of its own: another day on the same topics would count as this one's."""
    yield from run_day(tmp_path_factory.mktemp("stack-on-kafka"), own_broker)
