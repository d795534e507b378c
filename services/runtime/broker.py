"""Producer and consumer of kafka-python with the settings that lose nothing (measured; see the README's table)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError

from services.runtime import metrics
from services.runtime.settings import KafkaSettings

# A group join on the embedded broker takes half the session timeout, and a takeover on Kafka all of it.
SESSION_TIMEOUT_MS = 6000
HEARTBEAT_MS = 1000

Headers = Sequence[tuple[str, bytes]]


class Incoming(NamedTuple):
    """One message as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = MappingProxyType({})

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
    """Sends are acknowledged by all replicas, in order, without duplicates of the client's own making. For one thread."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = self._open()

    def send_all(self, messages: Iterable[Outgoing]) -> int:
        """Start all sends, then wait for every one; raises what the first failed one met. Returns how many."""
        self._producer = producer = self._producer or self._open()
        try:
            started = [
                (m.topic, producer.send(m.topic, key=m.key, value=m.value, headers=list(m.headers))) for m in messages
            ]
            for topic, future in started:
                future.get(timeout=25)
                metrics.PUBLISHED.labels(topic).inc()
        except Exception:
            # kafka-python 3.0.12: a producer whose batch expired after it was sent once gives its id up and never asks for
            # another; each later send times out, also when the broker is long back (measured). So the next send has a new one.
            self._producer = None
            _drop(producer)
            raise
        return len(started)

    def close(self) -> None:
        if self._producer:
            _drop(self._producer, seconds=5)

    def _open(self) -> KafkaProducer:
        return KafkaProducer(
            **_tls(self._settings), enable_idempotence=True, acks="all", linger_ms=2, max_block_ms=10_000,
            request_timeout_ms=10_000, delivery_timeout_ms=20_000, bootstrap_timeout_ms=20_000,
        )  # fmt: skip


def _drop(producer: KafkaProducer, seconds: float = 0.5) -> None:
    try:
        producer.close(timeout=seconds)
    except KafkaTimeoutError:  # its close ends at a flush that times out and leaves the thread
        producer._sender.force_close()


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
