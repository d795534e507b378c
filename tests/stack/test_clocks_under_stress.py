"""Referral as two processes on real parts: killed, store and broker standing still, three days gone at once; nothing is lost or done twice.

`TPPO_AWAY_S=120` keeps store and broker away for two minutes each; by default until both instances say so.
"""

import os
import signal
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from pymongo import MongoClient

from services.contracts import ids
from services.contracts.assessments import RiskAssessed
from services.contracts.referrals import ReferralAnswered
from services.embedded.stack import Stack
from services.referral import clock
from services.referral.case import OUT, Case, broken_at
from services.referral.route import route
from services.referral.tables import Tables
from services.runtime.broker import Outgoing, Producer
from tests.referral.cases import THREAT, assessed
from tests.stack.conftest import Follower, running
from tests.waiting import until

TABLES = Tables.load()
KINDS = (("threat_or_fear_disclosed", True), ("work_intent_not_in_siskop2mi", False), ("dukcapil_no_match", False))
FLAGGED = 120
BOTH = ("referral", "referral-2")
JUMP = timedelta(days=3)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("pair"), None, "referral") as played:
        played.stack.start_service("referral", "referral-2")
        played.stack.wait_ready(("referral-2",))
        yield played.stack


def flagged(number: int) -> RiskAssessed:
    finding, act = KINDS[number % len(KINDS)]
    one = assessed(finding, act=act, **(THREAT if act else {}))
    return one.model_copy(update={"application_id": f"ST-{number:04}", "assessment_id": f"as-{number}"})


def message(number: int) -> Outgoing:
    one = flagged(number)
    return Outgoing(RiskAssessed.TOPIC, one.key, one.encode(), [("kind", b"RiskAssessed")])


