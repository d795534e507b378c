"""What a worker of risk does with a batch of each stream, and what it looks after between them. No faust."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from services.contracts import tokens
from services.contracts.assessments import RiskAssessed
from services.contracts.cases import OutcomeRecorded
from services.contracts.message import Message
from services.contracts.network import (
    EntityMarked,
    EntityReviewed,
    EntitySeen,
    EntitySignalled,
    EntityUnseen,
    LinkSuspected,
)
from services.contracts.passport_events import (
    ApplicationErased,
    ApplicationReleased,
    ApplicationRestricted,
    EventAccepted,
    TokenKeysRotated,
)
from services.contracts.tokens import Newer
from services.risk import batch, measures, rekey
from services.risk.active import ActivePack
from services.risk.assess import shadowed
from services.risk.held import Held
from services.risk.network import store as network_store
from services.risk.network.rules import allowed, entities_of
from services.risk.network.store import EntityStore
from services.risk.network.work import Tying, link_batch
from services.risk.pack import Pack
from services.risk.pump import Kinds, Parts
from services.risk.store import INDEXES, MongoStore
from services.runtime.away import AWAY
from services.runtime.documents import connect_async, migrate
from services.runtime.identity import Signer
from services.runtime.newest import Newest

LOOK_EVERY_S = 1.0


def _by_name(*models: type[Message]) -> dict[str, type[Message]]:
    return {model.__name__: model for model in models}


# What is read of each stream. A message without a kind is an event: the topic was written by hand.
APPLICATIONS: Kinds = {"": EventAccepted} | _by_name(
    EventAccepted, ApplicationRestricted, ApplicationReleased, ApplicationErased, TokenKeysRotated, EntitySignalled,
    OutcomeRecorded,
)  # fmt: skip
SIGHTINGS: Kinds = _by_name(EntitySeen, EntityUnseen, EntityMarked, EntityReviewed)
LINKS: Kinds = _by_name(LinkSuspected)


@dataclass(frozen=True)
class Stream:
    """Topics that one loop reads, and where a test may end the process."""

    topics: tuple[str, ...]
    kinds: Kinds
    fault: str


# By the method of `Risk` that does a batch of it.
STREAMS = {
    "assess": Stream(
        (EventAccepted.TOPIC, EntitySignalled.TOPIC, OutcomeRecorded.TOPIC), APPLICATIONS,
        fault="risk.assess.before_commit",
    ),
    "link": Stream((EntitySeen.TOPIC,), SIGHTINGS, fault="risk.link.before_commit"),
    "tie": Stream((LinkSuspected.TOPIC,), LINKS, fault="risk.tie.before_commit"),
}  # fmt: skip


class Risk:
    """What this worker does with a batch of each stream."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._parts, self._log = parts, parts.log
        self.active = ActivePack(settings.packs)
        self.pack = self.active.pack
        self._newest = Newest(settings.intake_url, Signer.from_file(settings.key_file, "risk"), "risk")
        self._ready: asyncio.Task[None] | None = None
        self._wanted, self._reviewed = 1, ("", 0)  # version of the token keys; rules and version that were looked at
        self.keys: dict[str, Any] = {"moving": False}

    async def start(self) -> None:
        """Connect once, whichever stream comes first."""
        if self._ready is None:
            self._ready = asyncio.create_task(self._parts.without_limit(self._connect))
        await self._ready

    async def _connect(self) -> None:
        await asyncio.to_thread(migrate, self._parts.settings.store, "risk", INDEXES | network_store.INDEXES)
        database = connect_async(self._parts.settings.store, "risk")
        self._store = MongoStore(database, lambda: datetime.now(UTC))
        self._records = Held(self._store, self._parts.settings.held)
        self._entities = EntityStore(database, lambda: datetime.now(UTC), self._parts.settings.held)
        self._tying = Tying(self._entities)
        self.pack = await self._named(self.active.pack)
        await self._parts.producer()
        self._log.info("started", **self.state())

    async def assess(self, items: list[Any]) -> None:
        for rotated in (i for i in items if isinstance(i, TokenKeysRotated)):
            await self._store.want_version(rotated.version)
        left = [i for i in items if not isinstance(i, TokenKeysRotated)]
        if left:
            _count(await batch.work(left, self._records, self.pack, self._tell, self._newest_of))
        if events := [i for i in left if isinstance(i, EventAccepted)]:
            await self._store.wrote_of(min(e.key_version for e in events))

    async def _tell(self, messages: Sequence[batch.Produced]) -> None:
        """What came out, and beside it what rules on trial would have said."""
        shadow = self.active.shadow
        said = [shadowed(m, shadow) for m in messages if isinstance(m, RiskAssessed)] if shadow else []
        await self._parts.send([*messages, *said])

    async def link(self, items: list[Any]) -> None:
        done = await link_batch(items, self._entities, self.pack, self._parts.send)
        if marks := [i for i in items if isinstance(i, EntityMarked)]:  # the mover may have looked for them already
            wanted = (await self._store.keys()).wanted
            await self._parts.send(await rekey.of_newer_keys(marks, wanted, self._newest_of))
        measures.SIGHTINGS.inc(done.taken)
        measures.SIGNALS.inc(done.signals)

    async def tie(self, items: list[Any]) -> None:
        measures.RINGS.inc(await self._tying.take(items, self.pack, self._parts.send))

    async def look_at_the_rules(self) -> None:
        """Between two batches: a batch is judged by one pack."""
        if said := self.active.look_at_the_shadow():
            self._log.info("rules", said=said)
        if said := self.active.look():
            (self._log.error if self.active.refused else self._log.info)("rules", said=said)
        rules = self.active.pack.digest, self._wanted
        if rules != self._reviewed:
            await self._parts.without_limit(partial(self._take_over, allowed(self.pack)))
            self._reviewed = rules

    async def _take_over(self, before: set[str]) -> None:
        """Members of what the allow-list newly names, or names no more, are assessed again; remembered, so that a restart forgets none.

        Every worker says so after it has the rules: another may have assessed a member by the ones before until now.
        """
        self.pack = await self._named(self.active.pack)
        now, stands = allowed(self.pack), await self._entities.allow_list()
        changed = (now ^ stands) | (now ^ before)
        if not changed:
            return
        at = datetime.now(UTC).isoformat()
        reviews = [
            EntityReviewed(entity=entity, reason="allow-list", at=at, review_id=f"{self.pack.digest} {at}")
            for entity in sorted(entities_of(changed))
        ]
        await self._parts.send(reviews)
        await self._entities.set_allow_list(now)

    async def _named(self, pack: Pack) -> Pack:
        """The same rules; what the allow-list names by a token of older keys is named by the newest one as well."""
        wanted = (await self._store.keys()).wanted
        named = entities_of(allowed(pack))
        if min(tokens.versions(named), default=wanted) >= wanted:
            return pack
        return pack.with_newest(await self._newest_of(named, wanted))

    def state(self) -> dict[str, Any]:
        """Of the rules."""
        return self.active.state() | {"digest": self.pack.digest}

    async def rekey(self, ties: Callable[[], bool]) -> None:
        """Look which token keys are wanted; whoever ties the rings moves the store to them, beside the work of events.

        What is wanted and what is done stands in the store: another worker may have heard of it, or have died in the middle.
        """
        while True:
            try:
                keys = await self._store.keys()
                self._wanted = keys.wanted
                # The allow-list names the newer tokens before anybody moves, so that nobody is flagged meanwhile.
                named = self._reviewed[1] == keys.wanted
                self.keys = {"moving": keys.wanted > keys.done or not named, "token_version": keys.done}
                if keys.wanted > keys.done and named and ties():
                    moved = await rekey.move(
                        self._store, self._entities, keys, self._newest_of, self.pack, self._parts.send
                    )
                    self._log.info("on newer token keys", version=keys.wanted, moved=moved)
            except AWAY as error:
                self._log.warning("moving to newer keys waits", reason=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    def must_not_end(self, task: "asyncio.Task[None]") -> None:
        """An unexpected end of the mover is in the log; records still move when they are touched."""
        if not task.cancelled() and task.exception() is not None:
            self._log.error("moving to newer keys ended", exc_info=task.exception())
            self.keys = {"moving": False, "failed": type(task.exception()).__name__}

    async def _newest_of(self, older: Iterable[str], at_least: int) -> Newer:
        return Newer(*await asyncio.to_thread(self._newest, older, at_least))


def _count(done: batch.Done) -> None:
    for (level, cause), count in Counter((a.level, a.cause) for a in done.assessments).items():
        measures.ASSESSMENTS.labels(str(level), cause).inc(count)
    for finding, count in Counter(f.id for a in done.assessments for f in a.findings).items():
        measures.FINDINGS.labels(finding).inc(count)
    measures.RECORDED.inc(len(done.recorded))
    measures.KNOWN.inc(done.known)
    for type_, name in done.unusable:
        measures.UNUSABLE.labels(type_, name).inc()
