"""The hand-over on a real broker and store: a threat is told, the police answer, people decide, the case closes and leaves every queue."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from typer.testing import CliRunner

from services.cli.main import app
from services.contracts import ids
from services.contracts.referrals import ReferralAnswered
from services.runtime.broker import Outgoing
from tests.stack.conftest import Follower, Played
from tests.waiting import until

POLICE = "polres-3302"
PHONE = "081390001111"


class Told:
    """One applicant who says at the interview that somebody threatens him, and the case that this makes."""

    def __init__(self, played: Played, topics: Follower) -> None:
        self.played, self.topics = played, topics
        self.subject = f"HO-{uuid.uuid4().hex[:10]}"
        form = next(e for e in played.events if e["type"] == "application.submitted" and not e["data"].get("agent"))
        nik = form["data"]["nik"][:12] + f"{uuid.uuid4().int % 9000 + 1000}"
        data = form["data"] | {
            "nik": nik, "phone": f"0812{uuid.uuid4().int % 10**8:08d}", "domicile_desa_code": "3302042012",
            "agent": {"name": "Bapak Tujuh", "phone": PHONE},
        }  # fmt: skip
        data.pop("kk_no", None)
        talk = {"threat_disclosed": True, "purpose_confirmed": "kerja"}
        at = datetime.now(UTC) - timedelta(hours=2)
        events: list[tuple[str, dict[str, Any], datetime]] = [
            ("application.submitted", data, at),
            ("interview.completed", talk, at + timedelta(hours=1)),
        ]
        with played.client("intake", "events:write") as http:
            for type_, body, when in events:
                event: dict[str, Any] = form | {
                    "id": uuid.uuid4().hex,
                    "type": type_,
                    "subject": self.subject,
                    "time": when.isoformat(),
                    "data": body,
                }
                event["dataschema"] = f"urn:tppo:{type_}:1"
                answer = http.post(
                    "/events", content=orjson.dumps(event), headers={"Content-Type": "application/cloudevents+json"}
                )
                assert answer.status_code == 202, answer.text
        self.case_id = ids.case_id(self.subject)
        until(lambda: (self.case or {}).get("must_act", False), "the case", 30)
        until(lambda: self.referral("protect_now") is not None, "the referral to the police")

    @property
    def case(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.played.mongo["tppo_referral"]["cases"].find_one({"_id": self.case_id})
        return found

    def referral(self, question: str, agency: str | None = None) -> dict[str, Any] | None:
        found = (
            r
            for r in (self.case or {}).get("referrals", ())
            if r["question"] == question and agency in (None, r["agency_id"])
        )
        return next(found, None)

    def asked(self, question: str) -> dict[str, Any]:
        referral = self.referral(question)
        assert referral is not None
        return referral

    def officer(self, path: str, body: dict[str, Any], role: str, who: str | None = None) -> httpx.Response:
        scopes = ("cases:read", "cases:move", "cases:approve")
        with self.played.client("referral", *scopes, role=role, sub=who or role) as http:
            return http.post(f"/cases/{self.case_id}/{path}", json={"reason": "alasan yang cukup"} | body)

    def move(self, to: str, role: str, **more: Any) -> httpx.Response:
        return self.officer("moves", {"to": to} | more, role)

    def standing(self, agency: str) -> set[str]:
        """Referrals that stand in an agency's queue."""
        found: dict[bytes, bool] = {}
        for record in self.topics.all(f"queue-{agency}"):
            found[record.key] = record.value is not None
        return {key.decode() for key, there in found.items() if there}


@pytest.fixture(scope="module")
def topics(played: Played) -> Iterator[Follower]:
    follower = Follower(played.kafka, f"queue-{POLICE}", "alert-requests", "entity-sightings")
    yield follower
    follower.close()


@pytest.fixture
def told(played: Played, topics: Follower) -> Told:
    return Told(played, topics)


@pytest.fixture
def police(played: Played) -> Iterator[httpx.Client]:
    with played.client("referral", "agency", agency=POLICE) as http:
        yield http


