"""Whom a referral is about: E1, E2 … stand for tokens that never leave. An agency marks an entity by its reference (design, section 6)."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.contracts.cases import EntityMark
from services.referral.case import Entity, Referral

# Kind, section and field of the facts; the order gives the numbers.
NAMED = (
    ("agent", "app", "agent_token"), ("sponsor", "app", "sponsor_token"), ("manning_agent", "app", "manning_agent_token"),
    ("recruiter", "int", "recruiter_token"), ("lpk", "int", "lpk_token"), ("host_phone", "app", "host_phone_token"),
    ("host_addr", "app", "host_addr_token"), ("escort", "chk", "escort_token"), ("collector", "col", "collector_token"),
)  # fmt: skip
GROUP = "R5"


def named(facts: Mapping[str, Any], fields: Iterable[str], before: Mapping[str, Entity]) -> dict[str, Entity]:
    """References of a referral; one that was given before keeps its number. Nothing without the group of agents (R5)."""
    if GROUP not in fields:
        return {}
    found = dict(before)
    for kind, section, field in NAMED:
        token = facts.get(section, {}).get(field)
        if isinstance(token, str):
            add(found, kind, token)
    return found


def add(found: dict[str, Entity], kind: str, token: str) -> str:
    """The reference of an entity, a new one if it is not there yet."""
    for ref, entity in found.items():
        if (entity.kind, entity.token) == (kind, token):
            return ref
    ref = f"E{len(found) + 1}"
    found[ref] = Entity(kind=kind, role=kind, token=token)
    return ref


def shown(referral: Referral) -> dict[str, dict[str, str]]:
    """As an agency sees them: the reference and what it is, no token."""
    return {ref: {"kind": entity.kind} for ref, entity in referral.entities.items()}


def marks(referral: Referral, mark: str, expires_at: str | None) -> list[EntityMark]:
    """Marks on the entities that the answer names; on all of a referral that knows only one."""
    refs = referral.marked or (list(referral.entities) if len(referral.entities) == 1 else [])
    found = (referral.entities[ref] for ref in refs if ref in referral.entities)
    return [EntityMark(entity_kind=e.kind, token=e.token, mark=mark, expires_at=expires_at) for e in found]
