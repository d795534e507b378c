"""The tests of the hand-over, word for word, on Apache Kafka 4."""

import pytest

from tests.stack.test_hand_over import *  # noqa: F403 - the same tests with another broker

pytestmark = pytest.mark.kafka
