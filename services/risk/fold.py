"""The facts of an application, folded from the set of its events: same result for any order and any duplication.

Within a section the later event time wins field by field, ties by event id; an absent field leaves the older value
(R52). An answer `unavailable` of a registry is no answer and leaves everything as it was (R16, R17, R50).
"""

from collections.abc import Iterable, Mapping
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


def fold(events: Iterable[EventAccepted], beside: Mapping[str, Mapping[str, Any]] | None = None) -> Facts:
    """Facts by section. `beside` holds what other records say: `lic`, `net`, `hist`."""
    ordered = sorted({e.event_id: e for e in events}.values(), key=_when)
    facts: Facts = {section: {} for section in SECTIONS}
    for event in ordered:
        _add(facts, event)
    for section, values in (beside or {}).items():
        facts[section] = {k: v for k, v in values.items() if v is not None}
    facts["calc"] = calc.derive(facts, ordered)
    return facts


def _when(event: EventAccepted) -> tuple[Any, str]:
    return parse_time(event.at), event.event_id


def _add(facts: Facts, event: EventAccepted) -> None:
    section = REGISTRY[event.type].PREFIX if event.type in REGISTRY else ""
    if section not in facts or event.type == "payment.expired":
        return
    data = event.data
    if section in ("duk", "sis") and data.get("match", data.get("status")) == "unavailable":
        return
    if section == "travel" and data.get("status") == "unavailable":
        return
    target = facts[section]
    sticky = {name: True for name in STICKY.get(section, ()) if target.get(name) is True}
    target |= {name: value for name, value in data.items() if value is not None}
    target |= sticky
    if section == "chk" and "escort_relation" in data:
        target["escort_relation"] = calc.RELATIONS.get(data["escort_relation"], data["escort_relation"])
    if section == "dec":
        target["type"] = event.type
    facts["person"] |= event.person.model_dump(exclude_none=True)
    if event.service_channel:
        facts["svc"]["channel"] = event.service_channel
    if event.service_point:
        facts["svc"]["point"] = event.service_point
