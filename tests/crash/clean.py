"""What a clean run in memory says of the events on the topics: the newest assessments must say the same, signals of the network included."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from services.contracts.assessments import RiskAssessed
from services.contracts.message import decode
from services.contracts.passport_events import EventAccepted
from services.risk.network.memory import MemoryNetwork, settled
from services.risk.pack import Pack
from services.risk.records import MemoryStore
from tests.crash.verifier import Record


def differing(records: Iterable[Record]) -> list[str]:
    """One sentence for each application whose newest assessment is other than that of a clean run."""
    events: dict[str, EventAccepted] = {}
    newest: dict[str, RiskAssessed] = {}
    for each in records:
        message = decode(each.kind, each.value) if each.value is not None and not each.topic.endswith("-dlq") else None
        if isinstance(message, EventAccepted):
            events.setdefault(message.event_id, message)
        elif isinstance(message, RiskAssessed):
            before = newest.get(message.application_id)
            if before is None or message.record_version >= before.record_version:
                newest[message.application_id] = message
    return [
        f"application {name}: {_said(newest[name]) if name in newest else 'nothing'} instead of {_said(meant)}"
        for name, meant in _clean(list(events.values())).items()
        if name not in newest or _said(newest[name]) != _said(meant)
    ]


def _said(a: RiskAssessed) -> tuple[Any, ...]:
    return a.level, a.e_np, a.e_tppo, [f.id for f in a.findings], a.facts.get("net"), a.facts.get("hist")


def _clean(events: Sequence[EventAccepted]) -> dict[str, RiskAssessed]:
    pack, store = Pack.load(), MemoryStore()
    network = MemoryNetwork(pack)
    last: dict[str, RiskAssessed] = {}

    async def run() -> None:
        async for done in settled(events, store, pack, network):
            last.update((a.application_id, a) for a in done.assessments)

    asyncio.run(run())
    return last
