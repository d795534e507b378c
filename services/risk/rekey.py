"""Moves the store to newer token keys, in steps beside the work of events; safe to repeat and to cut short.

The network hears of it like of a correction: an application leaves the older token and names the newer one. Marks go along.
"""

from services.contracts import tokens
from services.contracts.network import EntityMarked
from services.risk.batch import Newest, Send
from services.risk.network.look import look
from services.risk.network.store import EntityStore
from services.risk.pack import Pack
from services.risk.record import with_newest
from services.risk.store import MongoStore


async def move(store: MongoStore, entities: EntityStore, version: int, newest: Newest, pack: Pack, send: Send) -> int:
    """Every record and fact to `version` or newer; one that a worker writes meanwhile is read again. Returns how many."""
    done = 0
    await send(await _marks(entities, version, newest))
    while records := await store.older_records(version):
        newer = await newest({t for r in records for t in r.tokens()}, version)
        news = []
        for record in records:
            record.move(newer)
            news += look(record, pack) if record.state == "open" else []
        await send(news)
        done += len(records) - len(await store.write(records))
    while facts := await store.older_facts(version):
        newer = await newest({t for e in facts for t in tokens.found(e.data)}, version)
        await store.keep_facts([with_newest(e, newer) for e in facts])
        done += len(facts)
    await store.all_moved(version)
    return done


async def _marks(entities: EntityStore, version: int, newest: Newest) -> list[EntityMarked]:
    """Of entities whose token is older."""
    older = [e for e in await entities.marked() if (v := tokens.version_of(e.id)) is not None and v < version]
    if not older:
        return []
    newer = await newest({e.id for e in older}, version)
    return [
        mark.model_copy(update={"entity": newer.by_old[e.id]})
        for e in older
        if e.id in newer.by_old
        for mark in e.marks.values()
    ]
