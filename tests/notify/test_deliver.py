"""deliver: one person after the other, once each, with a text that says nothing of the case."""

import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller

from services.contracts.alerts import AlertRequested
from services.embedded.mailcatcher import Box
from services.embedded.processes import free_port
from services.notify import deliver
from services.notify.alert import Alert
from services.notify.channels.channel import Done, Later, Never, Notice
from services.notify.channels.mail import Mail
from services.notify.channels.webhook import Webhook
from services.notify.roster import Roster, RosterError
from services.referral.tables import Tables

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
REQUEST = AlertRequested(
    alert_id="al-1", to="polres-3301", ref="R-AAAA1111", deadline="2026-11-21T10:00:00+07:00", severity="must_act", step="new",
    not_to=["phone.1.aa"], requested_at="2026-11-20T10:00:00+07:00",
)  # fmt: skip
SHIPPED = Path(deliver.__file__).parent / "receivers.yaml"


def roster(people: list[dict[str, Any]] | None = None, **more: Any) -> Roster:
    default = [
        {"ref": "polres-3301-liaison", "channels": [{"channel": "mail", "to": "liaison@x.example"}]},
        {"ref": "polres-3301-deputy", "channels": [{"channel": "mail", "to": "deputy@x.example"}]},
    ]
    return Roster.model_validate(
        {"wait_minutes": {"must_act": 5, "high": 30, "normal": 240}, "fallback": "kanim-clp:supervisor"}
        | {"targets": {"polres-3301": people if people is not None else default, "kanim-clp:supervisor": default}}
        | more
    )


def planned(people: list[dict[str, Any]] | None = None) -> Alert:
    return deliver.plan(REQUEST, roster(people), NOW).alert


def statuses(progress: deliver.Progress) -> list[str]:
    return [m.status for m in progress.messages]


def test_the_plan_names_people_in_order_each_with_its_own_key() -> None:
    progress = deliver.plan(REQUEST, roster(), NOW)
    assert [s.person_ref for s in progress.alert.plan] == ["polres-3301-liaison", "polres-3301-deputy"]
    assert len({s.key for s in progress.alert.plan}) == 2
    assert statuses(progress) == ["planned"]
    assert deliver.plan(REQUEST, roster(), NOW + timedelta(hours=1)).alert.plan == progress.alert.plan


def test_a_contact_of_the_case_is_never_a_target() -> None:
    people = [
        {"ref": "the-recruiter", "phone_token": "phone.1.aa", "channels": [{"channel": "mail", "to": "bad@x.example"}]},
        {"ref": "the-deputy", "phone_token": "phone.1.bb", "channels": [{"channel": "mail", "to": "good@x.example"}]},
    ]
    assert [s.person_ref for s in planned(people).plan] == ["the-deputy"]


def test_when_nobody_may_be_told_it_is_said_and_not_silent() -> None:
    people = [
        {"ref": "the-recruiter", "phone_token": "phone.1.aa", "channels": [{"channel": "mail", "to": "bad@x.example"}]}
    ]
    progress = deliver.plan(REQUEST, roster(people), NOW)
    assert statuses(progress) == ["planned", "exhausted"]
    assert progress.alert.due_at is None


def test_a_target_without_people_goes_to_the_fallback_with_the_reason() -> None:
    progress = deliver.plan(REQUEST.model_copy(update={"to": "desa-3301042012"}), roster(), NOW)
    assert progress.messages[0].reason == "nobody is named for desa-3301042012"


def test_after_a_receipt_it_waits_and_then_tells_the_next_person() -> None:
    sent = deliver.after_result(planned(), Done("ok"), roster(), NOW)
    assert statuses(sent) == ["sent"]
    assert sent.alert.due_at == NOW + timedelta(minutes=5)
    late = deliver.overdue(sent.alert, NOW + timedelta(minutes=5))
    assert statuses(late) == ["escalated"]
    assert late.messages[0].person_ref == "polres-3301-deputy"
    again = deliver.after_result(late.alert, Done("ok"), roster(), NOW)
    assert statuses(deliver.overdue(again.alert, NOW)) == ["exhausted"]


def test_a_channel_that_fails_for_now_is_tried_again_and_then_left() -> None:
    alert, now, seen = planned(), NOW, []
    for _ in range(deliver.MAX_ATTEMPTS):
        progress = deliver.after_result(alert, Later("busy"), roster(), now)
        alert = progress.alert
        seen.append(statuses(progress))
    assert seen == [["failed"]] * (deliver.MAX_ATTEMPTS - 1) + [["failed", "escalated"]]
    assert alert.plan[alert.step].person_ref == "polres-3301-deputy"


def test_a_receiver_may_say_how_long_to_wait() -> None:
    progress = deliver.after_result(planned(), Later("429", 77), roster(), NOW)
    assert progress.alert.due_at == NOW + timedelta(seconds=77)


def test_a_channel_that_will_never_work_goes_on_at_once() -> None:
    assert statuses(deliver.after_result(planned(), Never("no such user"), roster(), NOW)) == ["failed", "escalated"]


