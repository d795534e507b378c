"""Who may read and write what on the broker: from the table of topics to ACLs. Nothing else grants a right.

An authorizer exists on Apache Kafka only; nothing needs it for correctness, it keeps an agency in its own queue (design, section 2).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from pydantic import BaseModel, ConfigDict

from services.runtime.settings import KafkaSettings
from services.runtime.topics import TopicSpec


class _User(BaseModel):
    """What one user does; `{agency_id}` in a name means every agency, in a user's own entry itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: list[str] = []
    write: list[str] = []
    delete: list[str] = []
    groups: list[str] = []
    service: bool = True


@dataclass(frozen=True, order=True)
class Right:
    """One thing one user may do."""

    user: str
    operation: Literal["READ", "WRITE", "DELETE"]
    kind: Literal["TOPIC", "GROUP"]
    name: str
    prefixed: bool = False


def read_rights(path: Path, agencies: Iterable[str], topics: dict[str, TopicSpec]) -> list[Right]:
    """Every right of the table; ValueError names a user and a topic that does not exist."""
    raw: dict[str, Any] = yaml.safe_load(path.read_text())
    every, found = list(agencies), set[Right]()
    for user, body in raw.get("users", {}).items():
        found |= _rights(user, _User.model_validate(body), every, topics)
    for user, body in raw.get("agency_users", {}).items():
        for agency in every:
            found |= _rights(
                user.format(agency_id=agency), _User.model_validate(body | {"service": False}), [agency], topics
            )
    return sorted(found)


def _rights(user: str, may: _User, agencies: list[str], topics: dict[str, TopicSpec]) -> set[Right]:
    found: set[Right] = set()

    def topic(operation: Literal["READ", "WRITE", "DELETE"], pattern: str) -> None:
        for name in sorted({pattern.format(agency_id=agency) for agency in agencies}):
            if name not in topics:
                raise ValueError(f"users.{user}: there is no topic {name}")
            found.add(Right(user, operation, "TOPIC", name))
            if operation == "READ" and may.service and topics[name].dead_letters:
                found.add(Right(user, "WRITE", "TOPIC", f"{name}-dlq"))  # who reads may find what cannot be read

    for pattern in may.read:
        topic("READ", pattern)
    for pattern in may.write:
        topic("WRITE", pattern)
    for pattern in may.delete:
        topic("DELETE", pattern)
    for group in may.groups:
        prefixed = group.endswith("*")
        found.add(
            Right(user, "READ", "GROUP", group.rstrip("*").format(agency_id=agencies[0] if agencies else ""), prefixed)
        )
    return found


def apply(settings: KafkaSettings, rights: Iterable[Right]) -> tuple[list[Right], list[Right]]:
    """Grant what is missing; (granted, those that stand there and the table does not know)."""
    admin = KafkaAdminClient(**settings.client())
    try:
        wanted, there = set(rights), _there(admin)
        missing = sorted(wanted - there)
        for start in range(0, len(missing), 200):
            failed = admin.create_acls([_acl(r) for r in missing[start : start + 200]])["failed"]
            if failed:
                raise failed[0]
        return missing, sorted(there - wanted)
    finally:
        admin.close()


def _there(admin: KafkaAdminClient) -> set[Right]:
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    found, _ = admin.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ALLOW, everything))
    return {
        Right(
            acl.principal.removeprefix("User:"), acl.operation.name, acl.resource_pattern.resource_type.name,
            acl.resource_pattern.resource_name, acl.resource_pattern.pattern_type == ACLResourcePatternType.PREFIXED,
        )
        for acl in found
    }  # fmt: skip


def _acl(right: Right) -> ACL:
    kind = ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL
    pattern = ResourcePattern(ResourceType[right.kind], right.name, kind)
    return ACL(f"User:{right.user}", "*", ACLOperation[right.operation], ACLPermissionType.ALLOW, pattern)
