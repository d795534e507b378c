"""From the event that makes a ring fifty to the last member's new assessment, while other applications come at 100 events/s.

Members name one host abroad. The network tells counts exactly up to 12 and then at 25, 50, 100, 200: the fiftieth member is news to all.
"""

import time
from collections.abc import Iterator
from typing import Any

import orjson
from confluent_kafka import Producer

from services.contracts.assessments import RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.embedded.stack import Stack
from tests.bench.risk import reading, start, wires
from tests.build import FORM, accepted, upstream

MEMBERS, RINGS, RATE, EVERY_S = 50, 20, 100, 2.5


def member(ring: int, number: int) -> EventAccepted:
    person = f"{ring:03}{number:03}"
    data = FORM | {
        "nik": f"330104450790{1 + ring * MEMBERS + number:04}", "kk_no": f"3301040101{person}", "host_phone": f"+60118{ring:06}",
        "dest_countries": ["MY"], "domicile_desa_code": "3301012001",
    }  # fmt: skip
    event = upstream("application.submitted", data, subject=f"RING-{person}", id=f"ring-{person}")
    return accepted(event)


def latencies(stack: Stack) -> Iterator[float]:
    """Seconds, one for each ring."""
    start(stack, "risk")
    stack.wait_ready(("risk",))
    reader = reading(stack)
    producer = Producer({"bootstrap.servers": stack.bootstrap, "linger.ms": 0})
    tied = _Tied()
    for ring in range(RINGS):
        for number in range(MEMBERS - 1):
            _send(producer, member(ring, number))
    while any(tied.of(ring, MEMBERS // 2) < MEMBERS - 1 for ring in range(RINGS)):
        tied.hear(reader.consume(500, 0.1))
    others = wires(int(RATE * EVERY_S * (RINGS + 2)))
    began, sent, crossed = time.perf_counter(), 0, dict[int, float]()
    while len(tied.whole) < RINGS:
        now = time.perf_counter()
        assert now < began + EVERY_S * RINGS + 120, f"{len(tied.whole)} of {RINGS}"
        while sent < len(others) and began + sent / RATE <= now:
            producer.produce(EventAccepted.TOPIC, value=others[sent][1], key=others[sent][0])
            sent += 1
        ring = len(crossed)
        if ring < RINGS and now > began + EVERY_S * (ring + 1):
            crossed[ring] = now
            _send(producer, member(ring, MEMBERS - 1))
        producer.poll(0)
        tied.hear(reader.consume(200, 0.002))
    reader.close()
    yield from (tied.whole[ring] - crossed[ring] for ring in range(RINGS))


class _Tied:
    """What members say they heard: by ring and member, the households at their host's."""

    def __init__(self) -> None:
        self._heard: dict[int, dict[str, tuple[int, int]]] = {}
        self.whole: dict[int, float] = {}  # ring → when the last of its members knew of fifty

    def of(self, ring: int, households: int) -> int:
        return sum(net[0] >= households for net in self._heard.get(ring, {}).values())

    def hear(self, records: Any) -> None:
        for record in records:
            if not (record.key() or b"").startswith(b"RING-"):
                continue
            assessed = RiskAssessed.decode(record.value())
            ring, net = int(assessed.application_id[5:8]), assessed.facts.get("net", {})
            mine = self._heard.setdefault(ring, {})
            said = net.get("host_phone", {}).get("households", 0), net.get("ring", {}).get("people", 0)
            mine[assessed.application_id] = max(mine.get(assessed.application_id, (0, 0)), said)
            if sum(n >= MEMBERS and r >= MEMBERS for n, r in mine.values()) == MEMBERS:
                self.whole.setdefault(ring, time.perf_counter())


def _send(producer: Producer, event: EventAccepted) -> None:
    producer.produce(EventAccepted.TOPIC, value=event.encode(), key=event.key)
    producer.poll(0)


def main() -> None:
    """One JSON line, for `tests.bench.network`."""
    import sys

    from tests.bench.risk import running

    found = []
    with running(sys.argv[1]) as stack:
        found = list(latencies(stack))
    print(orjson.dumps({"seconds": found}).decode())


if __name__ == "__main__":
    main()
