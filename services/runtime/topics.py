"""Creates and checks topics from a table; no service creates a topic on its own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import yaml
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError
from pydantic import BaseModel, ConfigDict, Field

from services.runtime.settings import KafkaSettings


class TopicSpec(BaseModel):
    """How one topic should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: int = Field(ge=1, le=1000)
    retention_hours: int = Field(ge=1)
    cleanup: Literal["delete", "compact", "compact,delete"]
    dead_letters: bool
    note: str = ""

    def config(self) -> dict[str, str]:
        """The broker stamps: it refuses what a sender whose clock runs an hour ahead has stamped, and would delete early what is stamped late."""
        found = {"cleanup.policy": self.cleanup, "message.timestamp.type": "LogAppendTime"}
        return found if self.cleanup == "compact" else found | {"retention.ms": str(self.retention_hours * 3_600_000)}


def read_table(path: Path, agencies: Iterable[str]) -> dict[str, TopicSpec]:
    """Every topic by name, dead-letter topics included."""
    raw: dict[str, Any] = yaml.safe_load(path.read_text())
    unknown = raw.keys() - {"defaults", "topics", "agency_topics", "users", "agency_users"}
    if unknown:
        raise ValueError(f"{path}: unknown keys: {', '.join(sorted(unknown))}")
    wanted: dict[str, dict[str, Any]] = dict(raw["topics"])
    for agency in agencies:
        wanted |= {name.format(agency_id=agency): spec for name, spec in raw["agency_topics"].items()}
    found: dict[str, TopicSpec] = {}
    for name, spec in wanted.items():
        topic = TopicSpec.model_validate(raw["defaults"] | (spec or {}))
        found[name] = topic
        if topic.dead_letters:
            found[f"{name}-dlq"] = TopicSpec(partitions=1, retention_hours=2160, cleanup="delete", dead_letters=False)
    return found


def apply(settings: KafkaSettings, table: dict[str, TopicSpec]) -> list[str]:
    """Create what is missing; returns the names that were created."""
    admin = KafkaAdminClient(**settings.client())
    try:
        missing = sorted(table.keys() - set(_names(admin)))
        for start in range(0, len(missing), 50):
            admin.create_topics(
                [
                    NewTopic(n, table[n].partitions, 1, topic_configs=table[n].config())
                    for n in missing[start : start + 50]
                ]
            )
        return missing
    except TopicAlreadyExistsError:
        return apply(settings, table)  # somebody else creates them at the same time
    finally:
        admin.close()


def check(settings: KafkaSettings, table: dict[str, TopicSpec]) -> list[str]:
    """One sentence for each difference; empty when all is as the table says."""
    admin = KafkaAdminClient(**settings.client())
    try:
        there = {
            t["name"]: len(t["partitions"]) for t in admin.describe_topics(list(table.keys() & set(_names(admin))))
        }
    finally:
        admin.close()
    wrong = [f"{name}: does not exist" for name in sorted(table.keys() - there.keys())]
    return wrong + [
        f"{name}: has {there[name]} partitions, the table says {table[name].partitions}"
        for name in sorted(table.keys() & there.keys())
        if there[name] != table[name].partitions
    ]


def _names(admin: KafkaAdminClient) -> list[str]:
    return [t if isinstance(t, str) else t["name"] for t in admin.list_topics()]
