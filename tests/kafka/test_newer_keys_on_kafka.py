"""Token keys that rotate under two workers, word for word, on Apache Kafka 4."""

import pytest

from tests.stack.test_newer_keys import *  # noqa: F403 - the same tests with another broker

pytestmark = pytest.mark.kafka
