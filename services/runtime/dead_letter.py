"""Dead letters: original bytes and headers, with the reason in headers of their own, on `<topic>-dlq`."""

import traceback

from services.runtime import metrics
from services.runtime.broker import Incoming, Outgoing


def topic_of(topic: str) -> str:
    return f"{topic}-dlq"


def letter(message: Incoming, kind: str, reason: str, attempt: int, error: BaseException | None = None) -> Outgoing:
    """The dead letter of one message. `kind`: reject, exhausted, unexpected."""
    metrics.DEAD_LETTERS.labels(message.topic, kind).inc()
    added = {
        "dlq-topic": message.topic,
        "dlq-partition": str(message.partition),
        "dlq-offset": str(message.offset),
        "dlq-kind": kind,
        "dlq-reason": reason[:1000],
        "dlq-attempt": str(attempt),
    }
    if error is not None:
        added["dlq-trace"] = "".join(traceback.format_tb(error.__traceback__))[-8000:]
    headers = [*message.headers.items(), *((name, text.encode()) for name, text in added.items())]
    return Outgoing(topic_of(message.topic), message.key or b"", message.value, headers)
