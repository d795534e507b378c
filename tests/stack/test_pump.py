"""The pump under stress: real workers of risk on a real broker and store, ended, hung, doubled and cut off; one outcome an event.

`TPPO_AWAY_S=120` keeps store and broker away for two minutes each.
"""

import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from services.contracts import tokens
from services.contracts.assessments import RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.contracts.tokens import Newer
from services.risk import batch
from services.risk.record import MAX_EVENTS
from services.risk.worker import STREAMS
from services.runtime.broker import Outgoing
from services.runtime.watchdog import EXIT_STALLED
from services.simulator.day import play
from tests.build import accepted, house
from tests.stack.conftest import Played, running, state_of
from tests.waiting import until

READ_BY_RISK = tuple(topic for stream in STREAMS.values() for topic in stream.topics)
HEAD = [("kind", b"EventAccepted")]
PREFIXES = ("CLEAN", "JOIN", "TERM", "STALL", "OWNERS", "AFTER", "CLOCK", "AWAYSTORE", "AWAYBROKER")
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
EVENTS = [e for e in (accepted(e) for e in play(date(2026, 9, 1), applications=60)) if batch.has_application(e)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, own_broker: str | None) -> Iterator[Played]:
    """Broker, store and risk, nobody else."""
    with running(tmp_path_factory.mktemp("pump"), own_broker, "risk") as played:
        yield played


def named(prefix: str) -> list[EventAccepted]:
    """The day's events as those of other people in another year, so that each test has its own and the network ties no two."""
    years = timedelta(days=371 * (1 + PREFIXES.index(prefix)))
    everything = {t for e in EVENTS for t in tokens.found(e.data)}
    others = {t: f"{t.rsplit('.', 1)[0]}.{md5((prefix + t).encode()).hexdigest()}" for t in everything}
    return [
        e.model_copy(
            update={
                "event_id": f"{prefix}-{e.event_id}",
                "application_id": f"{prefix}-{e.application_id}",
                "at": later(e.at, years),
                "data": later(tokens.moved(e.data, Newer(1, others)), years),
            }
        )
        for e in EVENTS
    ]


def later(value: Any, by: timedelta) -> Any:
    """Every date and time in a JSON-like value moved by so much."""
    if isinstance(value, Mapping):
        return {name: later(each, by) for name, each in value.items()}
    if isinstance(value, list):
        return [later(each, by) for each in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}(T|$)", value):
        return (date.fromisoformat(value[:10]) + by).isoformat() + value[10:]
    return value


def send(alone: Played, events: Sequence[EventAccepted]) -> None:
    alone.send(*(Outgoing(e.TOPIC, e.key, e.encode(), HEAD) for e in events))


def outcomes(alone: Played, prefix: str, of_signals: bool = False) -> dict[str, set[bytes]]:
    """By event, or signal: the different messages it led to; the same one may stand there twice."""
    found: dict[str, set[bytes]] = {}
    for record in alone.read(RiskAssessed.TOPIC):
        if record.key.startswith(prefix.encode()):
            assessed = RiskAssessed.decode(record.value)
            if assessed.cause == "event" or of_signals:
                found.setdefault(assessed.caused_by, set()).add(record.value)
    return found


def are_assessed(alone: Played, events: Sequence[EventAccepted], prefix: str) -> bool:
    return {e.event_id for e in events} <= outcomes(alone, prefix).keys()


def all_assessed(alone: Played, events: Sequence[EventAccepted], prefix: str, seconds: float = 60) -> None:
    """Every event has its assessment, and the state holds every event."""
    wanted = {e.event_id for e in events}
    until(lambda: outcomes(alone, prefix).keys() == wanted, f"{len(wanted)} events to be assessed", seconds)
    assert {id_ for _, ids in kept(alone, prefix).values() for id_ in ids} == wanted


def newest_are_those_of_a_clean_run(alone: Played, prefix: str, clean: str) -> None:
    """Whoever wrote and in whatever order: the assessment of the highest record version says the same."""

    def newest(of: str) -> dict[str, tuple[int, int, int, tuple[str, ...]]]:
        found: dict[str, RiskAssessed] = {}
        for values in outcomes(alone, of, of_signals=True).values():
            for value in values:
                a = RiskAssessed.decode(value)
                name = a.application_id.removeprefix(f"{of}-")
                if name not in found or a.record_version > found[name].record_version:
                    found[name] = a
        return {n: (a.level, a.e_np, a.e_tppo, tuple(f.id for f in a.findings)) for n, a in found.items()}

    until(
        lambda: newest(prefix) == newest(clean),
        "the newest assessments to be those of a clean run, signals included",
        60,
    )