def test_the_agent_is_marked_after_the_police_answered_and_a_person_confirmed(told: Told, police: httpx.Client) -> None:
    rid = told.asked("protect_now")["referral_id"]
    seen = police.get(f"/agency/referrals/{rid}").json()
    assert seen["entities"]["E1"] == {"kind": "agent"}
    assert "recruiter_confirmed" in seen["codes"]
    where = f"/agency/referrals/{rid}/answers"
    assert police.post(where, json={"answer_id": "a1", "status": "acknowledged"}).json() == {"status": "taken"}
    assert police.post(where, json={"answer_id": "a1", "status": "acknowledged"}).json() == {"status": "known"}
    final = ReferralAnswered(
        answer_id=f"a2-{rid}", referral_id=rid, status="final", code="recruiter_confirmed", marks=["E1"],
        answered_at=datetime.now(UTC).isoformat(),
    )  # fmt: skip
    told.played.send(Outgoing(f"answers-{POLICE}", rid.encode(), final.encode(), [("kind", b"ReferralAnswered")]))
    until(lambda: told.asked("protect_now")["state"] == "answered", "the answer on the topic")
    assert told.asked("protect_now")["proposed"] == "confirmed_tppo"
    answer = told.officer(f"referrals/{rid}/outcome", {"code": "confirmed_tppo", "confidence": 3}, "supervisor")
    assert answer.status_code == 200, answer.text
    token = told.asked("protect_now")["entities"]["E1"]["token"]

    def marked() -> bool:
        told_ = [
            orjson.loads(r.value) for r in told.topics.all("entity-sightings") if r.value and r.key == token.encode()
        ]
        return any(m.get("mark") == "recruiter_confirmed" and m.get("by") == POLICE for m in told_)

    until(marked, "risk to mark the agent", 30)


def test_what_stands_in_a_queue_is_a_cloud_event(told: Told) -> None:
    rid = told.asked("protect_now")["referral_id"]

    def mine() -> list[Any]:
        return [r for r in told.topics.all(f"queue-{POLICE}") if r.key == rid.encode() and r.value]

    until(lambda: bool(mine()), "the referral in the queue")
    message = KafkaMessage(headers=dict(mine()[0].headers), key=rid.encode(), value=mine()[0].value)
    event = from_binary(message, JSONFormat())
    assert (event.get_type(), event.get_source(), event.get_subject()) == ("referral.queued", "urn:tppo:referral", rid)
    data = event.get_data()
    assert isinstance(data, dict)
    assert data["referral_id"] == rid


def test_a_refused_answer_changes_nothing_is_recorded_and_told_to_the_sender(told: Told, police: httpx.Client) -> None:
    rid = told.asked("protect_now")["referral_id"]
    wrong: list[tuple[dict[str, Any], str]] = (
        [({"status": "final", "code": "guilty"}, "is no answer of this kind of agency"), ({"status": "final"}, "needs a code"),
         ({"status": "working", "marks": ["E9"]}, "names no E9")]
    )  # fmt: skip
    for number, (bad, words) in enumerate(wrong):
        answer = police.post(f"/agency/referrals/{rid}/answers", json={"answer_id": f"b{number}-{rid}"} | bad)
        assert (answer.status_code, words in answer.json()["detail"]) == (409, True), answer.text
    assert (
        police.post(
            f"/agency/referrals/{rid}/answers", json={"answer_id": "x", "status": "final", "code": "g" * 10**6}
        ).status_code
        == 422
    )
    assert (
        police.post(
            f"/agency/referrals/{uuid.uuid4()}/answers", json={"answer_id": "x", "status": "working"}
        ).status_code
        == 404
    )
    word = ReferralAnswered(
        answer_id=f"k-{rid}", referral_id=rid, status="final", code="guilty", answered_at=datetime.now(UTC).isoformat()
    )
    told.played.send(Outgoing(f"answers-{POLICE}", rid.encode(), word.encode(), [("kind", b"ReferralAnswered")]))

    def refused() -> bool:
        mine = [r for r in told.topics.all(f"queue-{POLICE}") if r.key == f"k-{rid}".encode()]
        return any(
            dict(r.headers)["kind"] == b"AnswerRefused" and "guilty is no answer" in orjson.loads(r.value)["reason"]
            for r in mine
        )

    until(refused, "the refusal in the sender's queue")
    assert told.asked("protect_now")["state"] == "sent"
    assert told.asked("protect_now")["answers"] == []
    assert told.played.mongo["tppo_referral"]["refusals"].count_documents({"referral_id": rid}) == 4


