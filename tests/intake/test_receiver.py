"""The way through the door in memory: shared writes, races with other processes, what is owed, and what too much waiting does."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import structlog

from services.intake.check import Checked, check
from services.intake.entry import VaultEntry
from services.intake.receiver import MAX_WAITING, Busy, Receiver
from services.intake.vault import MasterKey
from tests.build import NOW, TOKENS, submitted, upstream

MASTER = MasterKey(b"k" * 32)


class Documents:
    """The vault in memory, with the same versions and the same open batches. Takes the part of another process too."""

    def __init__(self) -> None:
        self.vault: dict[str, dict[str, Any]] = {}
        self.open: dict[str, list[str]] = {}
        self.writes = 0
        self.races: list[str] = []

    async def read(self, names: Sequence[str]) -> dict[str, VaultEntry]:
        await asyncio.sleep(0)
        return {n: VaultEntry.of(self.vault[n]) if n in self.vault else VaultEntry(n) for n in names}

    async def still_open(self, batches: Any) -> set[str]:
        return set(batches) & self.open.keys()

    async def write(
        self, entries: Sequence[VaultEntry], batch: str, arrived: Mapping[str, str], now: datetime
    ) -> set[str]:
        await asyncio.sleep(0)
        self.writes += 1
        self.open[batch] = [e.application_id for e in entries]
        for name in self.races:
            if name in self.vault:
                self.vault[name]["version"] += 1
        self.races = []
        lost = set()
        for e in entries:
            document = self.vault.get(
                e.application_id, {"_id": e.application_id, "version": 0, "key": e.wrapped, "events": []}
            )
            if document["version"] != e.version:
                lost.add(e.application_id)
                continue
            changed = {
                "version": e.version + 1,
                "events": document["events"] + e.added,
                "owed": dict(e.owing()),
                "w": batch,
            }
            self.vault[e.application_id] = document | changed
        return lost

    async def settle(self, batches: Any) -> None:
        for batch in batches:
            self.open.pop(batch, None)

    async def left_open(self, until: datetime) -> dict[str, dict[str, dict[str, bytes]]]:
        return {
            b: {n: self.vault[n]["owed"] for n in names if n in self.vault and self.vault[n]["w"] == b}
            for b, names in self.open.items()
        }


class Sends:
    """A producer that can be away."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []
        self.away = False

    async def send(self, topic: str, value: bytes, key: bytes, headers: Any) -> "asyncio.Future[None]":
        if self.away:
            raise ConnectionError("broker")
        self.sent.append((key, value))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


def receiver(documents: Documents, sends: Sends) -> Receiver:
    return Receiver(documents, sends, MASTER, TOKENS, lambda: datetime.now(UTC), structlog.get_logger())  # type: ignore[arg-type]


def good(number: int, application: str = "A1") -> Checked:
    event = submitted() | {"id": f"e{number}", "subject": application}
    if number:
        event = upstream("payment.received", {"billing_id": f"B{number}"}) | {
            "id": f"e{number}",
            "subject": application,
        }
    checked = check(orjson.dumps(event), NOW)
    assert isinstance(checked, Checked)
    return checked


def test_single_events_that_come_together_share_a_write() -> None:
    documents, sends = Documents(), Sends()

    async def run() -> None:
        door = receiver(documents, sends)
        await asyncio.gather(*(door.take([good(n, f"A{n}")]) for n in range(40)))

    asyncio.run(run())
    assert len(documents.vault) == len(sends.sent) == 40
    assert documents.writes == 1


def test_a_large_batch_keeps_the_order_within_each_application() -> None:
    documents, sends = Documents(), Sends()
    batch = [good(n, f"A{n % 7}") for n in range(600)]
    answers = asyncio.run(receiver(documents, sends).take(batch))
    assert answers == ["accepted"] * 600
    for name, document in documents.vault.items():
        wanted = [c.event.event_id for c in batch if c.event.subject == name]
        assert [e["id"] for e in document["events"]] == wanted
        assert [orjson.loads(v)["event_id"] for k, v in sends.sent if k.decode() == name] == wanted


def test_an_application_that_another_process_wrote_meanwhile_is_read_again() -> None:
    documents, sends = Documents(), Sends()

    async def run() -> list[str]:
        door = receiver(documents, sends)
        await door.take([good(0)])
        documents.races = ["A1"]
        answers = await door.take([good(1), good(2)])
        return [*answers, *await door.take([good(1)])]

    assert asyncio.run(run()) == ["accepted", "accepted", "duplicate"]
    assert len({e["id"] for e in documents.vault["A1"]["events"]}) == len(documents.vault["A1"]["events"]) == 3


