"""The end-to-end tests of tests/stack, word for word, on Apache Kafka 4; then programs that are not ours."""

import pytest

from tests.kafka.strangers import *  # noqa: F403 - on the same stack, after them
from tests.stack.test_whole_way import *  # noqa: F403 - the same tests with another `played`

pytestmark = pytest.mark.kafka