def test_cleared_leaves_the_queue_and_nothing_is_shown_any_more(told: Told, police: httpx.Client) -> None:
    rid = told.asked("protect_now")["referral_id"]
    assert told.move("case_opened", "supervisor").status_code == 200
    assert told.move("verifying", "supervisor").status_code == 200
    held = told.move("closed_cleared", "case_officer")
    assert (held.status_code, "safety hold" in held.json()["detail"]) == (409, True)
    assert police.post(f"/agency/referrals/{rid}/release-hold", json={"reason": "orang sudah aman"}).status_code == 200
    assert "proposed" in told.move("closed_cleared", "case_officer").json()["sentence"]
    own = told.move("closed_cleared", "supervisor")
    assert (own.status_code, "nobody closes his own" in own.json()["detail"]) == (409, True)
    assert told.move("closed_cleared", "kakanim").json()["state"] == "closed_cleared"
    until(lambda: rid not in told.standing(POLICE), "the tombstone in the queue")
    assert police.get(f"/agency/referrals/{rid}").status_code == 410
    late = police.post(f"/agency/referrals/{rid}/answers", json={"answer_id": f"late-{rid}", "status": "working"})
    assert (late.status_code, late.json()["detail"]) == (409, "the case is closed_cleared")
    ref = told.asked("protect_now")["referral_ref"]

    def all_settled() -> bool:
        said = [r.value for r in told.topics.all("alert-requests")]
        alerts = {a for value in said for a in _alert_of(value, ref)}
        settled = {m["alert_id"] for value in said if value and "reason" in (m := orjson.loads(value))}
        return bool(alerts) and alerts <= settled

    until(all_settled, "every alert of the referral to be settled")


def _alert_of(value: bytes | None, ref: str) -> list[str]:
    found = orjson.loads(value) if value else {}
    return [found["alert_id"]] if found.get("ref") == ref else []


def test_two_officers_at_once_one_wins_and_the_other_sees_what_changed(told: Told) -> None:
    seen: list[int] = []
    with told.played.client("referral", "cases:read") as http:

        def read_and_moved() -> bool:  # a newer assessment may come between the reading and the move
            seen.append(len(http.get(f"/cases/{told.case_id}").json()["history"]))
            return told.move("case_opened", "supervisor", seen=seen[-1]).status_code == 200

        until(read_and_moved, "the first officer's move")
    second = told.move("case_opened", "supervisor", seen=seen[-1])
    assert second.status_code == 409
    assert "the case changed since you read it: moved by supervisor: flagged → case_opened" in second.json()["detail"]


def test_a_clock_whose_time_has_come_tells_the_next_person_once(told: Told) -> None:
    rid, ref = told.asked("protect_now")["referral_id"], told.asked("protect_now")["referral_ref"]
    until(lambda: (told.case or {})["pending"] is False, "the outbox to be empty")
    cases, ago = told.played.mongo["tppo_referral"]["cases"], timedelta(hours=30)
    clocks = (told.case or {})["clocks"]
    for clock in clocks:
        if clock["about"] == rid:
            clock["started_at"] -= ago
            clock["due_at"] -= ago
    cases.update_one(
        {"_id": told.case_id}, {"$set": {"clocks": clocks, "next_due": datetime.now(UTC)}, "$inc": {"version": 1}}
    )

    def requested() -> list[tuple[str, str]]:
        found = (orjson.loads(r.value) for r in told.topics.all("alert-requests") if r.value)
        return sorted((m["step"], m["to"]) for m in found if m.get("ref") == ref)

    wanted = [
        ("escalate", "kanim-clp:inteldakim"),
        ("escalate", f"{POLICE}:head"),
        ("new", POLICE),
        ("remind", f"{POLICE}:deputy"),
    ]
    until(lambda: requested() == wanted, lambda: f"each step once, not {requested()}")
    until(lambda: any("deputy@" in m["to"] or "liaison@polres-3302" in m["to"] for m in _mails(told.played)), "a mail")
    assert requested() == wanted