@pytest.mark.parametrize("status", ["seen", "settled"])
def test_closing_ends_it_once(status: Any) -> None:
    progress = deliver.close(planned(), status, "why", NOW)
    assert progress is not None
    assert progress.alert.due_at is None
    assert deliver.close(progress.alert, status, "why", NOW) is None


def test_sequence_numbers_count_every_step() -> None:
    alert, seqs = planned(), [0]
    for result in (Later("busy"), Done("ok")):
        progress = deliver.after_result(alert, result, roster(), NOW)
        alert, seqs = progress.alert, seqs + [m.seq for m in progress.messages]
    assert seqs == [0, 1, 2]


def test_promise_10_the_text_is_reference_deadline_and_link_only() -> None:
    notice = deliver.notice(planned(), "https://desk.example")
    assert "Rujukan R-AAAA1111 menunggu, tenggat 21-11-2026 10.00 WIB." in notice.text
    assert notice.subject == "Rujukan menunggu / A referral is waiting"
    for word in ("ancaman", "threat", "anak", "child", "TPPO", "3301", "must_act"):
        assert word not in notice.text + notice.subject


def test_the_shipped_roster_names_people_for_every_agency() -> None:
    shipped = Roster.load(SHIPPED, {"mail"})
    assert shipped.targets.keys() >= set(Tables.load().agencies) | {"kanim-clp:supervisor"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fallback": "nobody"}, "fallback"),
        ({"targets": {"kanim-clp:supervisor": []}}, "nobody is there"),
        (
            {"targets": {"kanim-clp:supervisor": [{"ref": "abc", "channels": [{"channel": "fax", "to": "123"}]}]}},
            "unknown channel fax",
        ),
        ({"waitminutes": {}}, "waitminutes"),
        ({"targets": {"x": [{"ref": "Pak Budi", "channels": [{"channel": "mail", "to": "a@b.example"}]}]}}, "ref"),
    ],
)
def test_a_roster_with_a_fault_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "receivers.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(SHIPPED.read_text()) | change))
    with pytest.raises(RosterError, match=words):
        Roster.load(path, {"mail"})


NOTICE = Notice("Rujukan menunggu", "Rujukan R-1 menunggu.\n", "key-1", "al-1")


@pytest.fixture
def smtp() -> Iterator[tuple[int, Box]]:
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port, box
    controller.stop()


def test_a_mail_arrives_with_its_key(smtp: tuple[int, Box]) -> None:
    port, box = smtp
    result = Mail("127.0.0.1", port, "tppo@x.example", starttls=False).send("liaison@x.example", NOTICE)
    assert isinstance(result, Done)
    (mail,) = box.mails()
    assert mail["to"] == "liaison@x.example"
    assert mail["headers"]["Message-ID"] == "<key-1@x.example>"
    assert mail["body"].startswith("Rujukan R-1 menunggu.")
    assert "Rujukan R-1 menunggu." in box.page()


class Refusing:
    """A mail server that refuses by address."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return "450 greylisted" if address.startswith("later") else "550 no such user"


@pytest.mark.parametrize(("to", "kind"), [("later@x.example", Later), ("never@x.example", Never)])
def test_a_mail_server_says_later_or_never(to: str, kind: type[Any]) -> None:
    controller = Controller(Refusing(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        assert isinstance(Mail("127.0.0.1", controller.port, "tppo@x.example", starttls=False).send(to, NOTICE), kind)
    finally:
        controller.stop()


def test_a_mail_server_that_is_away_is_later() -> None:
    assert isinstance(
        Mail("127.0.0.1", free_port(), "tppo@x.example", starttls=False).send("a@x.example", NOTICE), Later
    )


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    got: list[Any] = []
    answer: dict[str, Any] = {"status": 200, "headers": {}}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer["status"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", got, answer
    server.shutdown()
    server.server_close()


def test_a_webhook_is_signed_over_time_and_body(receiver: tuple[str, list[Any], dict[str, Any]]) -> None:
    url, got, _ = receiver
    assert isinstance(Webhook(b"secret", clock=lambda: 1000.0).send(url, NOTICE), Done)
    headers, body = got[0]
    expected = hmac.new(b"secret", b"1000." + body, sha256).hexdigest()
    assert headers["X-Tppo-Signature"] == f"t=1000,v1={expected}"
    assert headers["Idempotency-Key"] == "key-1"


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (204, {}, Done),
        (302, {"Location": "http://127.0.0.1:1/"}, Never),
        (404, {}, Never),
        (429, {"Retry-After": "9"}, Later),
        (503, {}, Later),
    ],
)
def test_a_webhook_receiver_says_done_later_or_never(
    receiver: tuple[str, list[Any], dict[str, Any]], status: int, headers: dict[str, str], kind: type[Any]
) -> None:
    url, _, answer = receiver
    answer.update(status=status, headers=headers)
    result = Webhook(b"secret").send(url, NOTICE)
    assert isinstance(result, kind)
    if headers.get("Retry-After"):
        assert result == Later("answered 429", 9.0)
