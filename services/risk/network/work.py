"""The work of one batch of the network: read entities, link change by change, send, then write. No broker, no clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.contracts.network import EntitySeen, EntitySignalled, LinkSuspected, RingAssessed
from services.risk.network.entity import Change, Entity
from services.risk.network.link import Linked, link, to_pages
from services.risk.network.rings import Rings
from services.risk.network.rules import hubs_of, unless_allowed
from services.risk.pack import Pack
from services.runtime import faults

MAX_ROUNDS = 10
A_SEND = 2000  # signals at once: a marked hub reaches everybody, and at a controlled rate (design, section 5)
Told = EntitySignalled | LinkSuspected | RingAssessed
Send = Callable[[Sequence[Told]], Awaitable[None]]


class Entities(Protocol):
    """What link needs of a store."""

    async def read(self, ids: Sequence[str]) -> dict[str, Entity]: ...

    async def write(
        self, entities: Sequence[Entity], pages: Mapping[str, Sequence[Sequence[EntitySeen]]]
    ) -> set[str]: ...

    async def pages(self, entity: str) -> list[EntitySeen]: ...

    async def forget(self, entity: str, places: Collection[str]) -> None: ...


@dataclass
class Counts:
    """What a batch led to."""

    taken: int = 0
    signals: int = 0
    links: int = 0


async def link_batch(changes: Sequence[Change], store: Entities, pack: Pack, send: Send) -> Counts:
    """Raises when broker or store is away; then nothing was written that was not sent."""
    left: dict[str, list[Change]] = {}
    for change in changes:
        left.setdefault(change.entity, []).append(change)
    counts, hubs = Counts(taken=len(changes)), hubs_of(pack)
    for _ in range(MAX_ROUNDS):
        entities = await store.read(list(left))
        done: dict[str, Linked] = {}
        for name, mine in left.items():
            if (said := link(entities[name], mine, hubs)) is not None:
                done[name] = said
            await asyncio.sleep(0)  # a batch of hubs takes seconds: the other streams go on meanwhile
        await _tell(done, entities, store, send, counts)
        faults.point("risk.link.after_send")
        pages = {name: said.pages for name, said in done.items() if said.pages}
        lost = await store.write([entities[name] for name in done], pages) if done else set()
        for name, said in done.items():
            if said.left:
                await store.forget(name, said.left)
        left = {name: mine for name, mine in left.items() if name in lost}
        if not left:
            return counts
    raise ConnectionError("entities are contended")


async def _tell(
    done: Mapping[str, Linked], entities: Mapping[str, Entity], store: Entities, send: Send, counts: Counts
) -> None:
    waiting: list[Told] = []
    for name, said in done.items():
        waiting += said.signals
        if said.link is not None:
            waiting.append(said.link)
            counts.links += 1
        if said.to_all and (entities[name].pages or said.pages):
            rows = [*await store.pages(name), *(row for page in said.pages for row in page)]
            waiting += to_pages(entities[name], rows, said.at)
    counts.signals += len(waiting)
    await _in_portions(waiting, send)


async def _in_portions(messages: Sequence[Told], send: Send) -> None:
    for begin in range(0, len(messages), A_SEND):
        await send(messages[begin : begin + A_SEND])


class Links(Protocol):
    """What rings need of a store."""

    async def rings_version(self) -> int: ...

    def links(self) -> AsyncIterator[LinkSuspected]: ...

    async def keep_links(self, links: Sequence[LinkSuspected], before: int, version: int) -> bool: ...


class Tying:
    """Keeps the graph in memory while this worker is the one that ties; it is read anew whenever somebody else was."""

    def __init__(self, store: Links) -> None:
        self._store = store
        self._rings: Rings | None = None

    async def take(self, links: Sequence[LinkSuspected], pack: Pack, send: Send) -> int:
        """Number of rings that changed. After any error the graph is read again."""
        rings, self._rings = self._rings, None
        stands = await self._store.rings_version()
        if rings is None or rings.version != stands:
            rings = Rings(version=stands)
            async for each in self._store.links():
                rings.put(each)
        taken: list[LinkSuspected] = []
        told: list[Told] = []
        changed = 0
        for suspected in links:
            allowed = unless_allowed(suspected, pack)
            step = rings.take(allowed)
            if step is not None:
                taken.append(allowed)
                told += [*step.rings, *step.signals]
                changed += len(step.rings)
        await _in_portions(told, send)
        faults.point("risk.rings.after_send")
        if taken and not await self._store.keep_links(taken, stands, rings.version):
            raise ConnectionError("somebody else ties rings")
        self._rings = rings
        return changed
