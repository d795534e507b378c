"""Small builders of synthetic events and records for tests. Nobody here exists."""

from datetime import UTC, datetime
from typing import Any

import orjson

from services.contracts.passport_events import EventAccepted, PersonFacts
from services.intake.accept import accept
from services.intake.check import Checked, check_value
from services.intake.tokens import Tokeniser
from services.risk.record import Record

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKENS = Tokeniser(b"a key for tests, of 32 bytes....")
FORM: dict[str, Any] = {
    "nik": "3301044507909001",
    "full_name": "Siti Contoh",
    "birth_date": "1990-07-05",
    "application_type": "baru",
    "purpose": "wisata",
}


def upstream(type_: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One event as the passport system sends it."""
    return {
        "specversion": "1.0",
        "id": f"{type_}-1",
        "source": "urn:simkim:cilacap",
        "type": type_,
        "subject": "CLP-2026-000123",
        "time": "2026-11-20T09:15:00+07:00",
        "officecode": "CLP",
        "data": data,
    } | more


def submitted(**data: Any) -> dict[str, Any]:
    return upstream("application.submitted", FORM | data)


def checked(event: dict[str, Any]) -> Checked:
    """A good event; fails the test when it is not."""
    found = check_value(event, NOW)
    assert isinstance(found, Checked), found.reason
    return found


def accepted(event: dict[str, Any]) -> EventAccepted:
    """As it leaves the door."""
    return accept(checked(event), [], TOKENS).event


def house(type_: str, at: str, id_: str = "e1", person: dict[str, Any] | None = None, **data: Any) -> EventAccepted:
    """A house event made directly."""
    return EventAccepted(
        event_id=id_, type=type_, application_id="A1", at=at, source="s", office_code="CLP", data=data,
        person=PersonFacts(**(person or {})),
    )  # fmt: skip


def record(*events: EventAccepted) -> Record:
    return Record(events[0].application_id, 0, {e.event_id: e for e in events})


def lines(events: list[dict[str, Any]]) -> list[bytes]:
    return [orjson.dumps(e) for e in events]
