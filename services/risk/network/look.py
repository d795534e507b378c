"""What a record shows to the network and has heard from it, after each change of the record. Pure.

Called between a new event or signal and the assessment: the sections `net` and `hist` are then those of this moment.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from services.contracts.network import EntitySeen, EntityUnseen
from services.risk.assess import day_of
from services.risk.fold import folded
from services.risk.network import heard, sightings
from services.risk.network.sightings import Shown
from services.risk.pack import Pack
from services.risk.record import Record

# Rows are made of these sections alone.
READ = (
    "app", "pay", "appt", "chk", "doc", "duk", "bio", "int", "sis", "lic", "dec", "prn", "col", "los", "tpi", "ret", "out",
    "person", "svc",
)  # fmt: skip


def look(record: Record, pack: Pack) -> list[EntitySeen | EntityUnseen]:
    """Rows that the network does not know yet, or that are gone; `record.beside` gets what was heard."""
    news: list[EntitySeen | EntityUnseen] = []
    if record.state == "erased":
        news, record.shown = sightings.changes(record.shown, Shown(), record.application_id, record.revision)
        return news
    record.folded = folded(record.events, record.beside, record.folded)
    facts = record.folded.facts
    policy = _policy(record, facts, pack)
    place = policy.get("office_places")
    seen = (*(facts[section] for section in READ), place)
    if record.rows is None or not _same(record.rows_of, seen):
        was, record.rows_of = record.rows, seen
        record.rows = sightings.rows(record.application_id, record.folded.ordered, facts, place)
        news, record.shown = sightings.changes(record.shown, record.rows, record.application_id, record.revision, was)
    if record.rows.rows:
        said_of = (record.rows, record.heard, policy)
        if not _same(record.said_of, said_of):
            record.beside |= heard.sections(record.rows, record.signals, policy)
            record.said_of = said_of
    return news


_NONE: Mapping[str, Any] = MappingProxyType({})


def _policy(record: Record, facts: sightings.Facts, pack: Pack) -> Mapping[str, Any]:
    """The tables of the day and office of submission; none before it."""
    submitted = facts["calc"].get("submitted_at")
    if submitted is None or record.folded is None:
        return _NONE
    return pack.policy.at(day_of(facts, submitted), sightings.office_of(record.folded.ordered))


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """The very same things: sections and policies are never changed in place."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
