"""The pump under stress, word for word, on Apache Kafka 4."""

import pytest

from tests.stack.test_pump import *  # noqa: F403 - the same tests with another broker

pytestmark = pytest.mark.kafka
