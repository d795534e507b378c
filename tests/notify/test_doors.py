"""The doors of notify: the API, the link in a mail, the reply by SMS. Who may what, and what a stranger learns: nothing."""

import hmac
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from joserfc.jwk import ECKey
from pymongo.database import Database

from services.embedded.processes import free_port
from services.notify.http import make_api
from services.notify.links import code
from services.runtime.identity import Signer, Verifier, make_key
from tests.notify.play import SECRET, Play
from tests.waiting import until

REPLY = b"the gateway's own secret"
SCOPES = ["alerts:ack", "alerts:read", "alerts:silence", "alerts:drill"]


class Doors:
    """A playing notify with its API."""

    def __init__(self, play: Play, folder: Path) -> None:
        make_key(folder / "issuer.key.json", folder / "public", "issuer")
        key = ECKey.import_key(orjson.loads((folder / "issuer.key.json").read_bytes()))
        self.play, self._signer = play, Signer(key, "issuer")
        api = make_api(play.desk, Verifier(folder / "public", "tppo-notify"), REPLY)
        port = free_port()
        self._server = uvicorn.Server(uvicorn.Config(api, "127.0.0.1", port, log_config=None, lifespan="off"))
        self._thread = Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started, "the API")
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}")

    def close(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join()

    def call(self, method: str, path: str, who: str = "polres", scopes: list[str] = SCOPES, **more: Any) -> Any:
        token = self._signer.token(who, "tppo-notify", scopes)
        return self.http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)

    def link(self) -> str:
        """The link of the last mail."""
        found = re.search(r"https://kabar\.example(/l/\S+)", self.play.mail.got[-1][2].text)
        assert found is not None
        return found[1]


@pytest.fixture
def doors(database: Database[dict[str, Any]], tmp_path: Path) -> Iterator[Doors]:
    play = Play(database, tmp_path)
    found = Doors(play, tmp_path)
    yield found
    found.close()
    play.close()


# The API


@pytest.mark.parametrize(
    ("method", "path", "scope", "body"),
    [
        ("GET", "/alerts", "alerts:read", None),
        ("GET", "/alerts/x", "alerts:read", None),
        ("GET", "/inbox", "alerts:ack", None),
        ("POST", "/alerts/x/seen", "alerts:ack", None),
        ("POST", "/alerts/x/take", "alerts:ack", None),
        ("POST", "/alerts/x/hand-over", "alerts:ack", {"to": "polres"}),
        ("GET", "/silences", "alerts:read", None),
        (
            "POST",
            "/silences",
            "alerts:silence",
            {"to": "x", "until": "2026-11-21T00:00:00+07:00", "reason": "a good reason"},
        ),
        ("DELETE", "/silences/x", "alerts:silence", None),
        ("POST", "/drills", "alerts:drill", {"name": "uji"}),
        ("GET", "/drills/x", "alerts:read", None),
    ],
)
def test_every_path_asks_for_its_scope(doors: Doors, method: str, path: str, scope: str, body: Any) -> None:
    assert doors.http.request(method, path, json=body).status_code == 401
    answer = doors.call(method, path, scopes=[s for s in SCOPES if s != scope], json=body)
    assert (answer.status_code, answer.json()["detail"]) == (403, f"the token lacks the scope {scope}")


def test_seen_at_the_desk_ends_the_chain(doors: Doors) -> None:
    alert = doors.play.ask()
    doors.play.now()
    assert doors.call("GET", "/inbox").json()[0]["ref"] == "R-1"
    assert doors.call("POST", f"/alerts/{alert}/seen").json() == {"status": "seen", "seen_by": "polres", "taken_by": ""}
    assert doors.call("POST", f"/alerts/{alert}/seen", who="kakanim").json()["seen_by"] == "polres"
    assert doors.call("POST", "/alerts/none/seen").status_code == 404


def test_taken_and_handed_over_with_the_reason_when_it_cannot_be(doors: Doors) -> None:
    alert = doors.play.ask()
    doors.play.now()
    assert doors.call("POST", f"/alerts/{alert}/take").json()["taken_by"] == "polres"
    refused = doors.call("POST", f"/alerts/{alert}/take", who="kakanim")
    assert (refused.status_code, refused.json()["detail"]) == (409, "polres has taken it; it can be handed over")
    stranger = doors.call("POST", f"/alerts/{alert}/hand-over", json={"to": "nobody-here"})
    assert stranger.json()["detail"] == "nobody is called nobody-here in the roster"
    assert doors.call("POST", f"/alerts/{alert}/hand-over", json={"to": "kakanim"}).json()["status"] == "open"
    doors.play.now()
    assert doors.play.arrived()[-1] == ("20 10:00", "kakanim", "R-1")