@pytest.fixture(scope="module")
def clean(alone: Played) -> str:
    events = named("CLEAN")
    send(alone, events)
    all_assessed(alone, events, "CLEAN")
    return "CLEAN"


def ready(alone: Played, name: str = "risk") -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{alone.stack.port(f'{name}_admin')}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def quiet(alone: Played) -> bool:
    """Everything that stands in the topics of risk is done and committed, so that what is sent now is what comes next."""
    admin = KafkaAdminClient(**alone.kafka.client())
    try:
        found = admin.list_group_offsets("risk")
    finally:
        admin.close()
    done = Counter[str]()
    for place, offset in found.get("risk", found).items():
        done[place[0]] += max(0, offset.offset)
    return all(done[topic] == len(alone.read(topic)) for topic in READ_BY_RISK)


def metric(alone: Played, name: str) -> float:
    """Of the worker called risk."""
    with urllib.request.urlopen(f"http://127.0.0.1:{alone.stack.port('risk_admin')}/metrics", timeout=2) as answer:
        found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def kept(alone: Played, prefix: str) -> dict[str, tuple[int, list[str]]]:
    """Version and events of every record."""
    found = alone.mongo["tppo_risk"]["records"].find({"_id": {"$regex": f"^{prefix}-"}}, {"ids": 1, "version": 1})
    return {record["_id"]: (record["version"], sorted(record["ids"])) for record in found}


def test_a_worker_joins_and_the_first_is_killed_in_the_middle(alone: Played, clean: str) -> None:
    events = named("JOIN")
    third = len(events) // 3
    send(alone, events[:third])
    alone.stack.start_service("risk", name="risk2")
    send(alone, events[third : 2 * third])
    alone.stack.wait_ready(("risk2",))
    alone.stack.children["risk"].kill()
    send(alone, events[2 * third :])
    all_assessed(alone, events, "JOIN")
    newest_are_those_of_a_clean_run(alone, "JOIN", clean)
    alone.stack.start_service("risk")
    alone.stack.wait_ready(("risk",))
    alone.stack.children["risk2"].stop()


def test_a_worker_that_is_asked_to_end_loses_nothing(alone: Played, clean: str) -> None:
    events = named("TERM")
    send(alone, events)
    alone.stack.children["risk"].stop()
    alone.stack.start_service("risk")
    all_assessed(alone, events, "TERM")
    newest_are_those_of_a_clean_run(alone, "TERM", clean)


def test_a_stalled_worker_ends_itself_and_another_takes_over(alone: Played, clean: str) -> None:
    alone.stack.children["risk"].stop()
    alone.stack.start_service("risk", TPPO_FAULT="risk.after_send:1:stall", TPPO_RISK_STALLED_AFTER_S="3")
    events = named("STALL")
    send(alone, events)
    stalled = alone.stack.children["risk"].process
    until(lambda: stalled.poll() is not None, "the watchdog to end the worker", 30)
    assert stalled.returncode == EXIT_STALLED
    alone.stack.start_service("risk")
    all_assessed(alone, events, "STALL")
    newest_are_those_of_a_clean_run(alone, "STALL", clean)


def test_a_worker_that_wakes_up_with_a_batch_that_another_has_done_changes_nothing(alone: Played, clean: str) -> None:
    """Frozen after its sends and before its write, while the other owns its partitions and does the same events: versions decide."""
    until(lambda: quiet(alone), "risk to have done everything", 60)
    alone.stack.children["risk"].stop()
    alone.stack.start_service("risk", TPPO_FAULT="risk.after_send:1:freeze", TPPO_RISK_STALLED_AFTER_S="600")
    events = named("OWNERS")
    send(alone, events)
    frozen = alone.stack.children["risk"].process
    until(lambda: state_of(frozen.pid) == "T", "the first to freeze", 30)
    alone.stack.start_service("risk", name="risk2")
    all_assessed(alone, events, "OWNERS")
    until(lambda: quiet(alone), "the second to have heard all signals", 60)  # they write records as well
    before = kept(alone, "OWNERS")
    frozen.send_signal(signal.SIGCONT)
    handled = 'tppo_messages_total{result="handled",topic="passport-events"}'
    until(lambda: metric(alone, handled) > 0, "the first to end what it had in hand", 60)
    after = named("AFTER")  # in all partitions, behind what the first had in hand
    send(alone, after)
    all_assessed(alone, after, "AFTER")
    assert kept(alone, "OWNERS") == before
    newest_are_those_of_a_clean_run(alone, "OWNERS", clean)
    alone.stack.children["risk2"].stop()


