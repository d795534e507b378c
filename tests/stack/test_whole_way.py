"""The whole way on real parts: from a passport event to a liaison's mail."""

import os
import re
import shutil
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import bson
import httpx
import orjson
import phonenumbers
import pytest

from services.contracts import ids
from services.contracts.assessments import RiskAssessed
from services.contracts.passport_events import EventAccepted
from services.contracts.referrals import ReferralAnswered
from services.embedded.stack import TOPICS
from services.intake import normalise
from services.intake.store import VaultStore
from services.runtime import topics
from services.runtime.broker import Outgoing
from services.simulator.numbers import UNASSIGNED
from tests.build import submitted
from tests.intake.test_check import BAD as BAD_INPUT
from tests.stack.conftest import APPLICATIONS, Played
from tests.waiting import until

BAD = 3  # what the player adds of bad events
AGAIN = 20  # and of duplicates


def mails(played: Played) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{played.stack.addresses.mail_page}/mails.json").json()
    return found


def test_promise_2_every_event_has_exactly_one_outcome(played: Played) -> None:
    f = played.figures
    assert f["sent"] == len(played.events) + BAD + AGAIN
    assert (f["rejected"], f["duplicates"]) == (BAD, AGAIN)
    assert f["accepted"] == f["assessed"] + f["recorded"] + f["dead_lettered"] == len(played.events)
    assert f["unaccounted"] == 0
    assert f["cases"] >= 6
    assert f["referrals"] >= 4
    assert f["alerts"] >= f["delivered"] >= 6  # an alert may wait for that of its ring, or be settled first


def test_promise_2_by_ids_on_the_topics_themselves(played: Played) -> None:
    accepted = {EventAccepted.decode(r.value).event_id for r in played.read("passport-events")}
    said = [orjson.loads(r.value) for r in played.read("risk-assessments")]
    causes = [each["caused_by"] for each in said if each.get("cause", "event") == "event"]  # signals are counted apart
    assert sorted(causes) == sorted(set(causes))
    assert set(causes) == accepted
    assert {ids.event_id(e["source"], e["id"]) for e in played.events} <= accepted


def test_order_within_an_application_holds(played: Played) -> None:
    versions: dict[str, list[int]] = {}
    for record in played.read("risk-assessments"):
        if dict(record.headers)["kind"] == b"RiskAssessed":
            assessed = RiskAssessed.decode(record.value)
            versions.setdefault(assessed.application_id, []).append(assessed.record_version)
    played_ones = {e["subject"] for e in played.events if e["subject"].startswith("CLP-2")}
    assert len(played_ones) == APPLICATIONS
    for application in played_ones:
        assert versions[application] == sorted(set(versions[application]))


def secrets(events: list[dict[str, Any]]) -> set[bytes]:
    """Clear personal values of the played day, as sent and as normalised."""
    found: set[str] = set()
    for event in events:
        data = event["data"]
        for name in (
            "nik",
            "kk_no",
            "full_name",
            "birth_date",
            "domicile_addr",
            "phone",
            "email",
            "host_phone",
            "passport_no",
            "payer_account",
            "seaman_book_no",
            "bst_no",
        ):
            if isinstance(data.get(name), str):
                found.add(data[name])
        for name in ("phone", "host_phone"):
            if name in data:
                found.add(
                    phonenumbers.format_number(
                        phonenumbers.parse(data[name], "ID"), phonenumbers.PhoneNumberFormat.E164
                    )
                )
        for item in data.get("items", []):
            found |= {item[n] for n in ("number", "birth_date") if n in item}
    return {s.encode() for s in found if len(s) >= 6}


def test_promise_8_no_clear_value_is_anywhere_but_in_passport_raw_and_the_vault(played: Played) -> None:
    hidden = secrets(played.events)
    assert len(hidden) > 1000
    pattern = re.compile(b"|".join(re.escape(s) for s in sorted(hidden, key=len, reverse=True)))
    places: dict[str, bytes] = {}
    table = topics.read_table(TOPICS, played.stack.agencies)
    for record in played.read(*sorted(table.keys() - {"passport-raw"})):
        content = [record.key or b"", record.value or b"", *(v for _, v in record.headers)]
        places[f"{record.topic}/{record.partition}/{record.offset}"] = b" ".join(content)
    for database in played.mongo.list_database_names():
        for collection in played.mongo[database].list_collection_names():
            if (database, collection) in (("tppo_intake", "vault"), ("tppo_intake", "rejects")) or database in (
                "admin",
                "local",
                "config",
            ):
                continue
            for document in played.mongo[database][collection].find():
                places[f"{database}.{collection}"] = places.get(f"{database}.{collection}", b"") + bson.encode(document)
    for log in (played.stack.folder / "logs").glob("*.log"):
        places[log.name] = log.read_bytes()
    for service, url in played.stack.addresses.admin.items():
        places[f"{service}/metrics"] = urllib.request.urlopen(f"{url}/metrics", timeout=10).read()
    places["mails"] = orjson.dumps(mails(played))
    leaks = {place: pattern.search(content) for place, content in places.items()}
    assert {place: m.group() for place, m in leaks.items() if m} == {}
    assert len(places) > 2000


