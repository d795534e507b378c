"""`make bench-takeover`: how long applications wait when one of two workers of risk is killed, stopped or added.

Events come at a fixed rate, whatever happens. The time of a takeover is the longest that an event sent after the blow waited for its
assessment; the same without a blow stands beside it.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

from confluent_kafka import Producer

from services.contracts.passport_events import EventAccepted
from services.embedded.stack import Stack
from tests.bench import report
from tests.bench.risk import reading, running, wires

RATE, BEFORE_S, AFTER_S, ROUNDS = 50, 4, 18, 2
Blow = Callable[[Stack], None]


def kill(stack: Stack) -> None:
    stack.children["risk2"].kill()


def stop(stack: Stack) -> None:
    stack.children["risk2"].terminate()


def add(stack: Stack) -> None:
    stack.start_service("risk", "risk3")


def nothing(_: Stack) -> None:
    pass


BLOWS: dict[str, tuple[str, Blow]] = {
    "nothing": ("nothing happens", nothing),
    "add": ("a third worker comes", add),
    "stop": ("one is told to stop", stop),
    "kill": ("one is killed", kill),
}


def longest_wait(broker: str, blow: Blow) -> float:
    """Seconds."""
    events = wires(RATE * (BEFORE_S + AFTER_S))
    ids = [EventAccepted.decode(value).event_id for _, value in events]
    with running(broker) as stack:
        for name in ("risk", "risk2"):
            stack.start_service("risk", name)
        stack.wait_ready(("risk", "risk2"))
        reader = reading(stack)
        producer = Producer(
            {"bootstrap.servers": stack.bootstrap, "linger.ms": 0, "log_level": 2}
        )  # it outlives the broker
        due: dict[str, float] = {}
        waited: dict[str, float] = {}
        began, sent, struck = time.perf_counter() + 1, 0, float("inf")
        while len(waited) < len(events):
            now = time.perf_counter()
            assert now < began + BEFORE_S + AFTER_S + 120, f"{len(waited)} of {len(events)}"
            if struck == float("inf") and now > began + BEFORE_S:
                struck = now
                blow(stack)
            while sent < len(events) and began + sent / RATE <= now:
                due[ids[sent]] = began + sent / RATE
                producer.produce(EventAccepted.TOPIC, value=events[sent][1], key=events[sent][0])
                sent += 1
            producer.poll(0)
            for record in reader.consume(100, 0.005):
                value = record.value() or b""
                if b'"cause":"signal"' not in value:
                    caused = value.partition(b'"caused_by":"')[2][:36].decode()
                    waited.setdefault(caused, time.perf_counter() - due[caused])
        reader.close()
        return max(w for id_, w in waited.items() if due[id_] >= struck - 1)


def measured(rounds: int) -> Iterator[tuple[str, str, list[float]]]:
    for broker in ("embedded", "kafka"):
        for title, blow in BLOWS.values():
            runs = [longest_wait(broker, blow) for _ in range(rounds)]
            print(broker, title, [f"{r:.1f}" for r in runs], flush=True)
            yield broker, title, runs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    found = list(measured(parser.parse_args().rounds))
    rows = [
        [broker, title, f"{statistics.median(runs):.1f}", ", ".join(f"{r:.1f}" for r in sorted(runs))]
        for broker, title, runs in found
    ]
    report.write(
        "takeover", "Takeover", ["broker", f"two workers, {RATE} events/s", "longest wait, s (median)", "runs"], rows,
        [{"broker": b, "blow": t, "runs": r} for b, t, r in found],
        "Every event was assessed. A killed worker is missed after the session timeout (6 s); one that is told to stop says so.",
    )  # fmt: skip


if __name__ == "__main__":
    main()