def test_what_could_not_be_sent_is_owed_and_sent_before_it_is_answered() -> None:
    documents, sends = Documents(), Sends()

    async def run() -> Sequence[str]:
        door = receiver(documents, sends)
        sends.away = True
        with pytest.raises(ConnectionError):
            await door.take([good(0)])
        sends.away = False
        return await door.take([good(0)])

    assert asyncio.run(run()) == ["duplicate"]
    assert [orjson.loads(v)["event_id"] for _, v in sends.sent] == [good(0).event.event_id]


def test_what_a_crash_left_owed_goes_with_the_next_event_and_with_the_sweep() -> None:
    documents, sends = Documents(), Sends()

    async def crash() -> None:
        sends.away = True
        with pytest.raises(ConnectionError):
            await receiver(documents, sends).take([good(0), good(0, "A2")])
        sends.away = False

    async def after() -> int:
        door = receiver(documents, sends)
        await door.take([good(1)])
        return await door.resend(datetime.now(UTC))

    asyncio.run(crash())
    asyncio.run(after())
    sent = [orjson.loads(v)["event_id"] for _, v in sends.sent]
    assert set(sent) == {good(0).event.event_id, good(1).event.event_id}
    assert {k for k, _ in sends.sent} == {b"A1", b"A2"}


def test_nothing_is_sent_again_once_the_broker_has_it() -> None:
    documents, sends = Documents(), Sends()

    async def run() -> None:
        door = receiver(documents, sends)
        for number in range(5):
            await door.take([good(number)])
        await door.drain()

    asyncio.run(run())
    assert len(sends.sent) == 5
    assert documents.open == {}


def test_too_much_waiting_is_refused_at_once() -> None:
    documents, sends = Documents(), Sends()

    async def run() -> None:
        door = receiver(documents, sends)
        full = asyncio.create_task(door.take([good(n, f"A{n}") for n in range(MAX_WAITING)]))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await door.take([good(1, "LATE")])
        await full

    asyncio.run(run())
    assert "LATE" not in documents.vault


def test_a_fault_of_ours_with_one_event_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    documents, sends = Documents(), Sends()
    bad = good(3, "BAD")

    def accept(self: Receiver, checked: Checked, entries: Any) -> str:
        if checked.event.subject == "BAD":
            raise RuntimeError("a bug")
        return real(self, checked, entries)

    real = Receiver._accept
    monkeypatch.setattr(Receiver, "_accept", accept)

    async def run() -> Any:
        door = receiver(documents, sends)
        return await asyncio.gather(
            door.take([good(1, "A1")]), door.take([bad]), door.take([good(2, "A2")]), return_exceptions=True
        )

    one, broken, two = asyncio.run(run())
    assert (one, two) == (["accepted"], ["accepted"])
    assert isinstance(broken, RuntimeError)


def test_a_part_never_writes_what_another_part_has_in_hand() -> None:
    """A form names a licence whose snapshot is on its way in another part: each is written once, and both are accepted."""
    documents, sends = Documents(), Sends()
    slow = asyncio.Event()
    written: list[list[str]] = []
    write = documents.write

    async def slowly(entries: Sequence[VaultEntry], *rest: Any) -> set[str]:
        written.append([e.application_id for e in entries])
        if entries[0].application_id == "LIC-P1":
            await slow.wait()
        return await write(entries, *rest)

    documents.write = slowly  # type: ignore[method-assign, assignment]
    snapshot = upstream(
        "license.snapshot", {"kind": "ppiu", "license_no": "P1", "name": "PT Contoh", "status": "active"}
    )
    licence = check(orjson.dumps(snapshot | {"id": "lic", "subject": "LIC-P1"}), NOW)
    form = check(orjson.dumps(submitted(agent_license_no="P1") | {"id": "form", "subject": "A1"}), NOW)
    assert isinstance(licence, Checked)
    assert isinstance(form, Checked)

    async def run() -> list[list[str]]:
        door = receiver(documents, sends)
        first = asyncio.create_task(door.take([licence, licence]))
        while not written:
            await asyncio.sleep(0)
        second = asyncio.create_task(door.take([form, form]))
        while len(written) < 2:
            await asyncio.sleep(0)
        slow.set()
        return [list(await first), list(await second)]

    answers = asyncio.run(run())
    assert written == [["LIC-P1"], ["A1"]]
    assert answers == [["accepted", "duplicate"], ["accepted", "duplicate"]]
