"""A ring grows while everything happens to it: events in any order and twice, workers that join and die, token keys that rotate.

In the end every member stands where a clean run in order of time puts it, and the ring is the same one.
"""

import random
import signal
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from services.cli.offline import Offline
from services.contracts import tokens
from services.embedded.keys import add_version
from services.embedded.player import Player
from tests.stack import test_network as quietly
from tests.stack.conftest import Played, is_on_newer_keys, running
from tests.stack.test_network import clean as clean  # the same run in order
from tests.stack.test_pump import ready
from tests.waiting import until


def in_four() -> list[list[dict[str, Any]]]:
    """The events in any order; in each part some of what was sent before comes again."""
    events = quietly.events()
    chance = random.Random(3)
    chance.shuffle(events)
    cuts = [len(events) * n // 4 for n in range(5)]
    return [events[begin:end] + chance.sample(events[:end], end // 5) for begin, end in pairwise(cuts)]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory, own_broker: str | None) -> Iterator[Played]:
    with running(tmp_path_factory.mktemp("stress"), own_broker, "intake", "risk") as played:
        yield played


def feed(ring: Played, events: Sequence[dict[str, Any]]) -> None:
    player = Player(ring.stack, list(events))
    player.run()
    player.must_live()


def joins_and_dies(ring: Played, name: str, fault: str, events: Sequence[dict[str, Any]]) -> None:
    """A second worker takes its part of the partitions and is killed at a step between a sighting and what is told about it."""
    worker = ring.stack.start_service("risk", name=name, TPPO_FAULT=fault)

    def dead() -> bool:
        return worker.process.poll() == -signal.SIGKILL

    until(lambda: dead() or ready(ring, name), f"{name} to join", 60)
    feed(ring, events)
    until(dead, f"{name} to die at {fault}", 60)


def test_a_ring_that_grows_while_workers_die_and_keys_rotate_is_that_of_a_clean_run(
    ring: Played, clean: Offline
) -> None:
    first, second, third, last = in_four()
    feed(ring, first)
    joins_and_dies(ring, "risk2", "risk.after_write", second)
    add_version(ring.stack.folder / "keys" / "token_key")
    joins_and_dies(ring, "risk3", "risk.link.after_send", third)
    ring.stack.children["risk"].kill()
    ring.stack.start_service("risk")
    ring.stack.start_service("risk", name="risk4")
    feed(ring, last)
    ring.stack.wait_ready(("risk", "risk4"))
    until(lambda: is_on_newer_keys(ring, "risk"), "every record to be under the newer keys", 90)
    wanted = {a: quietly.essence(assessed) for a, assessed in clean.last.items()}
    until(
        lambda: {a: quietly.essence(n) for a, n in quietly.newest(ring).items()} == wanted, "what a clean run says", 90
    )
    until(lambda: quietly.rings(ring).keys() == clean.network.rings.keys(), "the ring to be told", 30)
    for ring_id, said in quietly.rings(ring).items():
        meant = clean.network.rings[ring_id]
        assert (said.members, said.kabupaten, said.density) == (meant.members, meant.kabupaten, meant.density)
        assert {tokens.version_of(e["token"]) for e in said.entities} <= {2, None}
