"""A real store for the tests of notify: one server for all, a database for each test."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database

from services.notify.store import INDEXES
from services.runtime.documents import migrate
from services.runtime.settings import StoreSettings
from tests import own_store


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoClient[dict[str, Any]]]:
    with (
        own_store.running(tmp_path_factory.mktemp("notify")) as child,
        MongoClient[dict[str, Any]](own_store.address(child), tz_aware=True) as client,
    ):
        yield client


@pytest.fixture
def database(server: MongoClient[dict[str, Any]]) -> Database[dict[str, Any]]:
    name, (host, port) = uuid4().hex[:12], server.address or ("", 0)
    uri = SecretStr(f"mongodb://{host}:{port}/?retryWrites=false")
    migrate(StoreSettings(uri=uri, database_prefix="t"), name, INDEXES)
    return server[f"t{name}"]
