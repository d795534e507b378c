"""What a record shows to the network and has heard from it, after each change of the record. Pure.

Called between a new event or signal and the assessment: the sections `net` and `hist` are then those of this moment.
"""

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
    seen = tuple(facts[section] for section in READ)
    if record.rows is None or not _same(record.rows_of, seen):
        record.rows = sightings.rows(record.application_id, record.folded.ordered, facts)
        record.rows_of = seen
        news, record.shown = sightings.changes(record.shown, record.rows, record.application_id, record.revision)
    if record.rows.rows:
        policy = pack.policy.at(day_of(facts, facts["calc"]["submitted_at"]), record.rows.common["office"])
        said_of = (record.rows, record.heard, policy)
        if not _same(record.said_of, said_of):
            record.beside |= heard.sections(record.rows.rows, record.signals, policy)
            record.said_of = said_of
    return news


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """The very same things: sections and policies are never changed in place."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
