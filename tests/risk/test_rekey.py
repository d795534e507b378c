"""Moving the store of risk to newer token keys, on the embedded store: nobody is passed by, and it ends however large the store is."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from services.contracts.network import EntityMarked
from services.contracts.tokens import Newer
from services.risk import rekey
from services.risk.batch import Newest
from services.risk.network.entity import Entity
from services.risk.network.store import EntityStore
from services.risk.pack import Pack
from services.risk.store import A_STEP, MongoStore
from services.runtime.newest import KeysUnreachable
from tests import own_store
from tests.build import NOW, accepted, record, submitted

PACK = Pack.load()
LIMIT_MS = 20_000
Story = Callable[[MongoStore, EntityStore], Awaitable[None]]


class Asked(CommandListener):
    """By command: how long each question about a whole collection was allowed to take, ms."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "find" and not {"_id", "marked"} & event.command["filter"].keys():
            self.limits.append(event.command["maxTimeMS"])

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_store.running(tmp_path_factory.mktemp("store")) as server:
        yield own_store.address(server)


@pytest.fixture
def on_store(address: str, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Runs a test over a database of its own that holds some applications under the first keys."""

    def run(test: Story, applications: int = 3, *listeners: CommandListener) -> None:
        async def main() -> None:
            client = AsyncMongoClient[dict[str, Any]](address, timeoutMS=LIMIT_MS, event_listeners=listeners)
            database = client[str(request.node.name)[:30]]
            store = MongoStore(database, lambda: NOW)
            event = accepted(submitted(phone="081234567890"))
            named = [event.model_copy(update={"application_id": f"A{n}"}) for n in range(applications)]
            await store.write([record(each) for each in named])
            await store.want_version(2)
            await test(store, EntityStore(database, lambda: NOW, 0))
            await client.close()

        asyncio.run(main())

    return run


async def newest(older: Iterable[str], version: int) -> Newer:
    return Newer(version, {t: t.replace(".1.", f".{version}.") for t in older})


async def quiet(messages: Sequence[object]) -> None: ...


async def versions(store: MongoStore, applications: int = 3) -> set[int]:
    records = await store.read(f"A{n}" for n in range(applications))
    return {v for r in records.values() for v in r.key_versions()}


async def move(store: MongoStore, entities: EntityStore, ask: Newest = newest) -> int:
    return await rekey.move(store, entities, await store.keys(), ask, PACK, quiet)


def test_every_record_moves_and_the_older_tokens_are_left(on_store: Callable[..., None]) -> None:
    async def test(store: MongoStore, entities: EntityStore) -> None:
        told: list[Any] = []
        entity = Entity(f"phone.1.{7:032x}", version=1)
        entity.marks["m"] = EntityMarked(
            entity=entity.id, entity_kind="phone", mark="recruiter_confirmed", marked_at=NOW.isoformat(),
            by="polres-cilacap", mark_id="m",
        )  # fmt: skip
        await entities.write([entity, Entity(f"phone.1.{8:032x}", version=1)], {})

        async def tell(messages: Sequence[object]) -> None:
            told.extend(messages)

        assert await rekey.move(store, entities, await store.keys(), newest, PACK, tell) == A_STEP + 1
        assert await versions(store, A_STEP + 1) == {2}
        assert (await store.keys()).done == 2
        assert {m.entity.split(".")[1] for m in told if m.entity_kind == "phone"} == {"2"}
        assert [m.entity for m in told if isinstance(m, EntityMarked)] == [f"phone.2.{7:032x}"]
        assert await move(store, entities) == 0

    on_store(test, A_STEP + 1)


def test_a_record_that_a_worker_writes_meanwhile_is_moved_all_the_same(on_store: Callable[..., None]) -> None:
    async def test(store: MongoStore, entities: EntityStore) -> None:
        meanwhile = iter([(await store.read(["A1"]))["A1"]])

        async def written_first(older: Iterable[str], version: int) -> Newer:
            for one in meanwhile:
                one.heard += 1
                assert await store.write([one]) == set()
            return await newest(older, version)

        await move(store, entities, written_first)
        assert await versions(store) == {2}
        assert (await store.read(["A1"]))["A1"].heard == 2  # the worker's signal and the move

    on_store(test)


def test_a_move_that_is_cut_short_goes_on_with_what_is_left(on_store: Callable[..., None]) -> None:
    async def test(store: MongoStore, entities: EntityStore) -> None:
        answers = iter([newest])

        async def away_after_one(older: Iterable[str], version: int) -> Newer:
            for answer in answers:
                return await answer(older, version)
            raise KeysUnreachable("answered 503")

        with pytest.raises(KeysUnreachable):
            await move(store, entities, away_after_one)
        assert await versions(store, A_STEP + 1) == {1, 2}
        assert (await store.keys()).done == 1
        assert await move(store, entities) == 1
        assert (await store.keys()).done == 2

    on_store(test, A_STEP + 1)


def test_what_is_written_under_older_keys_meanwhile_or_later_is_not_taken_for_moved(
    on_store: Callable[..., None],
) -> None:
    async def test(store: MongoStore, entities: EntityStore) -> None:
        async def late(older: Iterable[str], version: int) -> Newer:
            await store.wrote_of(1)
            return await newest(older, version)

        await move(store, entities, late)
        assert (await store.keys()).done == 1
        await move(store, entities)
        assert (await store.keys()).done == 2
        await store.wrote_of(2)
        assert (await store.keys()).done == 2
        await store.wrote_of(1)
        assert (await store.keys()).done == 1

    on_store(test)


def test_a_question_about_a_whole_collection_may_take_longer_than_a_call(on_store: Callable[..., None]) -> None:
    """A store of 20,000 applications needed more than the 5 s of a call: the move never ended."""
    asked = Asked()

    async def test(store: MongoStore, entities: EntityStore) -> None:
        await move(store, entities)

    on_store(test, 3, asked)
    assert len(asked.limits) == 2  # records, facts
    assert min(asked.limits) > 10 * LIMIT_MS
