"""The end-to-end tests of tests/stack, word for word, on Apache Kafka 4."""

import pytest

from tests.stack.test_whole_way import *  # noqa: F403 - the same tests with another `played`

pytestmark = pytest.mark.kafka
