"""Moves the store to newer token keys, in steps beside the work of events; safe to repeat and to cut short."""

from services.contracts import tokens
from services.risk.batch import Newest
from services.risk.record import with_newest
from services.risk.store import MongoStore


async def move(store: MongoStore, version: int, newest: Newest) -> int:
    """Every record and fact to `version` or newer; one that a worker writes meanwhile is read again. Returns how many."""
    done = 0
    while records := await store.older_records(version):
        newer = await newest({t for r in records for t in r.tokens()}, version)
        for record in records:
            record.move(newer)
        done += len(records) - len(await store.write(records))
    while facts := await store.older_facts(version):
        newer = await newest({t for e in facts for t in tokens.found(e.data)}, version)
        await store.keep_facts([with_newest(e, newer) for e in facts])
        done += len(facts)
    await store.all_moved(version)
    return done
