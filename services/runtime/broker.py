"""Producer and consumer of kafka-python with the settings that lose nothing (measured; see the README's table)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

from services.runtime import metrics
from services.runtime.settings import KafkaSettings

# A group join on the embedded broker takes half the session timeout, and a takeover on Kafka all of it.
SESSION_TIMEOUT_MS = 6000
HEARTBEAT_MS = 1000

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Incoming:
    """One message as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Class of the message, from its header."""
        return self.headers.get("kind", b"").decode(errors="replace")


@dataclass(frozen=True)
class Outgoing:
    """One message to be sent."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = ()


class Producer:
    """Sends are acknowledged by all replicas, in order, without duplicates of the client's own making."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = KafkaProducer(
            **_tls(settings), enable_idempotence=True, acks="all", linger_ms=2, max_block_ms=10_000, request_timeout_ms=10_000,
            delivery_timeout_ms=20_000,
        )  # fmt: skip

    def send_all(self, messages: Iterable[Outgoing]) -> int:
        """Start all sends, then wait for every one; raises what the first failed one met. Returns how many."""
        started = [
            (m.topic, self._producer.send(m.topic, key=m.key, value=m.value, headers=list(m.headers))) for m in messages
        ]
        for topic, future in started:
            future.get(timeout=25)
            metrics.PUBLISHED.labels(topic).inc()
        return len(started)

    def close(self) -> None:
        self._producer.close(timeout=5)


def consumer(settings: KafkaSettings, group: str | None, **more: Any) -> KafkaConsumer:
    """A consumer that commits only when told to and starts at the beginning."""
    return KafkaConsumer(
        **_tls(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        **more,
    )


def _tls(settings: KafkaSettings) -> dict[str, Any]:
    return settings.client() | ({"ssl_cafile": str(settings.ca_file)} if settings.ca_file else {})
