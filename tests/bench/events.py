"""Events of a simulated office as they leave the door, padded to 1 kB."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime

import orjson

from services.cli.offline import Offline
from services.contracts.passport_events import EventAccepted
from services.intake.tokens import Tokeniser
from services.simulator.world import Plan, World

LENGTH = 1000


def accepted(first: date, last: date) -> Iterator[EventAccepted]:
    """Everything that arrives between two days, in order of arrival, through intake's plain functions."""
    run = Offline(Tokeniser(os.urandom(32)), datetime(last.year + 1, 12, 31, tzinfo=UTC))
    yield from run.accepted(arrived.line for arrived in World(Plan(first, last, rings=1), lambda _: None).stream())
    assert run.bad == []


def padded(event: EventAccepted) -> bytes:
    """The event as it stands on the topic, filled up with a field that readers do not know."""
    wire = event.encode()
    missing = LENGTH - len(wire) - len(b',"zz_pad":""')
    return wire[:-1] + orjson.dumps({"zz_pad": "x" * missing}).replace(b"{", b",", 1) if missing > 0 else wire
