"""The network in memory: the same functions over plain dictionaries, for `tppo assess`, backtest and tests."""

from collections.abc import AsyncIterator, Iterable, Sequence

from services.contracts.network import EntitySeen, EntitySignalled, LinkSuspected, RingAssessed
from services.risk import batch
from services.risk.network.entity import Change, Entity
from services.risk.network.link import link, to_pages
from services.risk.network.rings import Rings, standing
from services.risk.network.rules import hubs_of, unless_allowed
from services.risk.pack import Pack
from services.risk.records import RecordStore


class MemoryNetwork:
    """Entities and rings of one run."""

    def __init__(self, pack: Pack) -> None:
        self._pack, self._hubs = pack, hubs_of(pack)
        self.entities: dict[str, Entity] = {}
        self._pages: dict[str, list[EntitySeen]] = {}
        self._rings = Rings()
        self.rings: dict[str, RingAssessed] = {}
        self.versions: list[RingAssessed] = []  # every version of every ring

    def take(self, changes: Iterable[Change]) -> list[EntitySignalled]:
        """What applications hear of it."""
        by_entity: dict[str, list[Change]] = {}
        for change in changes:
            by_entity.setdefault(change.entity, []).append(change)
        signals: list[EntitySignalled] = []
        for name, mine in by_entity.items():
            entity = self.entities.setdefault(name, Entity(name))
            done = link(entity, mine, self._hubs)
            if done is None:
                continue
            signals += done.signals
            for page in done.pages:
                self._pages.setdefault(name, []).extend(page)
            if done.to_all:
                signals += to_pages(entity, self._pages.get(name, ()), done.at)
            if done.link is not None:
                signals += self._tie(done.link)
        return signals

    def _tie(self, suspected: LinkSuspected) -> list[EntitySignalled]:
        step = self._rings.take(unless_allowed(suspected, self._pack))
        if step is None:
            return []
        self.versions += step.rings
        standing(step.rings, self.rings)
        return step.signals


async def settled(
    items: Sequence[batch.Item], store: RecordStore, pack: Pack, network: MemoryNetwork
) -> AsyncIterator[batch.Done]:
    """Events, then what the network says of them, until nobody hears anything new."""
    while items:
        changes: list[Change] = []

        async def send(messages: Sequence[batch.Produced], to: list[Change] = changes) -> None:
            to += (m for m in messages if isinstance(m, batch.ToNetwork))

        yield await batch.work(items, store, pack, send)
        items = network.take(changes)
