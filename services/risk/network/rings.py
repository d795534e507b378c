"""rings: applications that suspicious links tie together, and what that means for each of them.

Connected groups over a graph of applications and entities (rustworkx). A plain function of the links: any order of arrival gives the
same rings, ids and signals; only `supersedes` tells what was there before. Members are presumed possible victims.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

import rustworkx

from services.contracts import ids
from services.contracts.fields import parse_time
from services.contracts.network import EntitySeen, EntitySignalled, LinkSuspected, RingAssessed, RingFacts
from services.risk.network import count
from services.risk.network.explanations import is_lawful
from services.risk.network.hypothesis import hypothesis
from services.risk.network.kinds import told

LEAST = 3  # unrelated households (design, section 5)
COARSE = (
    7  # per cent: what members are told of density and share moves in steps, or every newcomer would be news to all
)


class Tie(NamedTuple):
    """What rings need of a member's row: half a million links are in memory at once (measured: a third of what whole rows take)."""

    application_id: str
    seen_at: str
    household: str | None
    subject: str | None
    kin: tuple[str, ...] | None
    group: str | None
    desa: str | None
    destination: str | None


class Link(NamedTuple):
    """A suspicious link as it stands."""

    kind: str
    version: int
    weak: bool
    ties: tuple[Tie, ...]


def link_of(suspected: LinkSuspected) -> Link:
    ties = tuple(map(_tie, suspected.members))
    return Link(suspected.entity_kind, suspected.record_version, bool(suspected.weak), ties)


def _tie(row: EntitySeen) -> Tie:
    """Names that many rows share are kept once."""
    return Tie(
        intern(row.application_id), row.seen_at, row.household, row.subject, tuple(row.kin) if row.kin else None,
        intern(row.group) if row.group else None, intern(row.desa) if row.desa else None,
        intern(row.destination) if row.destination else None,
    )  # fmt: skip


@dataclass(frozen=True)
class Ring:
    """One connected group."""

    ring_id: str
    rows: tuple[Tie, ...]  # one for each member, the earliest
    entities: tuple[tuple[str, str], ...]  # kind, token
    pairs: int  # of members that share an entity
    licensed: float  # share of those who name the entities and belong to a lawful group
    supports: tuple[tuple[str, str], ...] = ()  # kind, token of names without a phone that two members or more gave

    @property
    def members(self) -> list[str]:
        return [r.application_id for r in self.rows]

    @property
    def density(self) -> float:
        possible = len(self.rows) * (len(self.rows) - 1) // 2
        return round(self.pairs / possible, 4) if possible else 0.0

    @property
    def kabupaten(self) -> list[str]:
        return sorted({r.desa[:4] for r in self.rows if r.desa})


@dataclass
class Step:
    """What one link leads to."""

    rings: list[RingAssessed] = field(default_factory=list)
    signals: list[EntitySignalled] = field(default_factory=list)


