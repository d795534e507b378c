"""The whole way without a server: the plain functions of intake, risk and referral, one after the other."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.contracts import ids
from services.contracts.assessments import RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.contracts.upstream import UpstreamData
from services.intake.accept import REMEMBERED, accept, related
from services.intake.check import Checked, Rejected, check
from services.intake.tokens import Tokeniser
from services.referral.case import Case
from services.referral.route import route
from services.referral.tables import Tables
from services.risk import batch
from services.risk.network.memory import MemoryNetwork, settled
from services.risk.pack import Pack
from services.risk.records import MemoryStore

CHUNK = 500


@dataclass(frozen=True)
class BadLine:
    """A line that intake would refuse."""

    number: int
    rejected: Rejected


@dataclass
class Offline:
    """State of one run; nothing leaves it but what it yields."""

    tokens: Tokeniser
    now: datetime
    pack: Pack = field(default_factory=Pack.load)
    tables: Tables = field(default_factory=Tables.load)
    store: MemoryStore = field(default_factory=MemoryStore)
    network: MemoryNetwork = field(init=False)
    bad: list[BadLine] = field(default_factory=list)
    last: dict[str, RiskAssessed] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _clear: dict[str, list[tuple[str, UpstreamData]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.network = MemoryNetwork(self.pack)

    def run(self, lines: Iterable[bytes], each: Callable[[RiskAssessed], None]) -> None:
        """Take every line in order; `each` gets every assessment."""
        asyncio.run(self._run(lines, each))

    async def _run(self, lines: Iterable[bytes], each: Callable[[RiskAssessed], None]) -> None:
        chunk: list[EventAccepted] = []
        for event in self.accepted(lines):
            chunk.append(event)
            if len(chunk) == CHUNK:
                await self._assess(chunk, each)
                chunk = []
        await self._assess(chunk, each)

    def accepted(self, lines: Iterable[bytes]) -> Iterator[EventAccepted]:
        """What intake would take of each line; what it would refuse stands in `bad`."""
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            checked = check(line, self.now)
            if isinstance(checked, Rejected):
                self.bad.append(BadLine(number, checked))
            elif checked.event.event_id not in self._seen:
                self._seen.add(checked.event.event_id)
                yield self._accept(checked)

    def _accept(self, checked: Checked) -> EventAccepted:
        earlier = [e for name in (checked.event.subject, *related(checked)) for e in self._clear.get(name, ())]
        accepted = accept(checked, earlier, self.tokens).event
        if checked.event.type in REMEMBERED:
            self._clear.setdefault(checked.event.subject, []).append((checked.event.time, checked.data))
        return accepted

    async def _assess(self, chunk: Sequence[batch.Item], each: Callable[[RiskAssessed], None]) -> None:
        async for done in settled(chunk, self.store, self.pack, self.network):
            for assessed in done.assessments:
                self.last[assessed.application_id] = assessed
                step = route(assessed, self.cases.get(ids.case_id(assessed.application_id)), self.tables, self.now)
                if step is not None:
                    self.cases[step.case.case_id] = step.case
                each(assessed)

    def line(self, assessed: RiskAssessed) -> dict[str, Any]:
        """One application, as `tppo assess` prints it. Evidence in tenths of a deciban."""
        case = self.cases.get(ids.case_id(assessed.application_id))
        return {
            "application_id": assessed.application_id,
            "at": assessed.at,
            "level": assessed.level,
            "must_act": assessed.must_act,
            "must_review": assessed.must_review,
            "e_np": assessed.e_np,
            "e_tppo": assessed.e_tppo,
            "indicators": assessed.indicators,
            "protective": assessed.protective,
            "findings": [f.model_dump(mode="json") for f in assessed.findings],
            "questions": [q.model_dump(mode="json") for q in assessed.questions],
            "rings": [r.ring_id for r in self.network.rings.values() if assessed.application_id in r.members],
            "referrals": [
                {
                    "agency_id": r.agency_id,
                    "role": self.tables.agencies[r.agency_id].role,
                    "territory": r.territory,
                    "question": r.question,
                    "fields": r.fields,
                    "mode": r.mode,
                }
                for r in (case.referrals if case else [])
            ],
        }
