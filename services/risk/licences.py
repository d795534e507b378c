"""Licences as of a moment: what `license.snapshot` events say of the licence that an application names (R24, R51)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted

# Section and field that name a licence, by role.
ROLES = {
    "agent": ("app", "agent_license_no"),
    "manning_agent": ("app", "manning_license_no"),
    "lpk": ("int", "lpk_license_no"),
    "p3mi": ("sis", "p3mi_no"),
}
FIELDS = frozenset(name for _, name in ROLES.values())


@dataclass(frozen=True)
class Licence:
    """The snapshots of one licence number."""

    license_no: str
    snapshots: tuple[EventAccepted, ...] = field(default=())

    def at(self, moment: datetime) -> dict[str, Any] | None:
        """Kind and status by the latest snapshot not after `moment`; None when none is that early."""
        seen = [s for s in self.snapshots if parse_time(s.at) <= moment]
        if not seen:
            return None
        latest = max(seen, key=_when).data
        expired = latest.get("valid_to") and latest["valid_to"] < moment.date().isoformat()
        return {
            "kind": latest["kind"],
            "status": "expired" if expired and latest["status"] == "active" else latest["status"],
        }


def says_the_same(licence: Licence | None, snapshot: EventAccepted) -> bool:
    """Whether a snapshot repeats the one before it: then no application's licence is other than before."""
    if licence is None or "license_no" not in snapshot.data:
        return False
    earlier = [s for s in licence.snapshots if s.event_id != snapshot.event_id and _when(s) < _when(snapshot)]
    before = max(earlier, key=_when, default=None)
    return before is not None and all(before.data.get(name) == snapshot.data.get(name) for name in SAID)


SAID = ("kind", "status", "valid_to")


def named(events: Iterable[EventAccepted]) -> dict[str, str]:
    """Licence numbers that an application names, by role."""
    naming = [e for e in events if not FIELDS.isdisjoint(e.data)]
    return {
        role: event.data[name]
        for event in sorted(naming, key=_when)
        for role, (_, name) in ROLES.items()
        if name in event.data
    }


def facts(events: Iterable[EventAccepted], known: Mapping[str, Licence], any_feed: bool) -> dict[str, Any]:
    """Section `lic.`: status by role as of application.submitted. Without any feed nothing can be said (R24)."""
    if not any_feed:
        return {}
    events = list(events)
    submitted = [e.at for e in events if e.type == "application.submitted"]
    if not submitted:
        return {}
    found: dict[str, Any] = {"feed": True}
    for role, number in named(events).items():
        licence = known.get(number)
        found[role] = (licence.at(max(map(parse_time, submitted))) if licence else None) or {"status": "absent"}
    return found


def _when(event: EventAccepted) -> tuple[datetime, str]:
    return parse_time(event.at), event.event_id
