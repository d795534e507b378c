"""Notify as processes on real parts: two instances, one of them killed, the store and the mail server standing still, and nothing lost or doubled."""

import os
import re
import signal
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from services.cli.main import app
from services.contracts import ids
from services.contracts.alerts import AlertRequested
from services.embedded.stack import Stack
from services.referral.tables import Tables
from services.runtime.broker import Outgoing, Producer
from services.runtime.settings import KafkaSettings
from tests.stack.conftest import Played, running
from tests.waiting import until

REF = re.compile(r"[RK]-[A-Z0-9]{8}")
ALERTS = 240


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Notify alone, twice."""
    with running(tmp_path_factory.mktemp("pair"), None, "notify") as played:
        played.stack.start_service("notify", "notify-2")
        played.stack.wait_ready(("notify-2",))
        yield played.stack


def mails(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{stack.addresses.mail_page}/mails.json", timeout=30).json()
    return found


def ready(stack: Stack, name: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.port(f'{name}_admin')}/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def later(stack: Stack) -> float:
    """Messages that a channel could not take for now, over both instances."""
    total = 0.0
    for name in ("notify", "notify-2"):
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.port(f'{name}_admin')}/metrics", timeout=5) as answer:
            found = re.findall(
                r'tppo_notify_sends_total\{channel="mail",result="later"\} ([\d.]+)', answer.read().decode()
            )
        total += sum(map(float, found))
    return total


def request(number: int) -> Outgoing:
    agencies = [
        a for a in Tables.load().agencies if a != "kanim-clp"
    ]  # who has a desk is told there while the mail is away
    now = datetime.now(UTC)
    asked = AlertRequested(
        alert_id=ids.alert_id(f"storm-{number}", 1, "new"), to=agencies[number % 40], ref=f"R-S{number:07d}", severity="must_act", step="new",
        deadline=(now + timedelta(hours=2)).isoformat(), requested_at=now.isoformat(),
    )  # fmt: skip
    return Outgoing(AlertRequested.TOPIC, asked.key, asked.encode(), [("kind", b"AlertRequested")])


def test_killed_store_away_and_mail_away_lose_nothing_and_double_nothing(pair: Stack) -> None:
    producer = Producer(KafkaSettings(bootstrap=pair.bootstrap))
    third = ALERTS // 3
    told = set[str]()

    def heard(count: int) -> bool:
        told.update(ref for m in mails(pair) for ref in REF.findall(m["body"]))
        return len(told) >= count

    producer.send_all(request(n) for n in range(third))
    until(lambda: heard(third // 4), "the first mails", 60)
    pair.children["notify-2"].kill()
    producer.send_all(request(n) for n in range(third, 2 * third))
    pair.start_service("notify", "notify-2")
    pair.wait_ready(("notify", "notify-2"))
    os.kill(pair.children["store"].process.pid, signal.SIGSTOP)
    try:
        until(lambda: not ready(pair, "notify"), "notify to say that the store is away", 60)
    finally:
        os.kill(pair.children["store"].process.pid, signal.SIGCONT)
    until(lambda: ready(pair, "notify") and heard(2 * third), lambda: f"the mails of two thirds: {len(told)}", 120)
    os.kill(pair.children["mail"].process.pid, signal.SIGSTOP)
    try:
        producer.send_all(request(n) for n in range(2 * third, ALERTS))
        until(lambda: later(pair) > 0, "a mail that could not be sent", 60)
    finally:
        os.kill(pair.children["mail"].process.pid, signal.SIGCONT)
    until(lambda: heard(ALERTS), lambda: f"every alert: {len(told)} of {ALERTS}", 180)
    producer.close()

    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for mail in mails(pair):
        for ref in set(REF.findall(mail["body"])):
            keys[(ref, mail["to"])].add(mail["headers"]["X-Idempotency-Key"])
    assert {ref for ref, _ in keys} == {f"R-S{n:07d}" for n in range(ALERTS)}
    assert {place: found for place, found in keys.items() if len(found) > 1} == {}
    client: MongoClient[dict[str, Any]] = MongoClient(pair.addresses.store, tz_aware=True)
    alerts = client["tppo_notify"]["alerts"]
    assert alerts.count_documents({}) == ALERTS
    assert alerts.count_documents({"state": "open", "due_at": None}) == 0
    client.close()


def test_a_link_in_a_mail_acknowledges_and_the_case_knows_who_has_seen_it(played: Played) -> None:
    cases = played.mongo["tppo_referral"]["cases"]
    running = [a for c in cases.find({"clocks.0": {"$exists": True}}) for k in c["clocks"] for a in k["alerts"]]
    alerts = played.mongo["tppo_notify"]["alerts"]
    alert = next(a for a in alerts.find({"_id": {"$in": running}, "state": "open", "told.0": {"$exists": True}}))
    key = alert["told"][-1]["key"]
    mail = next(m for m in mails(played.stack) if m["headers"]["X-Idempotency-Key"] == key)
    link = re.search(r"http\S+/l/[a-z2-7]{26}", mail["body"])
    assert link is not None
    assert "Sudah saya lihat" in httpx.get(link[0]).text
    assert alerts.find_one({"_id": alert["_id"]})["state"] == "open"  # type: ignore[index]
    assert "tercatat" in httpx.post(link[0], content="do=take").text
    person = alert["told"][-1]["person"]
    entry = {"action": "alert_seen", "actor": person, "caused_by": alert["_id"]}
    until(lambda: cases.count_documents({"history": {"$elemMatch": entry}}) == 1, "the case to know")
    case = cases.find_one({"history": {"$elemMatch": entry}})
    assert case is not None
    assert case["clocks"]  # the answer clock goes on: seen is not answered

    def told() -> list[str]:
        deliveries = (r for r in played.read("alert-deliveries") if r.key == alert["_id"].encode())
        return [orjson.loads(r.value)["status"] for r in deliveries]

    until(lambda: told()[-2:] == ["seen", "taken"], "both words of the person")


def test_the_commands_show_what_became_of_an_alert(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPPO_DATA", str(played.stack.folder))
    alert = played.mongo["tppo_notify"]["alerts"].find_one({"told.0": {"$exists": True}})
    assert alert is not None
    person = alert["told"][0]["person"]

    def tppo(*arguments: str) -> str:
        return CliRunner().invoke(app, ["notify", *arguments], env={"COLUMNS": "300"}).stdout

    out = tppo("show", alert["_id"])
    assert all(word in out for word in ("planned", "sent", person, alert["ref"]))
    assert "@" not in out
    assert alert["ref"] in tppo("inbox", person)
    assert "1 silences" not in tppo("silence", "list")
    made = tppo("silence", "add", "disnaker-3301", "2026-12-01T08:00", "the agency moves house", "--as", "pengawas-1")
    assert "the agency moves house" in tppo("silence", "list") or "until" in made
    assert "tests to" in tppo("drill", "uji", "--target", "ksop-tegal")
    until(
        lambda: (
            "3 of 3" in tppo("drill", "uji", "--report") or "0 of 3 acknowledged" in tppo("drill", "uji", "--report")
        ),
        "the report",
    )
    assert "whsec_" in tppo("secret", "https://polres.example/hook")


def test_notify_keeps_its_auditor_content(pair: Stack) -> None:
    def beats() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{pair.port('notify_admin')}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        return bool(re.search(r"^tppo_notify_heartbeat_timestamp_seconds [1-9]", text, re.MULTILINE))

    until(beats, "a sign of life", 90)
