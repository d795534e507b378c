"""A person's own data on real parts: a copy, a pause, an erasure with its proof, and keys that rotate meanwhile."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.exceptions import InvalidTag
from pymongo import AsyncMongoClient

from services.contracts import ids
from services.contracts.assessments import FactRecorded, RiskAssessed
from services.contracts.tokens import found, versions
from services.embedded.keys import add_version
from services.embedded.player import door_of
from services.embedded.stack import TOPICS
from services.intake import retention
from services.intake.store import VaultStore
from services.intake.vault import MasterKey
from services.runtime import topics
from tests.build import upstream
from tests.stack.conftest import Played, is_on_newer_keys, run_day
from tests.stack.persons import clear_values, in_files
from tests.waiting import until

ABOUT = {"request_ref": "W/2026/11", "actor": "officer-7"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, own_broker: str | None) -> Iterator[Played]:
    """A stack of its own: what happens here must not touch what other tests count on."""
    yield from run_day(tmp_path_factory.mktemp("subjects"), own_broker, applications=130)


def of(office: Played, application: str) -> list[dict[str, Any]]:
    return [e for e in office.events if e["subject"] == application]


def applications(office: Played, *, cases: bool, door: str = "http") -> list[str]:
    """Applications that came by one door, with or without a case, in order."""
    flagged = {c["application_id"] for c in office.mongo["tppo_referral"]["cases"].find({"state": {"$ne": "erased"}})}
    names = [
        e["subject"] for e in office.events if e["type"] == "application.submitted" and door_of(e["subject"]) == door
    ]
    return [n for n in names if (n in flagged) is cases]


TAKEN: set[str] = set()


def one(office: Played, *, cases: bool, door: str = "http") -> str:
    """An application that no other test of this file has touched: one that was paused or told a threat is another than it was."""
    found = next(n for n in applications(office, cases=cases, door=door) if f"{office.stack.folder}{n}" not in TAKEN)
    TAKEN.add(f"{office.stack.folder}{found}")
    return found


def post(office: Played, verb: str, *more_scopes: str, **body: Any) -> httpx.Response:
    scopes = ["subjects", *more_scopes]
    with office.client("intake", *scopes) as http:
        return http.post(f"/subjects/{verb}", json=ABOUT | body)


def send(office: Played, *events: dict[str, Any]) -> dict[str, Any]:
    with office.client("intake", "events:write") as http:
        answer = http.post("/events", content=orjson.dumps(list(events)), headers=BATCH)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def outcomes(office: Played, application: str) -> list[tuple[str, dict[str, Any]]]:
    """(kind, message) on risk-assessments about one application."""
    records = [r for r in office.read("risk-assessments") if r.key == application.encode()]
    return [(dict(r.headers)["kind"].decode(), orjson.loads(r.value)) for r in records]


def ledger(office: Played) -> dict[str, int]:
    return dict(httpx.get(f"{office.stack.addresses.admin['ledger']}/summary").json())


def confirmed(office: Played, more: int) -> None:
    before = ledger(office)["erasures"]
    until(lambda: ledger(office)["erasures"] >= more, lambda: f"{more} confirmations, {before} are there", 30)


def nik_of(office: Played, application: str) -> str:
    return str(next(e["data"]["nik"] for e in of(office, application) if e["type"] == "application.submitted"))


def test_a_copy_holds_everything_and_says_who_read_it(office: Played, tmp_path: Path) -> None:
    application = one(office, cases=True)
    with office.client("intake", "vault:reveal") as http:
        body = {
            "application_id": application,
            "fields": ["app.full_name"],
            "purpose": "referral",
            "case_ref": "R-1",
            "actor": "reader-9",
        }
        assert http.post("/vault/reveal", json=body).status_code == 200
    out = tmp_path / "copy.json"
    command = [
        sys.executable,
        "-m",
        "services.cli.main",
        "subject",
        "export",
        str(out),
        "--nik",
        nik_of(office, application),
        "--letter",
        "W/1",
        "--actor",
        "officer-7",
    ]
    subprocess.run(command, check=True, env={"TPPO_DATA": str(office.stack.folder), "PATH": ""})
    assert out.stat().st_mode & 0o077 == 0
    (copy,) = json.loads(out.read_text())["applications"]
    assert {e["event_id"] for e in copy["events"]} == {
        ids.event_id(e["source"], e["id"]) for e in of(office, application)
    }
    assert (
        next(e["data"]["full_name"] for e in copy["events"] if e["type"] == "application.submitted")
        == of(office, application)[0]["data"]["full_name"]
    )
    assert [r["actor"] for r in copy["reads"] if r["kind"] == "reveal"] == ["reader-9"]
    assert copy["assessments"][-1]["findings"]
    assert copy["referral"]["case"]["history"]
    assert copy["kept"]["reason"] == "open_case"


def test_a_pause_holds_everything_but_what_saves_a_life(office: Played) -> None:
    application = one(office, cases=False)
    assert post(office, "restrict", application_id=application).json()["applications"][0]["state"] == "restricted"
    before = len(outcomes(office, application))
    note = upstream(
        "applicant.checked_in",
        {"escort_present": False},
        id="pause-1",
        subject=application,
        time="2026-11-23T09:00:00+07:00",
    )
    threat = upstream(
        "interview.completed",
        {"threat_disclosed": True},
        id="pause-2",
        subject=application,
        time="2026-11-23T10:00:00+07:00",
    )
    assert send(office, note)["accepted"] == 1
    until(lambda: len(outcomes(office, application)) == before + 1, "the paused event to be recorded")
    assert outcomes(office, application)[-1][0] == FactRecorded.__name__
    with office.client("intake", "vault:reveal") as http:
        body = {
            "application_id": application,
            "fields": ["app.full_name"],
            "purpose": "referral",
            "case_ref": "R-1",
            "actor": "reader-9",
        }
        assert http.post("/vault/reveal", json=body).status_code == 409
        assert http.post("/vault/reveal", json=body | {"safety": True}).status_code == 200
    post(office, "release", application_id=application)
    until(lambda: len(outcomes(office, application)) == before + 2, "the assessment of the release")
    kind, assessed = outcomes(office, application)[-1]
    assert (kind, assessed["cause"], assessed["must_act"]) == (RiskAssessed.__name__, "signal", False)
    post(office, "restrict", application_id=application)
    send(office, threat)
    until(
        lambda: outcomes(office, application)[-1][1].get("must_act") is True,
        "a threat to be assessed in spite of the pause",
    )
    case = office.mongo["tppo_referral"]["cases"]
    until(lambda: case.find_one({"application_id": application, "must_act": True}) is not None, "its case")
    assert ledger(office)["twice"] == 0


def test_a_case_that_people_still_need_is_kept_unless_the_dpo_says_otherwise(office: Played) -> None:
    application = one(office, cases=True)
    until(
        lambda: office.mongo["tppo_intake"]["kept"].find_one({"_id": application}) is not None,
        "the retention to arrive",
    )
    (refused,) = post(office, "erase", application_id=application).json()["applications"]
    assert refused["state"] == "open"
    assert refused["why"] == "kept: open_case"
    assert post(office, "erase", application_id=application, despite_retention=True).status_code == 403
    assert post(office, "erase", nik="3301010101019999").status_code == 404
    for body in ({}, {"nik": "1", "application_id": "A"}, {"application_id": "../x" * 40}):
        assert post(office, "erase", **body).status_code in (404, 422)


def test_promise_8_after_an_erasure_nothing_readable_is_left_anywhere(office: Played) -> None:
    """Topics, store files and logs, for every clear value and every data key of some people, one of them with a case."""
    erased = [one(office, cases=kind) for kind in (False, True, False)]
    on_kafka = office.stack.external_broker is not None  # the embedded broker cannot delete from passport-raw
    erased += [one(office, cases=False, door="topic")] if on_kafka else []
    others = [e for e in office.events if e["subject"] not in erased]
    values = clear_values((e for name in erased for e in of(office, name)), others)
    assert len(values) >= 20
    needles = {f"value {n}": v.encode() for n, v in enumerate(sorted(values))}
    folder = office.stack.folder
    master_file = folder / "keys" / "master_key"
    vault = office.mongo["tppo_intake"]["vault"]
    old = MasterKey(*_keys(master_file))
    wrapped = {name: bytes(vault.find_one({"_id": name})["key"]) for name in erased}  # type: ignore[index]
    needles |= {f"data key {n}": old.unwrap(w, name).clear for n, (name, w) in enumerate(wrapped.items())}
    queued = [r.key for r in office.read(*_queues(office)) if r.value is not None]
    sent = {
        r["referral_id"]
        for c in office.mongo["tppo_referral"]["cases"].find({"application_id": erased[1]})
        for r in c["referrals"]
        if r.get("sent_at")
    }

    done = ledger(office)["erasures"]
    for name in erased:
        answer = post(office, "erase", "subjects:dpo", nik=nik_of(office, name), despite_retention=True).json()
        assert answer["applications"] == [{"application_id": name, "state": "erased"}]
    confirmed(office, done + 2 * len(erased))
    subprocess.run(
        [sys.executable, "-m", "services.cli.main", "keys", "rotate", "master"],
        check=True,
        env={"TPPO_DATA": str(folder), "PATH": ""},
    )

    # A control: the store's files are not compressed, so that what stands in them would be seen.
    assert in_files(folder / "store", {"application id": erased[0].encode()})
    assert in_files(folder / "store", needles) == {}
    assert in_files(folder / "logs", needles) == {}
    readable = [t for t in _all_topics(office) if on_kafka or t != "passport-raw"]
    for record in office.read(*readable):
        content = b"\0".join([record.key or b"", record.value or b"", *(v for _, v in record.headers)])
        assert not [name for name, needle in needles.items() if needle in content], record.topic
    for name, key in wrapped.items():  # it lingers in journal and oplog; nobody can open it any more
        with pytest.raises(InvalidTag):
            MasterKey(*_keys(master_file)).unwrap(key, name)
        with office.client("intake", "vault:reveal") as http:
            body = {
                "application_id": name,
                "fields": ["app.nik"],
                "purpose": "referral",
                "case_ref": "R-1",
                "actor": "x",
            }
            assert http.post("/vault/reveal", json=body).status_code == 410
        assert post(office, "export", nik=nik_of(office, name)).status_code == 404
        record_ = office.mongo["tppo_risk"]["records"].find_one({"_id": name})
        assert record_ is not None
        assert (record_["events"], record_["beside"]) == (b"[]", {})
        stub = office.mongo["tppo_referral"]["cases"].find_one({"application_id": name})
        assert stub is not None
        assert (stub["state"], stub["facts"], stub["findings"], stub["history"]) == ("erased", {}, [], [])
    taken_back = {r.key.decode() for r in office.read(*_queues(office)) if r.value is None}
    assert sent <= taken_back
    assert len(queued) >= len(sent)


def test_what_comes_after_an_erasure_is_refused_and_opens_nothing(office: Played) -> None:
    application = one(office, cases=False)
    known = of(office, application)
    post(office, "erase", application_id=application)
    late = upstream(
        "interview.completed",
        {"threat_disclosed": True},
        id="late-1",
        subject=application,
        time="2026-11-23T10:00:00+07:00",
    )
    fresh = upstream("payment.received", {"billing_id": "B1"}, id="fresh-1", subject=one(office, cases=False))
    answer = send(office, known[0], late, fresh)
    assert (answer["accepted"], answer["duplicate"]) == (1, 1)
    assert [(r["index"], r["rule"]) for r in answer["rejected"]] == [(1, "erased")]
    with office.client("intake", "events:write") as http:
        single = http.post(
            "/events", content=orjson.dumps(late), headers={"Content-Type": "application/cloudevents+json"}
        )
    assert single.status_code == 410
    assert post(office, "erase", application_id=application).json()["applications"][0]["why"] == "nothing to do"
    vault = office.mongo["tppo_intake"]["vault"].find_one({"_id": application})
    assert vault is not None
    assert bytes(vault["key"]) == b""


def test_token_keys_rotate_while_events_flow_and_every_store_moves(office: Played) -> None:
    """No clear value is used: only keys are added. Nothing is lost, and an old token is the new one everywhere."""
    path = office.stack.folder / "keys" / "token_key"
    phone = next(
        e["data"]["phone"] for e in office.events if e["type"] == "application.submitted" and "phone" in e["data"]
    )
    old = token_of(office, phone)
    submitted = [e for e in office.events if e["type"] == "application.submitted"]
    more = [{**e, "id": f"{e['id']}-again-{n}", "subject": f"{e['subject']}-{n}"} for n in range(6) for e in submitted]
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(lambda: [send(office, *more[i : i + 20])["accepted"] for i in range(0, len(more), 20)])
        add_version(path)
        accepted = sum(feeding.result())
    assert accepted == len(more)
    until(lambda: token_of(office, phone).startswith("phone.2."), "intake to take the newer key")
    for service in ("intake", "risk", "referral"):
        until(lambda s=service: is_on_newer_keys(office, s), f"{service} to move", 60)  # type: ignore[misc]
    until(
        lambda: (
            ledger(office)["unaccounted"] == 0
            and ledger(office)["accepted"] == ledger(office)["assessed"] + ledger(office)["recorded"]
        ),
        lambda: f"all events to have their outcome: {ledger(office)}",
        60,
    )
    with office.client("intake", "vault:tokens") as http:
        answer = http.post("/vault/tokens/newest", json={"tokens": [old]}).json()
    assert answer == {"version": 2, "tokens": {old: token_of(office, phone)}}
    for database, collection in (("tppo_risk", "records"), ("tppo_risk", "facts"), ("tppo_referral", "cases")):
        documents = list(
            office.mongo[database][collection].find({}, {"events": 1, "event": 1, "facts": 1, "beside": 1})
        )
        assert {v for d in documents for v in versions(found(d))} <= {2}, collection
    links = [d["_id"] for d in office.mongo["tppo_intake"]["subjects"].find()]
    assert {link.split(".")[1] for link in links} == {"2"}
    name = one(office, cases=False)
    copies = post(office, "export", nik=nik_of(office, name)).json()["applications"]
    assert {c["application_id"] for c in copies} == {name, *(f"{name}-{n}" for n in range(6))}


def token_of(office: Played, phone: str) -> str:
    with office.client("intake", "vault:tokens") as http:
        body = {"kind": "phone", "value": phone, "purpose": "test", "actor": "test"}
        return str(http.post("/vault/tokens", json=body).json()["token"])


def _keys(path: Path) -> list[bytes]:
    return [base64.b64decode(line) for line in path.read_text().split()]


def _all_topics(office: Played) -> list[str]:
    return sorted(topics.read_table(TOPICS, office.stack.agencies))


def _queues(office: Played) -> list[str]:
    return [t for t in _all_topics(office) if t.startswith("queue-")]


def test_the_vault_forgets_after_90_days_but_what_a_case_needs_and_takes_in_what_comes_later(office: Played) -> None:
    """privacy-and-safety.md, section 2. The last test here: afterwards the vault is empty."""
    vault, now = office.mongo["tppo_intake"]["vault"], datetime.now(UTC)
    kept = {d["_id"] for d in office.mongo["tppo_intake"]["kept"].find()}
    known = {d["_id"] for d in vault.find({"key": {"$ne": b""}}, {"_id": 1})}
    flagged, others = known & kept, known - kept
    assert flagged
    assert len(others) > 50

    def sealed() -> set[str]:
        return {d["_id"] for d in vault.find({"events.sealed": {"$exists": True}}, {"_id": 1})}

    assert destroyed(office, now + timedelta(days=89)) == 0
    assert destroyed(office, now + timedelta(days=91)) == len(others)
    assert sealed() == flagged
    assert destroyed(office, now + timedelta(days=91)) == 0
    application = sorted(others - {e["subject"] for e in office.events if e["type"] == "license.snapshot"})[0]
    first = next(e for e in office.events if e["subject"] == application)
    back = upstream("payment.received", {"billing_id": "B77"}, id="after-retention", subject=application)
    assert send(office, first, back) == {"accepted": 1, "duplicate": 1, "rejected": []}
    (copy,) = post(office, "export", application_id=application).json()["applications"]
    assert [e["data"] for e in copy["events"]] == [{"billing_id": "B77"}]
    assert destroyed(office, now + timedelta(days=800)) == len(flagged) + 1
    assert sealed() == set()


def destroyed(office: Played, now: datetime) -> int:
    """One run of the retention as if it were `now`."""

    async def run() -> int:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(office.stack.addresses.store, tz_aware=True)
        async with client:
            return await retention.run(VaultStore(client["tppo_intake"]), now)

    return asyncio.run(run())
