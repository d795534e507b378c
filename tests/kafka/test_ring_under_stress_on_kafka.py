"""The growing ring, word for word, on Apache Kafka 4."""

import pytest

from tests.stack.test_ring_under_stress import *  # noqa: F403 - the same test with another broker

pytestmark = pytest.mark.kafka