def test_the_timeline_says_why_each_and_holds_no_address(doors: Doors) -> None:
    alert = doors.play.ask()
    doors.play.until(timedelta(minutes=6))
    shown = doors.call("GET", f"/alerts/{alert}").json()
    assert [e["status"] for e in shown["history"]] == ["planned", "sent", "escalated", "sent"]
    assert shown["history"][2]["reason"] == "not acknowledged in time"
    assert "@" not in orjson.dumps(shown).decode()
    assert "+62" not in orjson.dumps(shown).decode()


def test_a_silence_is_made_shown_and_ended(doors: Doors) -> None:
    made = {"to": "disnaker-3301", "until": "2026-11-21T10:00:00+07:00", "reason": "the agency moves house"}
    id_ = doors.call("POST", "/silences", json=made).json()["silence_id"]
    assert doors.call("GET", "/silences").json()[id_]["author"] == "polres"
    assert doors.call("DELETE", f"/silences/{id_}").status_code == 200
    assert doors.call("DELETE", f"/silences/{id_}").status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"until": "2026-11-19T10:00:00+07:00"}, "must end after it begins"),
        ({"until": "2027-11-19T10:00:00+07:00"}, "within 14 days"),
        ({"until": "2026-11-21T10:00:00"}, "needs an offset"),
        ({"reason": "x"}, "reason"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_silence_with_a_fault_is_refused_by_name(doors: Doors, change: dict[str, Any], words: str) -> None:
    made = {"to": "disnaker-3301", "until": "2026-11-21T10:00:00+07:00", "reason": "the agency moves house"} | change
    answer = doors.call("POST", "/silences", json=made)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_drill_reports_who_acknowledged(doors: Doors) -> None:
    assert doors.call("POST", "/drills", json={"name": "uji", "target": "polres-3301"}).json() == {
        "people": 5,
        "messages": 7,
        "known": 0,
    }
    assert doors.call("POST", "/drills", json={"name": "uji", "target": "polres-3301"}).json()["known"] == 7
    doors.play.now()
    doors.http.post(doors.link(), content="do=seen")
    report = doors.call("GET", "/drills/uji").json()
    assert len(report) == 7
    assert sum(r["state"] == "acknowledged" for r in report) == 1
    assert {r["state"] for r in report} == {"acknowledged", "sent, not acknowledged"}
    assert doors.call("POST", "/drills", json={"name": "uji", "target": "nobody"}).status_code == 404


# The link


def test_looking_changes_nothing_and_the_button_acts_once(doors: Doors) -> None:
    alert = doors.play.ask()
    doors.play.now()
    link = doors.link()
    for method in ("GET", "HEAD", "GET"):  # a scanner of mails opens links
        assert doors.http.request(method, link).status_code in (200, 405)
    assert doors.play.alert(alert).state == "open"
    assert "Sudah saya lihat" in doors.http.get(link).text
    assert "tercatat" in doors.http.post(link, content="do=seen").text
    assert doors.play.alert(alert).seen_by == "polres"
    assert "tercatat" in doors.http.post(link, content="do=seen").text  # again: nothing happens twice
    assert [e.status for e in doors.play.alert(alert).history].count("seen") == 1


def test_a_post_without_the_button_does_nothing(doors: Doors) -> None:
    alert = doors.play.ask()
    doors.play.now()
    for body in (b"", b"do=anything", b"x" * 5000):
        assert doors.http.post(doors.link(), content=body).status_code == 400
    assert doors.play.alert(alert).state == "open"


def test_a_link_is_bound_to_its_person_and_its_message(doors: Doors) -> None:
    first, second = doors.play.ask("R-1"), doors.play.ask("R-2", to="polres-3301:head")
    doors.play.now()
    links = {to: re.search(r"/l/\S+", n.text)[0] for _, to, n in doors.play.mail.got}  # type: ignore[index]
    doors.http.post(links["kepala@x.example"], content="do=take")
    assert doors.play.alert(second).taken_by == "polres-kepala"
    assert doors.play.alert(first).state == "open"


@pytest.mark.parametrize("token", ["a" * 26, "short", "a" * 200, "..%2f..%2fetc"])
def test_an_unknown_link_says_so_and_no_more(doors: Doors, token: str) -> None:
    assert doors.http.get(f"/l/{token}").status_code == 404


def test_an_old_link_has_expired(doors: Doors) -> None:
    alert = doors.play.ask()
    doors.play.now()
    link = doors.link()
    doors.play.clock.now += timedelta(days=10)
    assert doors.http.get(link).status_code == 410
    assert doors.http.post(link, content="do=seen").status_code == 410
    assert doors.play.alert(alert).state == "open"


def test_the_page_loads_nothing_tells_no_referrer_and_is_not_kept(doors: Doors) -> None:
    doors.play.ask()
    doors.play.now()
    answer = doors.http.get(doors.link())
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "src=" not in answer.text
    assert "<script" not in answer.text


def test_one_link_acknowledges_every_alert_of_its_message(doors: Doors) -> None:
    alerts = [doors.play.ask(f"R-{n}", to="disnaker-3301", severity="normal") for n in range(3)]
    doors.play.until(timedelta(minutes=2))
    page = doors.http.post(doors.link(), content="do=seen").text
    assert [doors.play.alert(a).state for a in alerts] == ["seen"] * 3
    assert page.count("<li>") == 3


def test_the_store_does_not_hold_what_a_link_ends_with(doors: Doors) -> None:
    alert = doors.play.ask()
    doors.play.now()
    token = doors.link().removeprefix("/l/")
    assert token not in str(doors.play.database["alerts"].find_one({"_id": alert}))


# The reply by SMS


def reply(
    doors: Doors, phone: str, text: str, *, id_: str = "m1", at: float | None = None, secret: bytes = REPLY
) -> Any:
    body = orjson.dumps({"id": id_, "event": "sms:received", "payload": {"phoneNumber": phone, "message": text}})
    stamp = str(int(at or time.time()))
    signature = hmac.new(secret, body + stamp.encode(), sha256).hexdigest()
    return doors.http.post("/replies/sms", content=body, headers={"X-Timestamp": stamp, "X-Signature": signature})


def told_by_sms(doors: Doors) -> tuple[str, str]:
    """(alert, code) of one that went to the officer on duty."""
    doors.play.roster["people"]["polres"]["channels"].reverse()
    doors.play.write_roster()
    alert = doors.play.ask()
    doors.play.now()
    return alert, code(SECRET, doors.play.sms.got[-1][2].idempotency_key, "polres")


def test_a_signed_reply_with_the_code_acknowledges(doors: Doors) -> None:
    alert, given = told_by_sms(doors)
    assert reply(doors, "+628110000002", f"ok {given}").json() == {"status": "taken in"}
    assert doors.play.alert(alert).seen_by == "polres"


def test_a_reply_that_is_not_signed_old_or_from_another_phone_does_nothing(doors: Doors) -> None:
    alert, given = told_by_sms(doors)
    assert reply(doors, "+628110000002", given, secret=b"guessed").status_code == 401
    assert reply(doors, "+628110000002", given, at=time.time() - 400).status_code == 401
    assert reply(doors, "+628999999999", given).json() == {"status": "taken in"}
    assert doors.play.alert(alert).state == "open"


def test_who_guesses_is_not_heard_any_more(doors: Doors) -> None:
    alert, given = told_by_sms(doors)
    wrong = [c for n in range(20) if (c := f"{n:06d}") != given][:10]
    for number, guess in enumerate(wrong):
        reply(doors, "+628110000002", guess, id_=f"g{number}")
    assert reply(doors, "+628110000002", given, id_="last").status_code == 200
    assert doors.play.alert(alert).state == "open"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"event":"sms:received"}', b'{"event":"sms:delivered","payload":{}}', b"\xff"]
)
def test_a_malformed_reply_is_answered_and_changes_nothing(doors: Doors, body: bytes) -> None:
    stamp = str(int(time.time()))
    signature = hmac.new(REPLY, body + stamp.encode(), sha256).hexdigest()
    answer = doors.http.post("/replies/sms", content=body, headers={"X-Timestamp": stamp, "X-Signature": signature})
    assert answer.status_code in (200, 400)