def ready(stack: Stack, name: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.port(f'{name}_admin')}/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def away(stack: Stack, part: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Let a part stand still until both instances say so, and for as long as asked."""
    pid, stopped = stack.children[part].process.pid, datetime.now(UTC)
    long_enough = timedelta(seconds=float(os.environ.get("TPPO_AWAY_S", "0")))
    os.kill(pid, signal.SIGSTOP)
    try:
        meanwhile()
        until(lambda: not any(ready(stack, n) for n in BOTH), f"both to say that {part} is away", 90)
        until(lambda: datetime.now(UTC) - stopped >= long_enough, f"{part} to be away long enough", 600)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: all(ready(stack, n) for n in BOTH), f"both to have {part} again", 120)


def three_days_later(cases: Any) -> None:
    """What a clock that jumps does to a case: everything it waits for is three days nearer."""
    for document in list(cases.find({}, {"clocks": 1})):
        while True:
            found = cases.find_one({"_id": document["_id"]}, {"clocks": 1, "version": 1})
            for each in found["clocks"]:
                each["started_at"] -= JUMP
                each["due_at"] -= JUMP
            change = {"$set": {"clocks": found["clocks"], "next_due": datetime.now(UTC)}, "$inc": {"version": 1}}
            if cases.update_one({"_id": found["_id"], "version": found["version"]}, change).matched_count:
                break


def answers(stack: Stack, cases: Any) -> dict[str, str]:
    """Every second agency acknowledges; answer ids by referral."""
    given: dict[str, str] = {}
    sent: list[Outgoing] = []
    for case in cases.find({}, {"referrals": 1}):
        for referral in case["referrals"]:
            if referral["state"] in OUT and int(referral["referral_id"][:4], 16) % 2:
                rid = referral["referral_id"]
                given[rid] = f"ack-{rid}"
                word = ReferralAnswered(
                    answer_id=given[rid],
                    referral_id=rid,
                    status="acknowledged",
                    answered_at=datetime.now(UTC).isoformat(),
                )
                sent.append(
                    Outgoing(
                        f"answers-{referral['agency_id']}", rid.encode(), word.encode(), [("kind", b"ReferralAnswered")]
                    )
                )
    producer = Producer(stack.kafka("admin"))
    producer.send_all(sent)
    producer.close()
    return given


def test_two_instances_killed_and_without_store_and_broker_do_everything_once(pair: Stack) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient(pair.addresses.store, tz_aware=True)
    cases = client["tppo_referral"]["cases"]
    producer = Producer(pair.kafka("admin"))
    producer.send_all(message(n) for n in range(FLAGGED // 2))
    until(lambda: cases.count_documents({}) > FLAGGED // 8, "the first cases", 60)
    pair.children["referral-2"].kill()
    producer.send_all(message(n) for n in range(FLAGGED // 2, FLAGGED))
    producer.send_all(message(n) for n in range(0, FLAGGED, 3))  # redelivered
    pair.start_service("referral", "referral-2")
    pair.wait_ready(BOTH)
    away(pair, "store")
    until(lambda: cases.count_documents({"pending": False}) == FLAGGED, lambda: f"{FLAGGED} cases, all told", 120)
    given = answers(pair, cases)

    def taken_in() -> bool:
        found = cases.find({"referrals.answers.0": {"$exists": True}}, {"referrals": 1})
        return {r["referral_id"] for c in found for r in c["referrals"] if r["answers"]} == given.keys()

    until(taken_in, "every answer to be taken in", 120)
    away(
        pair, "broker", lambda: three_days_later(cases)
    )  # an idle instance needs no broker; one with alerts to send does
    pair.children["referral"].kill()
    pair.start_service("referral")
    pair.wait_ready(BOTH)
    quiet = {"$or": [{"pending": True}, {"next_due": {"$lte": datetime.now(UTC)}}]}
    until(lambda: cases.count_documents(quiet) == 0, lambda: f"{cases.count_documents(quiet)} cases to be done", 180)
    producer.close()

    found = [Case.model_validate({"case_id": d["_id"], **d}) for d in cases.find({})]
    now = datetime.now(UTC)
    follower = Follower(pair.kafka("admin"), "alert-requests", "case-events", *(f"queue-{a}" for a in TABLES.agencies))
    try:
        requested = follower.all("alert-requests")
        heads = follower.all("case-events")
        queued = {r.key.decode() for a in TABLES.agencies for r in follower.all(f"queue-{a}")}
    finally:
        follower.close()
    client.close()

    for case in found:
        number = int(case.application_id[3:])
        meant = route(flagged(number), None, TABLES, now)
        assert meant is not None
        wanted = {(r.agency_id, r.question, r.round) for r in meant.case.referrals}
        asked = Counter((r.agency_id, r.question, r.round) for r in case.referrals)
        assert wanted <= asked.keys(), "every needed referral is there"
        assert set(asked.values()) == {1}, "and exists once"
        assert broken_at(case.history) is None
        due = clock.due(case, TABLES.clocks)
        assert due is None or due > now - timedelta(minutes=1), "no step is late"
        for referral in case.referrals:
            assert [a["answer_id"] for a in referral.answers] == (
                [given[referral.referral_id]] if referral.referral_id in given else []
            )
            assert referral.sent_at is None or referral.referral_id in queued

    copies: dict[str, set[bytes]] = defaultdict(set)
    steps: Counter[tuple[str, str, str]] = Counter()
    for record in requested:
        copies[f"{record.key.decode()} {dict(record.headers)['kind'].decode()}"].add(record.value)
    assert {key for key, values in copies.items() if len(values) > 1} == set(), "copies of one message are the same"
    for values in copies.values():
        body = orjson.loads(next(iter(values)))
        if "to" in body:
            steps[body["ref"], body["step"], body["to"]] += 1
    of_answers = {key: n for key, n in steps.items() if key[0].startswith("R-")}
    assert of_answers
    assert {key for key, n in of_answers.items() if n > 1} == set(), "nobody is told twice of one step"
    last = {(r.key.decode(), orjson.loads(r.value)["seq"]): orjson.loads(r.value)["head"] for r in heads if r.value}
    assert all(last[case.case_id, entry.seq] == entry.hash for case in found for entry in case.history), (
        "every head is published"
    )
    expired = [r for case in found for r in case.referrals if r.state == "expired"]
    urgent = [r for r in expired if r.urgent]
    assert urgent, "a day of the police passed twice in three"
    for referral in urgent:
        case = next(c for c in found if referral in c.referrals)
        again = ids.referral_id(case.case_id, referral.agency_id, referral.question, referral.round + 1)
        assert case.referral(again) is not None, "what is urgent is asked again"
