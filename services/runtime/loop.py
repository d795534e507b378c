"""The one consumer loop: poll → handle → effects → commit, in order per partition.

A handler writes its effect to the store before it returns; `effects` publishes what stands in outboxes; the commit is
the last step. A partition that was lost is forgotten: its new owner reads the uncommitted messages again.
"""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

from services.runtime import dead_letter, faults, metrics
from services.runtime.away import AWAY
from services.runtime.broker import Incoming, Producer
from services.runtime.failures import Reject, Retry
from services.runtime.health import Health

Handler = Callable[[Incoming], None]

KNOW_TOPICS_S = 15
MAX_ATTEMPTS = 5
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
UNEXPECTED_LIMIT = 20  # of the last 100 messages: a bad deploy must not empty a topic into dead letters
STALE = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


class TooManyUnexpected(Exception):
    """More unexpected errors than bad luck explains; the process ends and nothing more is committed."""


class ConsumerLoop(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs handlers by topic. One thread, one consumer."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        handlers: Mapping[str, Handler],
        *,
        producer: Producer,
        effects: Callable[[], int],
        health: Health,
        log: structlog.typing.FilteringBoundLogger,
        poll_ms: int = 100,
    ) -> None:
        self._consumer, self._handlers, self._producer = consumer, dict(handlers), producer
        self._effects, self._health, self._log, self._poll_ms = effects, health, log, poll_ms
        self._done: dict[TopicPartition, int] = {}
        self._resume_at: dict[TopicPartition, float] = {}
        self._attempts: dict[tuple[TopicPartition, int], int] = {}
        self._unexpected: deque[bool] = deque(maxlen=100)
        self._effects_failed = 0
        self._stopping = False

    def stop(self, *_: Any) -> None:
        """Finish the batch in hand, then end. Usable as a signal handler."""
        self._stopping = True

    def run(self) -> None:
        self._know_topics()
        self._consumer.subscribe(topics=sorted(self._handlers), listener=self)
        try:
            while not self._stopping:
                self.turn()
        finally:
            # To leave a group while joining it wedges the group of the embedded broker for good (measured); without a
            # leave the session times out, which every broker can do.
            if self._health.assigned:
                self._consumer.close(autocommit=False)

    def _know_topics(self) -> None:
        """Ask for the partitions before joining: who joins without knowing them is assigned none, and has to join twice."""
        deadline = time.monotonic() + KNOW_TOPICS_S
        for topic in self._handlers:
            while not self._stopping and time.monotonic() < deadline:
                with contextlib.suppress(*AWAY):
                    if self._consumer.partitions_for_topic(topic):
                        break
                time.sleep(0.2)

    def turn(self) -> None:
        """One round; also the unit of tests."""
        self._resume()
        polled = self._consumer.poll(timeout_ms=self._poll_ms, max_records=200)
        self._health.turned()
        started = time.monotonic()
        for partition, records in polled.items():
            self._handle(partition, records)
        if self._publish() and self._done:
            self._commit()
            metrics.HANDLE_SECONDS.observe(time.monotonic() - started)

    def on_partitions_assigned(self, assigned: Any) -> None:
        self._health.assigned = True

    def on_partitions_revoked(self, revoked: Any) -> None:
        self._health.assigned = False
        for partition in revoked:
            self._done.pop(partition, None)
            self._resume_at.pop(partition, None)
        # kafka-python 3.0.12: a join that began because a topic changed and outlasts one poll is never finished, since
        # nothing wants it any more; the member then holds nothing and sends no heartbeat (9 of 150 joins on Kafka).
        self._consumer._coordinator.request_rejoin()

    def _handle(self, partition: TopicPartition, records: list[Any]) -> None:
        for record in records:
            message = Incoming(
                record.topic, record.partition, record.offset, record.key, record.value, dict(record.headers or ())
            )
            if not self._one(partition, message):
                return
            self._done[partition] = record.offset + 1

    def _one(self, partition: TopicPartition, message: Incoming) -> bool:
        """True when the message is dealt with; False when its partition waits."""
        place = (partition, message.offset)
        attempt = self._attempts.get(place, 0) + 1
        try:
            try:
                self._handlers[message.topic](message)
                result = "handled"
            except AWAY:
                raise
            except Retry as error:
                if attempt < MAX_ATTEMPTS:
                    self._attempts[place] = attempt
                    return self._wait(partition, message.offset, BACKOFF_S[attempt - 1], str(error))
                result = self._put_aside(message, "exhausted", str(error), attempt)
            except Reject as error:
                result = self._put_aside(message, "reject", str(error), attempt)
            except Exception as error:
                result = self._put_aside(message, "unexpected", type(error).__name__, attempt, error)
        except AWAY as error:
            self._health.set_away(type(error).__name__)
            return self._wait(partition, message.offset, BACKOFF_S[2], type(error).__name__)
        self._attempts.pop(place, None)
        metrics.MESSAGES.labels(message.topic, result).inc()
        self._unexpected.append(result == "unexpected")
        if sum(self._unexpected) > UNEXPECTED_LIMIT:
            raise TooManyUnexpected(f"{sum(self._unexpected)} of the last {len(self._unexpected)} messages")
        return True

    def _put_aside(
        self, message: Incoming, kind: str, reason: str, attempt: int, error: BaseException | None = None
    ) -> str:
        self._producer.send_all([dead_letter.letter(message, kind, reason, attempt, error)])
        self._log.warning(
            "dead letter",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            kind=kind,
            reason=reason,
        )
        return kind

    def _wait(self, partition: TopicPartition, offset: int, seconds: float, why: str) -> bool:
        self._consumer.seek(partition, offset)
        self._consumer.pause(partition)
        self._resume_at[partition] = time.monotonic() + seconds
        self._log.warning("waiting", topic=partition.topic, partition=partition.partition, reason=why)
        return False

    def _resume(self) -> None:
        now = time.monotonic()
        for partition in [p for p, at in self._resume_at.items() if at <= now]:
            del self._resume_at[partition]
            self._consumer.resume(partition)

    def _publish(self) -> bool:
        try:
            self._effects()
        except AWAY as error:
            if self._effects_failed == 0:
                self._log.warning("publishing waits", reason=type(error).__name__)
            self._effects_failed += 1
            self._health.set_away(type(error).__name__)
            return False
        self._effects_failed = 0
        if not self._resume_at:
            self._health.set_away(None)
        return True

    def _commit(self) -> None:
        faults.point("loop.before_commit")
        try:
            self._consumer.commit({p: OffsetAndMetadata(offset, "", -1) for p, offset in self._done.items()})
        except STALE as error:
            self._log.warning(
                "partitions were lost before the commit; their owner reads again", reason=type(error).__name__
            )
        except AWAY as error:
            self._health.set_away(type(error).__name__)
            return
        self._done.clear()
