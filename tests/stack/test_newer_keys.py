"""Token keys rotate under two workers of risk: both say so, and what was still written or marked under the older keys follows."""

from collections.abc import Iterator
from datetime import date

import pytest

from services.contracts import tokens
from services.contracts.assessments import RiskAssessed
from services.contracts.network import EntityMarked
from services.contracts.passport_events import EventAccepted
from services.embedded.keys import add_version
from services.embedded.player import Player
from services.runtime.broker import Outgoing
from services.simulator.scene import Scene
from tests.stack.conftest import Follower, Played, is_on_newer_keys, newest_of, running
from tests.waiting import until

WORKERS = ("risk", "risk2")
GUESTS = Scene("tersebar", date(2025, 1, 6), seed=5, size=4).events()
LATE = "CLP-20250106-9999"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory, own_broker: str | None) -> Iterator[Played]:
    """A host abroad with four guests, and then newer keys."""
    with running(tmp_path_factory.mktemp("keys"), own_broker, "intake", "risk") as played:
        played.stack.start_service("risk", name="risk2")
        played.stack.wait_ready(WORKERS)
        player = Player(played.stack, GUESTS)
        player.run()
        player.must_live()
        yield played


@pytest.fixture(scope="module")
def told(ring: Played) -> Iterator[Follower]:
    follower = Follower(ring.kafka, EventAccepted.TOPIC, RiskAssessed.TOPIC)
    yield follower
    follower.close()


def guests(told: Follower) -> dict[str, RiskAssessed]:
    """The newest assessment of everybody whose host has other guests."""
    newest = newest_of(told.all(RiskAssessed.TOPIC))
    return {a: n for a, n in newest.items() if n.facts["net"].get("host_phone", {}).get("households", 0) > 1}


def submitted(told: Follower) -> EventAccepted:
    """As it was accepted under the first keys."""
    events = (
        EventAccepted.decode(r.value)
        for r in told.all(EventAccepted.TOPIC)
        if dict(r.headers)["kind"] == b"EventAccepted"
    )
    return next(e for e in events if e.type == "application.submitted" and "host_phone_token" in e.data)


def host(told: Follower) -> str:
    return str(submitted(told).data["host_phone_token"])


def test_every_worker_says_that_the_store_is_on_newer_keys(ring: Played, told: Follower) -> None:
    """Whichever of them heard of the keys, and whichever moved the store."""
    until(lambda: len(guests(told)) == 4, "the guests to be known as such", 60)
    assert tokens.version_of(host(told)) == 1
    add_version(ring.stack.folder / "keys" / "token_key")
    for name in WORKERS:
        until(lambda n=name: is_on_newer_keys(ring, n), f"{name} to say so", 60)  # type: ignore[misc]


def test_an_event_of_older_keys_that_comes_late_is_moved_and_meets_the_others(ring: Played, told: Follower) -> None:
    late = submitted(told).model_copy(update={"event_id": "late", "application_id": LATE})
    ring.send(Outgoing(late.TOPIC, late.key, late.encode(), [("kind", b"EventAccepted")]))
    until(lambda: LATE in guests(told), "the late one to be known as a guest", 60)
    records = ring.mongo["tppo_risk"]["records"]
    until(lambda: records.distinct("key_version") == [2], "every record to be under the newer keys")
    for name in WORKERS:
        until(lambda n=name: is_on_newer_keys(ring, n), f"{name} to say so")  # type: ignore[misc]


def test_a_mark_on_a_token_of_older_keys_reaches_those_who_name_the_newer_one(ring: Played, told: Follower) -> None:
    mark = EntityMarked(
        entity=host(told), entity_kind="phone", mark="recruiter_confirmed", marked_at="2025-02-12T09:00:00+07:00",
        by="polres-cilacap", mark_id="late",
    )  # fmt: skip
    ring.send(Outgoing(mark.TOPIC, mark.key, mark.encode(), [("kind", b"EntityMarked")]))
    everybody = guests(told).keys()
    assert len(everybody) == 5

    def marked() -> set[str]:
        return {
            a
            for a, n in guests(told).items()
            if "recruiter_confirmed" in n.facts["net"]["host_phone"].get("marked", ())
        }

    until(lambda: marked() == everybody, lambda: f"all to be marked: {len(marked())} of {len(everybody)}", 60)
