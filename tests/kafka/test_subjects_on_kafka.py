"""The tests of a person's own data, word for word, on Apache Kafka 4, where what was taken also goes from passport-raw."""

import pytest

from tests.stack.test_subjects import *  # noqa: F403 - the same tests with another broker

pytestmark = pytest.mark.kafka
