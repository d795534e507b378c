"""The facts of an application, folded from the set of its events: same result for any order and any duplication.

Within a section the later event time wins field by field, ties by event id; an absent field leaves the older value
(R52). An answer `unavailable` of a registry is no answer and leaves everything as it was (R16, R17, R50).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted
from services.contracts.upstream import REGISTRY
from services.risk import calc

Facts = dict[str, dict[str, Any]]

# Every section stands in every context, so that a condition over an empty one is unknown and never an error.
SECTIONS = (
    "app", "pay", "appt", "chk", "doc", "duk", "bio", "int", "sis", "lic", "adj", "dec", "prn", "col", "los", "fld",
    "tpi", "ret", "out", "travel", "crs", "person", "svc", "calc", "net", "hist", "policy",
)  # fmt: skip
# A later `false` does not lower these; only a person's outcome does (R52).
STICKY = {"int": ("threat_disclosed", "wants_help")}


@dataclass(frozen=True)
class Folded:
    """Events in order of event time, and their facts. Never changed: a later one shares the sections that did not change."""

    ordered: tuple[EventAccepted, ...]
    facts: Facts


def fold(events: Iterable[EventAccepted], beside: Mapping[str, Mapping[str, Any]] | None = None) -> Facts:
    """Facts by section. `beside` holds what other records say: `lic`, `net`, `hist`."""
    return folded({e.event_id: e for e in events}, beside or {}).facts


def folded(
    events: dict[str, EventAccepted], beside: Mapping[str, Mapping[str, Any]], before: Folded | None = None
) -> Folded:
    """As `fold`, of events by id. One event more than `before` and later than all of them is added to what stands there.

    `before` must be of the same events less the last that was put into the mapping: those of a record only grow.
    """
    more = tuple(islice(reversed(events.values()), len(events) - len(before.ordered))) if before else ()
    if before is None or len(more) > 1 or (more and before.ordered and _when(more[0]) < _when(before.ordered[-1])):
        more = tuple(sorted(events.values(), key=_when))
        before = NOTHING
    facts = before.facts.copy()
    for event in more:
        _add(facts, event)
    for section in BESIDE:
        said = {k: v for k, v in beside.get(section, {}).items() if v is not None}
        if said != facts[section]:
            facts[section] = said
    ordered = before.ordered + more
    facts["calc"] = calc.derive(facts, ordered, before.facts)
    return Folded(ordered, facts)


BESIDE = ("lic", "net", "hist")
_EMPTY: Facts = {section: {} for section in SECTIONS}
NOTHING = Folded((), _EMPTY | {"calc": calc.of_nothing(_EMPTY)})


def _when(event: EventAccepted) -> tuple[Any, str]:
    return parse_time(event.at), event.event_id


def _add(facts: Facts, event: EventAccepted) -> None:
    """Puts new sections in the place of those that the event changes."""
    section = REGISTRY[event.type].PREFIX if event.type in REGISTRY else ""
    if section not in facts or event.type == "payment.expired":
        return
    data = event.data
    if section in ("duk", "sis") and data.get("match", data.get("status")) == "unavailable":
        return
    if section == "travel" and data.get("status") == "unavailable":
        return
    target = facts[section].copy()
    sticky = {name: True for name in STICKY.get(section, ()) if target.get(name) is True}
    target |= {name: value for name, value in data.items() if value is not None}
    target |= sticky
    if section == "chk" and "escort_relation" in data:
        target["escort_relation"] = calc.RELATIONS.get(data["escort_relation"], data["escort_relation"])
    if section == "dec":
        target["type"] = event.type
    facts[section] = target
    if event.person.model_fields_set:
        facts["person"] = facts["person"] | event.person.model_dump(exclude_none=True)
    where = {"channel": event.service_channel, "point": event.service_point}
    if any(where.values()):
        facts["svc"] = facts["svc"] | {name: value for name, value in where.items() if value}
