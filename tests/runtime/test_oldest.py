"""Reading a time index in pieces finds what reading it whole would find."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.oldest import Oldest, walk

START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = st.integers(0, 400 * 86400).map(lambda seconds: START + timedelta(seconds=seconds))


class Index:
    """A time index, and how many entries its questions matched."""

    def __init__(self, times: list[datetime]) -> None:
        self.times, self.matched = sorted(times), 0

    def find(self, after: datetime | None, until: datetime, limit: int) -> list[datetime]:
        found = [t for t in self.times if t <= until and (after is None or t > after)]
        self.matched += len(found)
        return found[:limit]


@given(st.lists(TIMES, max_size=40), st.lists(st.tuples(TIMES, st.lists(TIMES, max_size=3)), max_size=6))
def test_it_finds_the_oldest_whatever_came_or_went_in_between(
    times: list[datetime], looks: list[tuple[datetime, list[datetime]]]
) -> None:
    """Also what came in before a place that was empty at the last look, and when the clock was set back."""
    index, oldest = Index(times), Oldest()
    for until, more in looks:
        found = oldest.until(until, 5, index.find, lambda t: t)
        assert found == [t for t in index.times if t <= until][:5]
        gone = set(found[:2])
        index.times = sorted([t for t in index.times if t not in gone] + more)


@given(st.lists(TIMES, max_size=40), TIMES, TIMES)
def test_a_walk_finds_the_oldest_after_a_place(times: list[datetime], after: datetime, until: datetime) -> None:
    index = Index(times)
    assert walk(index.find, after, until, 5) == [t for t in index.times if after < t <= until][:5]


def test_from_the_second_look_on_it_reads_about_what_it_gives() -> None:
    index, oldest = Index([START + timedelta(seconds=n) for n in range(20_000)]), Oldest()
    until = START + timedelta(days=9)
    oldest.until(until, 50, index.find, lambda t: t)
    index.matched = 0
    for _ in range(20):
        found = oldest.until(until, 50, index.find, lambda t: t)
        assert len(found) == 50
        index.times = index.times[50:]
    assert index.matched < 20 * 50 * 3
