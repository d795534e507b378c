"""A real store for the tests of notify: one server for all, a database for each test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database

from services.embedded import store
from services.embedded.processes import free_port
from services.notify.store import INDEXES
from services.runtime.documents import migrate
from services.runtime.settings import StoreSettings


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoClient[dict[str, Any]]]:
    folder: Path = tmp_path_factory.mktemp("notify")
    child = store.start(free_port(), folder / "store", folder / "logs")
    child.wait_for_port()
    client: MongoClient[dict[str, Any]] = MongoClient(
        f"mongodb://127.0.0.1:{child.port}/?retryWrites=false", tz_aware=True
    )
    yield client
    client.close()
    child.stop()


@pytest.fixture
def database(server: MongoClient[dict[str, Any]]) -> Database[dict[str, Any]]:
    name, (host, port) = uuid4().hex[:12], server.address or ("", 0)
    uri = SecretStr(f"mongodb://{host}:{port}/?retryWrites=false")
    migrate(StoreSettings(uri=uri, database_prefix="t"), name, INDEXES)
    return server[f"t{name}"]
