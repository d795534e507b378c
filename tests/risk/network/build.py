"""Rows of entities for tests of the network. Nobody here exists."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.contracts.network import EntitySeen

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
PHONE = "phone.1." + "0" * 32


def token(kind: str, number: int) -> str:
    return f"{kind}.1.{number:032x}"


def row(number: int, after: float = 0, **more: Any) -> EntitySeen:
    """Application number `number`, of a household of its own, seen so many days after the start."""
    fields: dict[str, Any] = {
        "entity": PHONE, "entity_kind": "phone", "application_id": f"A{number:05}", "office": "CLP", "record_version": 1,
        "seen_at": (START + timedelta(days=after)).isoformat(), "household": token("household", number),
        "subject": token("subject", number), "desa": f"33010{number % 9 + 1}2001", "purpose": "wisata", "destination": "MY",
    }  # fmt: skip
    return EntitySeen(**(fields | more))