def _mails(played: Played) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{played.stack.addresses.mail_page}/mails.json", timeout=10).json()
    return found


def test_long_polling_answers_when_something_comes(played: Played, topics: Follower, police: httpx.Client) -> None:
    page = police.get("/agency/referrals").json()
    while page["referrals"]:
        after = page["after"]
        page = police.get("/agency/referrals", params={"after": after}).json()
    new, place = Told(played, topics), page["after"]
    seen: set[str] = set()

    def told_of_it() -> bool:
        nonlocal place
        page = police.get("/agency/referrals", params={"after": place, "wait": 5}).json()
        place = page["after"]
        seen.update(r["referral_id"] for r in page["referrals"])
        return new.asked("protect_now")["referral_id"] in seen

    until(told_of_it, "the new referral")
    nothing = police.get("/agency/referrals", params={"state": "expired", "wait": 1}).json()
    assert nothing["referrals"] == []
    assert police.get("/agency/referrals", params={"after": "nonsense"}).status_code == 422


def test_the_interview_desk_sees_signs_and_questions_and_no_score(told: Told) -> None:
    with told.played.client("referral", "desk") as http:
        seen = http.get(f"/applications/{told.subject}/assessment").json()
        assert (seen["level_id"], seen["must_act"]) == ("rujuk", True)
        assert seen["findings"][0]["sentence_id"]
        assert not {"e_np", "e_tppo", "weight"} & set(orjson.dumps(seen).decode().split('"'))
        nobody = http.get("/applications/NOBODY/assessment").json()
        assert (nobody["level_id"], nobody["findings"]) == ("biasa", [])
    with told.played.client("referral", "cases:read") as http:
        assert http.get(f"/applications/{told.subject}/assessment").status_code == 403


def test_letters_print_what_paper_needs_and_are_recorded(told: Told) -> None:
    rid = told.asked("protect_now")["referral_id"]
    with told.played.client("referral", "cases:move", role="case_officer") as http:
        letter = http.get(f"/cases/{told.case_id}/referrals/{rid}/letter")
    assert letter.status_code == 200
    assert "SEGERA" in letter.text
    assert "recruiter_confirmed" in letter.text
    assert told.asked("protect_now")["referral_ref"] in letter.text
    reads = told.played.mongo["tppo_referral"]["reads"]
    assert reads.count_documents({"case_id": told.case_id, "purpose": "referral_letter"}) == 1


def test_a_paper_answer_is_entered_by_an_officer_who_is_named(told: Told) -> None:
    rid = told.asked("victim_support")["referral_id"]
    answer = told.officer(f"referrals/{rid}/paper-answers", {}, "case_officer")
    assert answer.status_code == 422
    with told.played.client("referral", "cases:move", role="case_officer") as http:
        body = {"answer_id": f"surat-{rid}", "status": "final", "code": "assessment_done"}
        assert http.post(f"/cases/{told.case_id}/referrals/{rid}/paper-answers", json=body).status_code == 202
    said = told.asked("victim_support")
    assert (said["state"], said["answers"][0]["entered_by"]) == ("answered", "test")


Tamper = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
TAMPERS: list[tuple[Tamper, str]] = [
    (lambda h: [h[0] | {"reason": "lain"}, *h[1:]], "is not what it was"),
    (lambda h: h[:1] + h[2:], "was removed, put in or moved"),
    (lambda h: h[:-1], "the end was cut off"),
]


def test_audit_proves_histories_and_finds_what_was_changed(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPPO_DATA", str(told.played.stack.folder))
    until(lambda: (told.case or {})["pending"] is False, "the heads to be published")
    clean = CliRunner().invoke(app, ["audit", "verify"])
    assert clean.exit_code == 0, clean.output
    assert "0 faults" in clean.output
    cases, history = told.played.mongo["tppo_referral"]["cases"], (told.case or {})["history"]
    try:
        for tamper, words in TAMPERS:
            cases.update_one({"_id": told.case_id}, {"$set": {"history": tamper(history)}})
            found = CliRunner().invoke(app, ["audit", "verify"])
            assert found.exit_code == 1
            assert f"{told.case_id}: " in found.output
            assert words in found.output
    finally:
        cases.update_one({"_id": told.case_id}, {"$set": {"history": history}})
