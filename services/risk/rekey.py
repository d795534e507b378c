"""Moves the store to newer token keys, in steps beside the work of events; safe to repeat and to cut short.

The network hears of it like of a correction: an application leaves the older token and names the newer one. Marks go along.
"""

import asyncio
from collections.abc import Iterable

from services.contracts import tokens
from services.contracts.network import EntityMarked
from services.risk.batch import Newest, Send
from services.risk.network.look import look
from services.risk.network.store import EntityStore
from services.risk.pack import Pack
from services.risk.record import Record, with_newest
from services.risk.store import Keys, MongoStore


async def move(store: MongoStore, entities: EntityStore, keys: Keys, newest: Newest, pack: Pack, send: Send) -> int:
    """Every record and fact to the wanted version or newer; one that a worker writes meanwhile is read again. Returns how many."""
    done, version = 0, keys.wanted
    marks = (m for e in await entities.marked() for m in e.marks.values())
    await send(await of_newer_keys(marks, version, newest))
    async for ids in store.older_records(version):
        while records := [r for r in (await store.read(ids)).values() if _older(r, version)]:
            newer = await newest({t for r in records for t in r.tokens()}, version)
            news = []
            for record in records:
                record.move(newer)
                news += look(record, pack) if record.state == "open" else []
                await asyncio.sleep(0)  # events go on meanwhile
            await send(news)
            await store.write(records)
        done += len(ids)
    async for facts in store.older_facts(version):
        newer = await newest({t for e in facts for t in tokens.found(e.data)}, version)
        await store.keep_facts([with_newest(e, newer) for e in facts])
        done += len(facts)
    await store.all_moved(keys)
    return done


def _older(record: Record, version: int) -> bool:
    return min(record.key_versions(), default=version) < version


async def of_newer_keys(marks: Iterable[EntityMarked], version: int, newest: Newest) -> list[EntityMarked]:
    """The marks that stand on tokens of older keys, on the newer ones."""
    older = [m for m in marks if (v := tokens.version_of(m.entity)) is not None and v < version]
    if not older:
        return []
    newer = await newest({m.entity for m in older}, version)
    return [m.model_copy(update={"entity": newer.by_old[m.entity]}) for m in older if m.entity in newer.by_old]
