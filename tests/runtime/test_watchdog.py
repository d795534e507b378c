"""A worker that stands still is ended; one that moves is not."""

import threading

import structlog

from services.runtime.watchdog import EXIT_STALLED, Progress, watch
from tests.waiting import until

LOG = structlog.get_logger()


def test_a_worker_that_stands_still_is_ended() -> None:
    ended: list[int] = []
    watch(Progress(), 0.05, LOG, ended.append)
    until(lambda: ended == [EXIT_STALLED], "the end of the worker", 5)


def test_a_worker_that_moves_is_not_ended() -> None:
    """The one that stands is ended by the same limit, twice as late: the other moved all the time."""
    moving, ended = Progress(), threading.Event()
    watch(moving, 0.2, LOG, lambda _: ended.set())
    done: list[int] = []
    watch(Progress(), 0.4, LOG, done.append)

    def other_ended() -> bool:
        moving.moved()
        return bool(done)

    until(other_ended, "the other to be ended", 5)
    assert not ended.is_set()
