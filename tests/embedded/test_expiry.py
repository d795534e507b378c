"""Expiry on the embedded store: what is older than its index says goes, and nothing else; a store that is away is asked again."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import IndexModel, MongoClient

from services.embedded import expiry, store
from services.embedded.processes import Child
from services.runtime.documents import migrate
from services.runtime.settings import StoreSettings
from tests import own_store
from tests.own_store import address
from tests.waiting import until

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    with own_store.running(tmp_path) as running:
        yield running


def migrated(child: Child, service: str, *, ttl: bool = False, **seconds: int | None) -> None:
    """Collections with an index on `at`, which fades after so many seconds or never."""
    fades = {name: {} if s is None else {"expireAfterSeconds": s} for name, s in seconds.items()}
    indexes = {name: [IndexModel([("other", 1)]), IndexModel([("at", 1)], **f)] for name, f in fades.items()}
    migrate(StoreSettings(uri=SecretStr(address(child)), ttl=ttl), service, indexes)


@pytest.fixture
def client(child: Child) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](address(child)) as found:
        yield found


def test_what_is_past_its_time_goes_and_nothing_else(child: Child, client: MongoClient[dict[str, Any]]) -> None:
    fading, lasting = client["tppo_a"]["fading"], client["tppo_b"]["lasting"]
    migrated(child, "a", ttl=True, fading=3600)  # as an older version did
    migrated(child, "a", fading=3600)
    migrated(child, "a", fading=3600)
    migrated(child, "b", lasting=None)
    assert [
        i for i in fading.list_indexes() if "expireAfterSeconds" in i
    ] == []  # or the store's own sweeper reads it all
    fading.insert_many([{"_id": "old", "at": NOW - 2 * HOUR}, {"_id": "young", "at": NOW}, {"_id": "timeless"}])
    lasting.insert_one({"_id": "old", "at": NOW - 2 * HOUR})
    assert expiry.expire(client, NOW) == 1
    assert {d["_id"] for d in fading.find()} == {"young", "timeless"}
    assert lasting.count_documents({}) == 1


def test_a_store_that_was_away_is_asked_again(
    child: Child, client: MongoClient[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "EVERY_S", 0.05)
    migrated(child, "a", fading=3600)
    child.stop()
    failed = threading.Event()
    asked = expiry.expire

    def noticed(client: MongoClient[dict[str, Any]], now: datetime) -> int:
        try:
            return asked(client, now)
        except Exception:
            failed.set()
            raise

    monkeypatch.setattr(expiry, "expire", noticed)
    thread = expiry.Expiry(f"{address(child)}&serverSelectionTimeoutMS=100")
    thread.start()
    assert failed.wait(20)
    assert child.port is not None
    again = store.start(child.port, tmp_path / "store", tmp_path)
    try:
        again.wait_for_port()
        client["tppo_a"]["fading"].insert_one({"_id": "old", "at": datetime.now(UTC) - 2 * HOUR})
        until(lambda: client["tppo_a"]["fading"].count_documents({}) == 0, "the old one to go")
        thread.stop()
        thread.join(20)
        assert not thread.is_alive()
    finally:
        again.stop()