class Rings:
    """The graph in memory, rebuilt from the stored links at start. `version` counts the links that were taken."""

    def __init__(self, links: Iterable[LinkSuspected] = (), version: int = 0) -> None:
        self._graph: rustworkx.PyGraph[str, None] = rustworkx.PyGraph(multigraph=False)
        self._node: dict[str, int] = {}
        self.links: dict[str, Link] = {}
        self._rows: dict[str, dict[str, Tie]] = {}  # application → entity → row
        self._names: dict[str, set[str]] = {}  # application → names without a phone that it gave
        self.version = version
        for link in links:
            self.put(link)

    def take(self, link: LinkSuspected) -> Step | None:
        """None for a link that is older than what stands here. Rings are worked out when they are touched, before and after."""
        kept = self.links.get(link.entity)
        if kept is not None and kept.version >= link.record_version:
            return None
        self.version += 1
        concerned = {r.application_id for r in link.members} | {r.application_id for r in (kept.ties if kept else ())}
        before = self._groups(concerned)
        everybody = concerned | {m for ring in before for m in ring.members}
        self.put(link)
        now = self._groups(everybody)
        return self._step(everybody | {m for ring in now for m in ring.members}, before, now, link)

    def rings(self) -> list[Ring]:
        """All there are, by id."""
        return sorted(self._groups(self._rows), key=lambda r: r.ring_id)

    def _step(self, everybody: set[str], were: list[Ring], now: list[Ring], link: LinkSuspected) -> Step:
        step = Step()
        ids_now = {ring.ring_id for ring in now}
        before = {ring.ring_id: ring for ring in were}
        old, new = ({m: ring for ring in rings for m in ring.members} for rings in (were, now))
        for ring in sorted(now, key=lambda r: r.ring_id):
            if before.get(ring.ring_id) == ring:
                continue
            gone = sorted({old[m].ring_id for m in ring.members if m in old} - ids_now)
            step.rings.append(assessed(ring, gone, self.version))
        taken_over = {i for r in step.rings for i in r.supersedes}
        for ring_id in sorted(before.keys() - ids_now - taken_over):  # fell apart
            empty = assessed(before[ring_id], [], self.version)
            step.rings.append(empty.model_copy(update={"members": [], "entities": [], "density": 0.0}))
        for application in sorted(everybody):
            facts = told_of(new.get(application))
            if facts != told_of(old.get(application)):
                step.signals.append(
                    EntitySignalled(
                        application_id=application, entity="ring", entity_kind="ring", ring=facts,
                        record_version=self.version, at=max((r.seen_at for r in link.members), key=parse_time, default=_first(old)),
                    )
                )  # fmt: skip
        return step

    def put(self, suspected: LinkSuspected) -> None:
        """Edges of one entity anew. Members with a lawful explanation are counted and tie nothing."""
        name, link = suspected.entity, link_of(suspected)
        self._take_out(name)
        self.links[name] = link  # without members as well: an older one that comes late is known by its version
        if link.weak:
            for row in link.ties:
                self._names.setdefault(row.application_id, set()).add(name)
        elif link.ties:
            self._tie_together(name, link)

    def _take_out(self, name: str) -> None:
        was = self.links.get(name)
        for row in was.ties if was else ():
            application = row.application_id
            if was and was.weak:
                self._names[application].discard(name)
                if not self._names[application]:
                    del self._names[application]
                continue
            self._rows[application].pop(name, None)
            if not self._rows[application]:
                del self._rows[application]
                self._graph.remove_node(self._node.pop(f"a {application}"))
        if (node := self._node.pop(f"e {name}", None)) is not None:
            self._graph.remove_node(node)

    def _tie_together(self, name: str, link: Link) -> None:
        entity = self._node[f"e {name}"] = self._graph.add_node(f"e {name}")
        for row in link.ties:
            self._rows.setdefault(row.application_id, {})[name] = row
            member = f"a {row.application_id}"
            if member not in self._node:
                self._node[member] = self._graph.add_node(member)
            if row.group is None:
                self._graph.add_edge(entity, self._node[member], None)

    def _groups(self, applications: Iterable[str]) -> list[Ring]:
        found: dict[str, Ring] = {}
        seen: set[int] = set()
        for application in sorted(applications):
            node = self._node.get(f"a {application}")
            if node is None or node in seen:
                continue
            members = rustworkx.node_connected_component(self._graph, node)
            seen |= members
            ring = self._ring(members)
            if ring is not None:
                found[ring.ring_id] = ring
        return list(found.values())

    def _ring(self, nodes: Iterable[int]) -> Ring | None:
        """The ring of a connected group; None when it is none."""
        names = [self._graph[n] for n in nodes]
        entities = sorted(n[2:] for n in names if n.startswith("e "))
        members = sorted(n[2:] for n in names if n.startswith("a "))
        if not entities:
            return None
        rows = [min(self._rows[m].values(), key=_when) for m in members if m in self._rows]
        rows.sort(key=_when)
        if count.families(rows, lambda row: row.group is None) < LEAST:
            return None
        place = {r.application_id: n for n, r in enumerate(rows)}
        beside = [0] * len(rows)
        for entity in entities:
            here = [place[r.application_id] for r in self.links[entity].ties if r.application_id in place]
            mask = sum(1 << n for n in here)
            for n in here:
                beside[n] |= mask
        pairs = sum(mask.bit_count() - 1 for mask in beside if mask) // 2
        first = rows[0]
        return Ring(
            ids.ring_id(first.seen_at, first.application_id), tuple(rows),
            tuple((self.links[e].kind, e) for e in entities), pairs, self._licensed(entities), self._supports(rows),
        )  # fmt: skip

    def _supports(self, rows: Iterable[Tie]) -> tuple[tuple[str, str], ...]:
        given = Counter(name for row in rows for name in self._names.get(row.application_id, ()))
        return tuple((self.links[name].kind, name) for name, times in sorted(given.items()) if times > 1)

    def _licensed(self, entities: Iterable[str]) -> float:
        lawful: dict[str, bool] = {}
        for entity in entities:
            for row in self.links[entity].ties:
                lawful[row.application_id] = lawful.get(row.application_id, False) or is_lawful(row.group)
        return round(sum(lawful.values()) / len(lawful), 4)


def standing(versions: Iterable[RingAssessed], rings: dict[str, RingAssessed]) -> dict[str, RingAssessed]:
    """The rings there are after these versions, oldest first: what was superseded or fell apart is gone. Changes and returns `rings`."""
    for ring in versions:
        for gone in ring.supersedes:
            rings.pop(gone, None)
        if ring.members:
            rings[ring.ring_id] = ring
        else:
            rings.pop(ring.ring_id, None)
    return rings


def told_of(ring: Ring | None) -> RingFacts:
    """`net.ring.` of each member."""
    if ring is None:
        return RingFacts()
    return RingFacts(
        ring_id=ring.ring_id,
        people=told(len(ring.rows)),
        kabupaten=len(ring.kabupaten),
        density_pct=int(ring.density * 100) // COARSE * COARSE,
        licensed_pct=int(ring.licensed * 100) // COARSE * COARSE,
    )


def assessed(ring: Ring, supersedes: list[str], version: int) -> RingAssessed:
    """The ring as officers and the police read it."""
    kinds, destinations = (kind for kind, _ in ring.entities), (row.destination for row in ring.rows)
    id_, en = hypothesis(len(ring.rows), ring.kabupaten, kinds, destinations)
    return RingAssessed(
        ring_id=ring.ring_id,
        members=ring.members,
        entities=[{"kind": kind, "token": token} for kind, token in ring.entities],
        supports=[{"kind": kind, "token": token} for kind, token in ring.supports] or None,
        kabupaten=ring.kabupaten,
        first_at=ring.rows[0].seen_at,
        last_at=ring.rows[-1].seen_at,
        density=ring.density,
        licensed_share=ring.licensed,
        hypothesis_id=id_,
        hypothesis_en=en,
        supersedes=supersedes,
        record_version=version,
    )


def _when(row: Tie) -> tuple[object, str]:
    return parse_time(row.seen_at), row.application_id


def _first(old: Mapping[str, Ring]) -> str:
    return min((ring.rows[0].seen_at for ring in old.values()), key=parse_time, default="1970-01-01T00:00:00+00:00")
