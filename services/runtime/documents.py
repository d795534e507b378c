"""Connections to the document store, the one step that creates indexes, and the way to read a whole collection."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import mongoengine
import pymongo
from pymongo import AsyncMongoClient, IndexModel, MongoClient
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.errors import OperationFailure

from services.runtime.settings import StoreSettings

Indexes = Mapping[str, Sequence[IndexModel]]
A_PASS_S = 3600  # to find the next may take as long as the collection is: over 20,000 applications the limit of a call was too short (measured)
EXPIRY = "expiry"  # by collection: the field and the seconds of its TTL index, where the store heeds none


def _options(settings: StoreSettings) -> dict[str, Any]:
    return {
        "serverSelectionTimeoutMS": settings.timeout_ms,
        "timeoutMS": settings.timeout_ms,
        "w": "majority",
        "journal": True,
        "tz_aware": True,
    }


def connect(settings: StoreSettings, service: str) -> Database[dict[str, Any]]:
    """The service's own database; mongoengine's default connection is set to it as well."""
    name = f"{settings.database_prefix}{service}"
    client: MongoClient[dict[str, Any]] = mongoengine.connect(
        name, host=settings.uri.get_secret_value(), uuidRepresentation="standard", **_options(settings)
    )
    return client[name]


def connect_async(settings: StoreSettings, service: str) -> AsyncDatabase[dict[str, Any]]:
    """The service's own database, for asyncio."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.uri.get_secret_value(), **_options(settings))
    return client[f"{settings.database_prefix}{service}"]


async def in_steps(found: AsyncCursor[dict[str, Any]], size: int) -> AsyncIterator[list[dict[str, Any]]]:
    """What a cursor finds, so many at once, in one pass: the embedded store looks for `_id > last` through all documents, each time anew (measured)."""
    while True:
        with pymongo.timeout(A_PASS_S):
            step = await found.to_list(size)
        if not step:
            return
        yield step


def migrate(settings: StoreSettings, service: str, indexes: Indexes) -> None:
    """Create what is missing; an index that stands there with other options is an error that names it.

    Where the store does not expire documents itself, TTL indexes are plain ones, and `expiry` says how long a document stays.
    """
    with MongoClient[dict[str, Any]](settings.uri.get_secret_value(), **_options(settings)) as client:
        database = client[f"{settings.database_prefix}{service}"]
        for collection, models in indexes.items():
            try:
                if models:
                    database[collection].create_indexes([_planned(database, collection, m, settings) for m in models])
            except OperationFailure as error:
                raise RuntimeError(f"index of {database.name}.{collection}: {error.details}") from error


def _planned(
    database: Database[dict[str, Any]], collection: str, model: IndexModel, settings: StoreSettings
) -> IndexModel:
    seconds = model.document.get("expireAfterSeconds")
    if settings.ttl or seconds is None:
        return model
    for standing in database[collection].list_indexes():
        if "expireAfterSeconds" in standing:  # of an older version
            database[collection].drop_index(standing["name"])
    (field,) = model.document["key"]
    database[EXPIRY].replace_one({"_id": collection}, {"field": field, "seconds": seconds}, upsert=True)
    return IndexModel([(field, 1)])