def test_a_clock_that_jumps_changes_nothing(alone: Played, clean: str, tmp_path: Path) -> None:
    """Three days forward and then one back, while events flow."""
    if not FAKETIME.exists():
        assert not os.environ.get("CI"), "CI has libfaketime"
        pytest.skip("libfaketime is not here")
    clock = tmp_path / "clock"
    clock.write_text("+0d")
    alone.stack.children["risk"].stop()
    alone.stack.start_service(
        "risk",
        LD_PRELOAD=str(FAKETIME),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    alone.stack.wait_ready(("risk",))
    events = named("CLOCK")
    third = len(events) // 3
    for number, (jump, days) in enumerate((("+0d", 0), ("+3d", 3), ("-1d", -1))):
        clock.write_text(jump)
        now = events[number * third : (number + 1) * third if number < 2 else None]
        send(alone, now)
        until(partial(are_assessed, alone, now, "CLOCK"), f"the assessments after {jump}", 60)
        ahead = metric(alone, "tppo_loop_last_turn_timestamp_seconds") - time.time()
        assert ahead == pytest.approx(days * 86400, abs=600), "the worker's clock has jumped"
    all_assessed(alone, events, "CLOCK")
    newest_are_those_of_a_clean_run(alone, "CLOCK", clean)
    alone.stack.children["risk"].stop()
    alone.stack.start_service("risk")


@pytest.mark.parametrize("part", ["store", "broker"])
def test_while_a_part_does_not_answer_the_worker_waits_and_then_goes_on(alone: Played, clean: str, part: str) -> None:
    if part not in alone.stack.children:
        pytest.skip("this broker is not ours to hold")
    prefix = f"AWAY{part.upper()}"
    events = named(prefix)
    half = len(events) // 2
    until(lambda: ready(alone), "risk to be ready", 30)
    if part == "store":
        alone.stack.children[part].process.send_signal(signal.SIGSTOP)
        send(alone, events[:half])
        until(lambda: not ready(alone), "risk to say that the store is away", 40)
    else:
        send(alone, events[:half])
        alone.stack.children[part].process.send_signal(signal.SIGSTOP)
    stopped, long_enough = time.monotonic(), float(os.environ.get("TPPO_AWAY_S", "0"))
    until(lambda: time.monotonic() - stopped >= long_enough, f"{part} to be away long enough", 600)
    alone.stack.children[part].process.send_signal(signal.SIGCONT)
    send(alone, events[half:])
    all_assessed(alone, events, prefix)
    until(lambda: ready(alone), "risk to be ready again", 30)
    newest_are_those_of_a_clean_run(alone, prefix, clean)


def test_an_application_without_end_fills_its_own_record_and_harms_no_other(alone: Played) -> None:
    many = [
        house("applicant.checked_in", f"2026-09-01T09:{n // 60 % 60:02}:{n % 60:02}+07:00", f"FULL-{n}", checked_in_at="2026-09-01T09:00:00+07:00")
        .model_copy(update={"application_id": "FULL-1"})
        for n in range(MAX_EVENTS + 3)
    ]  # fmt: skip
    beside = [house("application.submitted", "2026-09-01T09:00:00+07:00", "FULL-other", purpose="wisata")]
    beside = [e.model_copy(update={"application_id": "FULL-2"}) for e in beside]
    send(alone, [*many, *beside])
    letters: list[Any] = []

    def put_aside() -> bool:
        letters[:] = [r for r in alone.read("passport-events-dlq") if r.key == b"FULL-1"]
        return len({r.value for r in letters}) == 3

    until(put_aside, "what is too much to be put aside", 90)
    assert {dict(r.headers)["dlq-kind"] for r in letters} == {b"reject"}
    assert all(b"is full: 2000 events" in dict(r.headers)["dlq-reason"] for r in letters)
    assert outcomes(alone, "FULL-2").keys() == {"FULL-other"}


def test_the_admin_page_answers_while_all_of_this_happens(alone: Played) -> None:
    assert ready(alone)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{alone.stack.port('risk_admin')}/nothing", timeout=2)


def test_no_worker_ended_but_those_that_were_meant_to(alone: Played) -> None:
    log: Path = alone.stack.folder / "logs" / "risk.log"
    assert "too many unexpected errors" not in log.read_text()
