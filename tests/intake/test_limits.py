"""What one client may do."""

from hypothesis import given
from hypothesis import strategies as st

from services.intake.limits import KEPT, RateLimit


def test_a_burst_passes_and_then_the_rate_counts() -> None:
    limit = RateLimit(rate=10, burst=50)
    assert limit.wait("a", 50, 0.0) == 0
    assert limit.wait("a", 10, 0.0) == 1.0
    assert limit.wait("a", 10, 1.0) == 0
    assert limit.wait("b", 50, 1.0) == 0


def test_a_batch_larger_than_the_bucket_passes_when_it_is_full() -> None:
    limit = RateLimit(rate=10, burst=50)
    assert limit.wait("a", 200, 0.0) == 0
    assert limit.wait("a", 1, 1.0) > 0


def test_a_client_that_waits_as_told_is_taken() -> None:
    limit = RateLimit(rate=7, burst=20)
    assert limit.wait("a", 20, 0.0) == 0
    wait = limit.wait("a", 13, 3.0 / 7)
    assert wait > 0
    assert limit.wait("a", 13, 3.0 / 7 + wait + 1e-6) == 0


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 3)), max_size=60))
def test_no_more_than_burst_and_rate_allow_ever_passes(steps: list[tuple[int, float]]) -> None:
    limit, now, taken = RateLimit(rate=10, burst=30), 0.0, 0
    for events, later in steps:
        now += later
        if limit.wait("a", events, now) == 0:
            taken += events
        assert taken <= 30 + 10 * now + 1e-6


def test_clients_remembered_are_bounded() -> None:
    limit = RateLimit(rate=1, burst=1)
    for n in range(KEPT + 50):
        limit.wait(f"client-{n}", 1, 0.0)
    assert len(limit._buckets) == KEPT
