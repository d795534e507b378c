"""The parts around the pipeline: sender, breaker, auditor, steady clock, roster in use, and bad requests."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from pymongo.database import Database

from services.contracts.alerts import AlertRequested
from services.notify import send
from services.notify.auditor import Auditor
from services.notify.channels.channel import Done, Later, Never, Notice, Result
from services.notify.clock import SteadyClock
from services.notify.send import Breaker, Message, Sender
from services.runtime.broker import Incoming
from services.runtime.failures import Reject
from services.runtime.newest import KeysUnreachable
from services.runtime.yaml_file import YamlFault
from tests.notify.play import FRIDAY, FakeClock, Play
from tests.notify.servers import http_server
from tests.waiting import until

LOG = structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(50))


@pytest.fixture
def play(database: Database[dict[str, Any]], tmp_path: Path) -> Iterator[Play]:
    found = Play(database, tmp_path)
    yield found
    found.close()


def message(person: str, number: int) -> Message:
    notice = Notice("s", "t", "h", "s", f"key-{person}-{number}", (f"{person}-{number}",), ("R",), "d", "l")
    return Message(person, "mail", f"{person}@x.example", notice)


class Recording:
    """Takes what it gets, in order; may stand still."""

    name = "mail"

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.held: set[str] = set()

    def send(self, to: str, notice: Notice) -> Result:
        if to in self.held:
            self.gate.wait()
        self.got.append((to, notice.idempotency_key))
        return Done("ok")


# Sender


def _more(found: list[tuple[Message, Result]], sender: Sender) -> bool:
    found.extend(sender.results(0.05))
    return bool(found)


def test_messages_of_one_person_keep_their_order_and_people_do_not_wait_for_each_other() -> None:
    channel = Recording()
    sender = Sender({"mail": channel}, FakeClock(FRIDAY), threads=4)
    channel.held = {"slow@x.example"}
    channel.gate.clear()
    sender.start([message("slow", n) for n in range(3)] + [message(f"p{n % 5}", n) for n in range(50)])
    until(lambda: len(channel.got) == 50, "everybody else")
    channel.gate.set()
    until(lambda: len(sender.results(0.1)) >= 0 and not sender.flying, "the results")
    for person in ("slow", "p0", "p4"):
        keys = [int(key.rpartition("-")[2]) for to, key in channel.got if to == f"{person}@x.example"]
        assert keys == sorted(keys)
    sender.close()


def test_a_channel_that_does_not_come_back_is_left_alone_and_the_person_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(send, "PATIENCE_S", 0.2)
    channel = Recording()
    channel.held = {"slow@x.example"}
    channel.gate.clear()
    sender = Sender({"mail": channel}, FakeClock(FRIDAY), threads=2)
    sender.start([message("slow", 0)])
    found: list[tuple[Message, Result]] = []
    until(lambda: _more(found, sender), "the sender to give up")
    assert found[0][1] == Later("the channel did not come back", channel_fails=True)
    channel.held = set()
    sender.start([message("slow", 1)])
    until(lambda: ("slow@x.example", "key-slow-1") in channel.got, "the next message")
    channel.gate.set()
    sender.close()


def test_a_channel_with_a_fault_of_ours_loses_nothing() -> None:
    class Broken:
        name = "mail"

        def send(self, to: str, notice: Notice) -> Result:
            raise KeyError("a fault")

    sender = Sender({"mail": Broken()}, FakeClock(FRIDAY), threads=1)
    sender.start([message("p", 0)])
    found: list[tuple[Message, Result]] = []
    until(lambda: _more(found, sender), "a result")
    assert found[0][1] == Later("mail: KeyError", channel_fails=True)
    sender.close()


def test_a_channel_that_is_not_set_up_is_never() -> None:
    sender = Sender({}, FakeClock(FRIDAY), threads=1)
    sender.start([message("p", 0)])
    found: list[tuple[Message, Result]] = []
    until(lambda: _more(found, sender), "a result")
    assert found[0][1] == Never("the channel mail is not set up")
    sender.close()


def test_a_breaker_opens_after_five_failures_rests_longer_each_time_and_closes_on_success() -> None:
    breaker, now, away = Breaker(), FRIDAY, Later("away", channel_fails=True)
    for _ in range(4):
        breaker.heard(away, now)
    assert breaker.until is None
    breaker.heard(away, now)
    assert breaker.until == now + timedelta(seconds=30)
    now += timedelta(seconds=31)
    breaker.heard(away, now)
    assert breaker.until == now + timedelta(seconds=60)
    breaker.heard(Never("no such user"), now)  # the channel works; the address does not
    assert breaker.until is None


# Auditor


def test_the_sign_of_life_goes_out_only_while_nothing_is_late(play: Play) -> None:
    with http_server() as switch:
        auditor = Auditor(play.store, play.clock, LOG, f"{switch.url}/alive")
        play.ask()
        play.now()
        assert auditor.turn()
        assert len(switch.got) == 1
        play.clock.now += timedelta(minutes=10)  # the step at five minutes was not taken
        assert not auditor.turn()
        assert len(switch.got) == 1


def test_an_alert_whose_next_step_was_lost_is_found(play: Play) -> None:
    alert = play.ask()
    play.now()
    auditor = Auditor(play.store, play.clock, LOG, None)
    assert auditor.look() == 0
    play.database["alerts"].update_one({"_id": alert}, {"$unset": {"due_at": 1}})
    assert auditor.look() == 1
    play.database["alerts"].update_one({"_id": alert}, {"$set": {"due_at": play.clock.now + timedelta(days=3)}})
    assert auditor.look() == 1


def test_without_a_good_look_there_is_no_sign_of_life(play: Play) -> None:
    alert = play.ask()
    play.now()
    play.database["alerts"].update_one({"_id": alert}, {"$unset": {"due_at": 1}})
    assert not Auditor(play.store, play.clock, LOG, None).turn()


# Clock


def test_a_clock_that_is_set_back_goes_on() -> None:
    wall, passed = [1000.0], [50.0]
    clock = SteadyClock(lambda: wall[0], lambda: passed[0])
    wall[0], passed[0] = 1010.0, 60.0
    assert clock() == datetime.fromtimestamp(1010, UTC)
    wall[0], passed[0] = 400.0, 75.0
    assert clock() == datetime.fromtimestamp(1025, UTC)
    wall[0], passed[0] = 5000.0, 76.0
    assert clock() == datetime.fromtimestamp(5000, UTC)


def test_timers_go_on_when_the_clock_is_set_back(play: Play) -> None:
    wall, passed = [FRIDAY.timestamp()], [0.0]
    steady = SteadyClock(lambda: wall[0], lambda: passed[0])
    play.desk.clock = steady
    play.ask()
    play.desk.turn()
    wall[0] -= 3600
    passed[0] += 301
    play.desk.turn()
    assert len(play.arrived()) == 2


# Roster in use


def test_a_changed_roster_is_read_and_one_with_a_fault_is_not(play: Play) -> None:
    play.roster["people"]["polres"]["hours"] = "sometimes"
    play.write_roster()
    play.desk.people.turn()
    assert "there are no hours sometimes" in str(play.desk.people.fault)
    assert play.desk.people.roster.people["polres"].hours == "office"
    play.roster["people"]["polres"]["hours"] = "always"
    play.write_roster()
    play.desk.people.turn()
    assert play.desk.people.fault is None
    assert play.desk.people.roster.people["polres"].hours == "always"


def test_a_must_act_agency_that_sleeps_is_refused_at_the_start(
    database: Database[dict[str, Any]], tmp_path: Path
) -> None:
    play = Play(database, tmp_path)
    play.close()
    play.roster["targets"]["disnaker-3301"]["must_act"] = True
    play.write_roster()
    with pytest.raises(YamlFault, match=r"targets\.disnaker-3301: must_act, and nobody is in their hours"):
        play.start()


def test_each_address_is_tokenised_once_and_again_when_it_changes(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def token(kind: str, value: str) -> str:
        asked.append(value)
        return f"{kind}.1.{'0' * 32}"

    play.close()
    play.start()
    monkeypatch.setattr(play.desk.people, "_token", token)
    play.desk.people.turn()
    assert asked == []  # a restart asks for nothing
    play.roster["people"]["polres"]["phone"] = "+628110000077"
    play.write_roster()
    play.desk.people.turn()
    play.desk.people.turn()
    assert asked == ["polres@x.example", "+628110000002", "+628110000077"]


def test_while_intake_does_not_answer_the_others_are_told(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(kind: str, value: str) -> str:
        raise KeysUnreachable("ConnectError")

    monkeypatch.setattr(play.desk.people, "_token", away)
    play.roster["people"]["polres"]["phone"] = "+628110000077"
    play.write_roster()
    play.ask(not_to=["phone.1." + "f" * 32])
    play.now()
    assert play.arrived() == [("20 10:00", "+628110000003", "R-1")]


# Bad requests


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("AlertRequested", b"{broken"),
        ("AlertRequested", b"{}"),
        ("AlertRequested", b"[1]"),
        ("Unheard", b"{}"),
        ("AlertSettled", b'{"alert_id": 1}'),
    ],
)
def test_a_malformed_request_is_refused_and_nothing_else_is_affected(play: Play, kind: str, value: bytes) -> None:
    with pytest.raises(Reject):
        play.desk.requested(Incoming(AlertRequested.TOPIC, 0, 0, b"k", value, {"kind": kind.encode()}))
    play.ask()
    play.now()
    assert len(play.arrived()) == 1