def test_the_vault_holds_values_sealed_only(played: Played) -> None:
    pattern = re.compile(b"|".join(re.escape(s) for s in secrets(played.events)))
    for collection in ("vault", "rejects"):
        for document in played.mongo["tppo_intake"][collection].find():
            assert not pattern.search(bson.encode(document))
    assert VaultStore.__doc__


def test_promise_10_every_mail_says_a_reference_and_a_deadline_and_no_more(played: Played) -> None:
    found = mails(played)
    ref, due, listed = (
        r"[RK]-[A-Z2-7]{8}",
        r"\d\d-\d\d-\d{4} \d\d\.\d\d WIB",
        r"(?:  [RK]-[A-Z2-7]{8}  [\d. -]+WIB\n)*(?:  \w+ \d+ \w+\n)?",
    )
    shape = re.compile(
        rf"(?:Rujukan {ref} menunggu, tenggat {due}|\d+ rujukan menunggu, tenggat terdekat {due})\.\n{listed}"
        rf"Tandai sudah dilihat: http\S+/l/[a-z2-7]{{26}}\nBuka setelah masuk: \S+\n\n"
        rf"(?:Referral {ref} is waiting, due {due}|\d+ referrals are waiting, the nearest due {due})\.\n{listed}"
        rf"Mark as seen: http\S+/l/[a-z2-7]{{26}}\nOpen after login: \S+\n"
    )
    told = {each for mail in found for each in re.findall(ref, mail["body"])}
    assert len(told) >= played.figures["alerts"] / 2  # a reference may be asked about more than once
    for mail in found:
        if mail["subject"] in ("Rujukan selesai / A referral is closed", "UJI COBA / DRILL"):
            continue
        assert mail["subject"] == "Rujukan menunggu / A referral is waiting"
        assert shape.fullmatch(mail["body"].replace("\r\n", "\n")), mail["body"]


def test_a_threatened_applicant_reaches_police_and_protection_at_once(played: Played) -> None:
    threatened = next(e for e in played.events if e["data"].get("threat_disclosed"))
    case = played.mongo["tppo_referral"]["cases"].find_one({"_id": ids.case_id(threatened["subject"])})
    assert case is not None
    sent = {r["question"]: r["agency_id"] for r in case["referrals"] if r["state"] == "sent" and r["urgent"]}
    assert sent.keys() == {"protect_now", "victim_support"}
    told = {m["to"] for m in mails(played)}
    assert {f"liaison@{agency}.example" for agency in sent.values()} | {"pengawas@kanim-clp.example"} <= told
    for agency in sent.values():
        queued = [orjson.loads(r.value) for r in played.read(f"queue-{agency}", at_least=1) if r.value]
        assert any(q["case_ref"] == case["case_ref"] and q["urgent"] for q in queued)


def test_promise_3_what_was_answered_202_stands_on_the_topic(played: Played) -> None:
    event = submitted() | {"id": "durable-1", "subject": "T-DURABLE-1"}
    with played.client("intake", "events:write") as http:
        answer = http.post("/events", json=event, headers={"Content-Type": "application/cloudevents+json"})
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
        found = [r for r in played.read("passport-events") if r.key == b"T-DURABLE-1"]
        assert [EventAccepted.decode(r.value).event_id for r in found] == [answer.json()["event_id"]]
        other = event | {"data": event["data"] | {"purpose": "umrah"}}
        again = http.post("/events", json=other, headers={"Content-Type": "application/cloudevents+json"})
        assert (again.status_code, again.json()["status"]) == (202, "duplicate")
        state = http.get("/events", params={"source": event["source"], "id": "durable-1"})
        assert state.json() == {"event_id": answer.json()["event_id"], "application_id": "T-DURABLE-1", "state": "sent"}
        assert http.get("/events", params={"source": "x", "id": "nobody"}).status_code == 404
    found = [r for r in played.read("passport-events") if r.key == b"T-DURABLE-1"]
    assert [EventAccepted.decode(r.value).data["purpose"] for r in found] == ["wisata"]


def test_promise_1_one_event_from_many_at_once_is_accepted_once(played: Played) -> None:
    """Twelve callers at the same time: the same event six times, and six others of the same application."""
    same = submitted() | {"id": "race-0", "subject": "T-RACE"}
    others = [same | {"id": f"race-{n}"} for n in range(1, 7)]
    headers = {"Content-Type": "application/cloudevents+json"}
    with played.client("intake", "events:write") as http, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda e: http.post("/events", json=e, headers=headers), [same] * 6 + others))
    assert {a.status_code for a in answers} == {202}
    assert sorted(a.json()["status"] for a in answers) == ["accepted"] * 7 + ["duplicate"] * 5
    copies: dict[str, set[bytes]] = {}
    for record in played.read("passport-events"):
        if record.key == b"T-RACE":
            copies.setdefault(EventAccepted.decode(record.value).event_id, set()).add(record.value)
    assert len(copies) == 7
    assert all(len(bodies) == 1 for bodies in copies.values())


def test_all_three_modes_of_http_are_taken(played: Played) -> None:
    event = submitted()
    with played.client("intake", "events:write") as http:
        headers = {f"ce-{k}": v for k, v in event.items() if k != "data"} | {
            "ce-id": "mode-binary",
            "ce-subject": "T-MODE",
        }
        binary = http.post("/events", json=event["data"], headers=headers | {"Content-Type": "application/json"})
        batch = [event | {"id": f"mode-batch-{n}", "subject": "T-MODE"} for n in range(3)]
        batch[1] = batch[1] | {"type": "application.unheard"}
        many = http.post("/events", json=[*batch, None], headers={"Content-Type": "application/cloudevents-batch+json"})
    assert binary.json()["status"] == "accepted"
    assert many.status_code == 202
    assert (many.json()["accepted"], many.json()["duplicate"]) == (2, 0)
    assert {(r["index"], r["path"]) for r in many.json()["rejected"]} == {(1, "type"), (3, "")}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/cloudevents+json", "Content-Encoding": "gzip"}, b"x", 415),
        ({"Content-Type": "application/cloudevents+json"}, b"x" * (300 * 1024), 413),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"{}", 400),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"[" + b",".join([b"1"] * 1001) + b"]", 413),
        ({"Content-Type": "application/cloudevents+json"}, b"", 400),
    ],
)
def test_a_request_out_of_bounds_gets_its_answer(
    played: Played, headers: dict[str, str], body: bytes, status: int
) -> None:
    with played.client("intake", "events:write") as http:
        answer = http.post("/events", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize(("scopes", "audience", "status"), [([], "intake", 403), (["events:write"], "referral", 401)])
def test_who_may_not_is_refused(played: Played, scopes: list[str], audience: str, status: int) -> None:
    headers = {
        "Authorization": f"Bearer {played.token(audience, *scopes)}",
        "Content-Type": "application/cloudevents+json",
    }
    answer = httpx.post(f"{played.stack.addresses.intake}/events", json=submitted(), headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("kind", BAD_INPUT)
def test_bad_input_over_http_gets_its_answer_and_nothing_is_kept(played: Played, kind: str) -> None:
    raw, status, path = BAD_INPUT[kind]
    with played.client("intake", "events:write") as http:
        answer = http.post("/events", content=raw, headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status_code == status
    problem = answer.json()
    assert problem["status"] == status
    if problem.get("faults"):
        assert any(f["path"].startswith(path) for f in problem["faults"])
    assert "3301044507909001" not in answer.text


def _raw_rejects(played: Played) -> list[Any]:
    return played.read("passport-raw-dlq")


def test_a_bad_topic_event_is_put_aside_shown_and_replayed_and_harms_no_other(played: Played) -> None:
    before = len(_raw_rejects(played))
    sent = []
    for number, (raw, _, _) in enumerate(BAD_INPUT.values()):
        good = orjson.dumps(submitted() | {"id": f"between-{number}", "subject": "T-BETWEEN"})
        sent += [Outgoing("passport-raw", b"T-BETWEEN", raw), Outgoing("passport-raw", b"T-BETWEEN", good)]
    played.send(*sent)
    letters: list[Any] = []

    def all_there() -> bool:
        letters[:] = _raw_rejects(played)[before:]
        return len(letters) == len(BAD_INPUT)

    until(all_there, "every bad event in the dead letters", 40)
    until(
        lambda: len([r for r in played.read("passport-events") if r.key == b"T-BETWEEN"]) == len(BAD_INPUT),
        "every good event",
        40,
    )
    for letter in letters:
        body = orjson.loads(letter.value)
        assert body["faults"]
        assert b"3301044507909001" not in letter.value
    with played.client("intake", "dead-letters") as http:
        shown = [
            http.post(f"/dead-letters/{x.key.decode()}/show", json={"actor": "ops-1", "purpose": "operations"}).json()
            for x in letters
        ]
        originals = [raw.decode(errors="replace") for raw, _, _ in BAD_INPUT.values()]
        assert [s["original"] for s in shown] == originals
        corrected = submitted() | {"id": "corrected", "subject": "T-CORRECTED"}
        body = {"actor": "ops-1", "purpose": "operations", "event": corrected}
        assert http.post(f"/dead-letters/{letters[0].key.decode()}/replay", json=body).json()["status"] == "accepted"
        del body["event"]
        assert http.post(f"/dead-letters/{letters[-1].key.decode()}/replay", json=body).status_code == 422
        assert http.post("/dead-letters/nobody/show", json=body).status_code == 404
    reads = played.mongo["tppo_intake"]["access"].count_documents({"kind": "dead_letter", "actor": "ops-1"})
    assert reads >= len(BAD_INPUT) + 2


def test_binary_mode_of_the_topic_is_taken(played: Played) -> None:
    event = submitted() | {"id": "kafka-binary", "subject": "T-KBINARY"}
    headers = [(f"ce_{k}", v.encode()) for k, v in event.items() if k != "data"] + [
        ("content-type", b"application/json")
    ]
    played.send(Outgoing("passport-raw", b"T-KBINARY", orjson.dumps(event["data"]), headers))
    until(lambda: any(r.key == b"T-KBINARY" for r in played.read("passport-events")), "the event")


def test_a_poison_event_becomes_a_dead_letter_and_harms_no_other(played: Played) -> None:
    good = EventAccepted.decode(
        next(r for r in played.read("passport-events") if r.key and r.key.startswith(b"CLP-")).value
    )
    after = good.model_copy(update={"event_id": "after-poison", "application_id": "T-POISON"})
    head = [("kind", b"EventAccepted")]
    played.send(
        Outgoing("passport-events", b"T-POISON", b"{broken", head),
        Outgoing("passport-events", b"T-POISON", b'{"event_id": "half"}', head),
        Outgoing("passport-events", b"T-POISON", after.encode(), head),
    )
    until(
        lambda: any(b"after-poison" in r.value for r in played.read("risk-assessments")),
        "the assessment after the poison",
    )
    letters = played.read("passport-events-dlq", at_least=2)
    # at least once: a batch that is read again puts its poison aside again
    assert list(dict.fromkeys(r.value for r in letters))[-2:] == [b"{broken", b'{"event_id": "half"}']
    headers = dict(letters[-1].headers)
    assert headers["dlq-kind"] == b"reject"
    assert headers["dlq-topic"] == b"passport-events"
    assert headers["kind"] == b"EventAccepted"


def _agency(played: Played, agency: str) -> httpx.Client:
    return played.client("referral", "agency", agency=agency)


def test_an_agency_sees_its_own_fields_and_every_look_is_recorded(played: Played) -> None:
    minor = next(e for e in played.events if e["data"].get("parent_consents") == [])
    agency = "uptd-ppa-3304"
    with _agency(played, agency) as http:
        (referral,) = http.get("/agency/referrals").json()["referrals"]
        seen = http.get(f"/agency/referrals/{referral['referral_id']}").json()
    assert seen["question"] == "child_protection"
    assert seen["values"]["app.full_name"] == minor["data"]["full_name"]
    assert seen["values"]["app.nik"] == f"…{minor['data']['nik'][-4:]}"
    assert set(seen["values"]) == {
        "app.full_name",
        "app.nik",
        "app.birth_date",
        "app.domicile_desa_code",
        "app.domicile_addr",
        "needs",
    }
    assert seen["values"]["needs"]["minor"] is True
    assert seen["sentences"]
    look = played.mongo["tppo_intake"]["access"].find_one({"case_ref": referral["referral_ref"]})
    assert look is not None
    assert (look["purpose"], look["actor"]) == ("referral", f"{agency}/test")
    assert (
        played.mongo["tppo_referral"]["reads"].count_documents({"actor": f"{agency}/test", "purpose": "referral"}) == 1
    )
    with _agency(played, "uptd-ppa-3301") as http:
        assert http.get(f"/agency/referrals/{referral['referral_id']}").status_code == 404


def test_a_supervisor_approves_and_an_answer_settles(played: Played) -> None:
    with played.client("referral", "cases:read", "cases:approve", role="supervisor") as http:
        case = next(
            c
            for c in http.get("/cases").json()
            if any(r["question"] == "investigate_recruitment" and r["state"] == "planned" for r in c["referrals"])
        )
        referral = next(r for r in case["referrals"] if r["question"] == "investigate_recruitment")
        where = f"/cases/{case['case_id']}/referrals/{referral['referral_id']}/approve"
        assert http.post(where, json={"reason": "bukti cukup"}).status_code == 200
        assert http.post(where, json={"reason": "bukti cukup"}).status_code == 409
    agency = referral["agency_id"]
    until(lambda: any(m["to"] == f"liaison@{agency}.example" for m in mails(played)), "the mail to the police")
    queued = [orjson.loads(r.value) for r in played.read(f"queue-{agency}", at_least=1) if r.value]
    assert referral["referral_id"] in {q["referral_id"] for q in queued}
    answer = ReferralAnswered(
        answer_id="jawab-1",
        referral_id=referral["referral_id"],
        status="final",
        code="lp_filed",
        answered_at="2026-11-21T09:00:00+07:00",
    )
    stranger = answer.model_copy(update={"answer_id": "jawab-2"})
    played.send(
        Outgoing("answers-disnaker-3301", answer.key, stranger.encode(), [("kind", b"ReferralAnswered")]),
        Outgoing(f"answers-{agency}", answer.key, answer.encode(), [("kind", b"ReferralAnswered")]),
    )
    cases = played.mongo["tppo_referral"]["cases"]
    until(
        lambda: (
            cases.count_documents(
                {"referrals": {"$elemMatch": {"referral_id": referral["referral_id"], "state": "answered"}}}
            )
            == 1
        ),
        "the answer",
    )
    (letter,) = played.read("answers-disnaker-3301-dlq", at_least=1)
    assert b"was not asked" in dict(letter.headers)["dlq-reason"]
    until(
        lambda: any(
            r.value and orjson.loads(r.value).get("status") == "settled" for r in played.read("alert-deliveries")
        ),
        "the alert to be settled",
    )


def test_token_exchange_gives_the_token_of_the_topic(played: Played) -> None:
    form = next(e for e in played.events if e["type"] == "application.submitted")
    sent = next(
        EventAccepted.decode(r.value) for r in played.read("passport-events") if r.key == form["subject"].encode()
    )
    body = {"kind": "phone", "value": form["data"]["phone"], "purpose": "mark", "actor": "polres-3301"}
    with played.client("intake", "vault:tokens") as http:
        assert http.post("/vault/tokens", json=body).json()["token"] == sent.data["phone_token"]
        assert http.post("/vault/tokens", json=body | {"value": "bukan nomor"}).status_code == 422
        assert http.post("/vault/tokens", json=body | {"extra": 1}).status_code == 422


@pytest.mark.parametrize("service", ["intake", "risk", "referral", "notify", "ledger"])
def test_every_exposition_is_accepted_by_promtool(played: Played, service: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert not os.environ.get("CI"), "CI installs promtool"
        pytest.skip("promtool (Debian package prometheus) is not here")
    text = urllib.request.urlopen(f"{played.stack.addresses.admin[service]}/metrics", timeout=10).read()
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    wrong = [line for line in result.stderr.decode().splitlines() if line.startswith("tppo_")]
    assert wrong == []


@pytest.mark.parametrize("service", ["intake", "risk", "referral", "notify", "ledger"])
def test_live_and_ready_answer(played: Played, service: str) -> None:
    url = played.stack.addresses.admin[service]
    assert httpx.get(f"{url}/live").text.startswith("the loop turned")
    assert httpx.get(f"{url}/ready").text == "ready\n"
    assert httpx.get(f"{url}/nothing").status_code == 404


def test_the_topics_are_as_the_table_says(played: Played) -> None:
    assert topics.check(played.kafka, topics.read_table(TOPICS, played.stack.agencies)) == []


def test_people_of_the_day_are_synthetic(played: Played) -> None:
    forms = [e["data"] for e in played.events if e["type"] == "application.submitted"]
    assert all(f["nik"][12] == "9" for f in forms)
    assert all(str(normalise.phone(f["phone"])).startswith(UNASSIGNED["ID"]) for f in forms)
    assert all(date.fromisoformat(f["birth_date"]) for f in forms)
