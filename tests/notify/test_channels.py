"""Every channel against a server of its own kind: what is a receipt, what is worth another try, what never works. All must pass the same."""

import base64
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiosmtpd.controller import Controller

from services.embedded.mailcatcher import Box
from services.embedded.processes import free_port
from services.notify import channels
from services.notify.channels.channel import Channel, Done, Later, Never, Notice
from services.notify.channels.desk import Desk
from services.notify.channels.gateway import Gateway
from services.notify.channels.mail import Mail
from services.notify.channels.post import Post
from services.notify.channels.sms import Sms
from services.notify.channels.telegram import Telegram
from services.notify.channels.webhook import Webhook, secret_of
from services.notify.channels.whatsapp import WhatsApp
from tests.notify.servers import Answer, Request, Server, certificate, dripping, http_server, silent, tcp_server, took

SECONDS = 1.0  # the deadline in these tests; 15 s in use
NOTICE = Notice(
    subject="Rujukan menunggu / A referral is waiting", text="Rujukan R-1 menunggu, tenggat 21-11-2026 10.00 WIB.\n", html="<p>Rujukan R-1</p>",
    short="Rujukan R-1 menunggu. Balas 123456.", idempotency_key="9b2f0a6e-1111-5222-8333-444455556666", alert_ids=("al-1",), refs=("R-1",),
    deadline="21-11-2026 10.00 WIB", link="https://kabar.example/l/abc",
)  # fmt: skip
KEY = NOTICE.idempotency_key
SECRET = b"0123456789abcdef0123456789abcdef"
LOCAL = ["127.0.0.0/8"]


@dataclass
class Rig:
    """A channel, an address in it, and how its kind of server answers."""

    make: Callable[[str], Channel]
    to: Callable[[str], str]
    good: Callable[[Request], Answer]
    never: Answer | None
    page_is_seen: bool = True  # whether an error page with status 200 can be told from a receipt
    key_in: Callable[[Request], Any] = lambda r: KEY if KEY.encode() in r.body or KEY in r.headers.values() else None


def _post() -> Post:
    return Post(guarded=False, seconds=SECONDS)


def _json(status: int, body: Any, **headers: str) -> Answer:
    return status, headers, orjson.dumps(body)


RIGS: dict[str, Rig] = {
    "webhook": Rig(
        make=lambda url: Webhook(SECRET, Post(guarded=True, allow=LOCAL, seconds=SECONDS)),
        to=lambda url: f"{url}/hook",
        good=lambda r: _json(200, {"idempotency_key": r.headers["webhook-id"]}),
        never=_json(404, {}),
    ),
    "telegram": Rig(
        make=lambda url: Telegram(url, "1:token", _post()),
        to=lambda url: "-100200300",
        good=lambda r: _json(200, {"ok": True, "result": {"message_id": 7}}),
        never=_json(403, {"ok": False, "description": "Forbidden: bot was blocked by the user"}),
        key_in=lambda r: KEY,  # the Bot API takes no key: a repetition is a second message
    ),
    "whatsapp": Rig(
        make=lambda url: WhatsApp(url, "token", "rujukan_menunggu", _post()),
        to=lambda url: "+628110000001",
        good=lambda r: _json(200, {"messages": [{"id": "wamid.HBgLM"}]}),
        never=_json(400, {"error": {"code": 131026}}),
    ),
    "sms": Rig(
        make=lambda url: Sms(url, "user", "word", _post()),
        to=lambda url: "+628110000001",
        good=lambda r: _json(202, {"id": orjson.loads(r.body)["id"], "state": "Pending"}),
        never=_json(400, {"message": "invalid phone number"}),
    ),
    "gateway": Rig(
        make=lambda url: Gateway({"ntfy"}),
        to=lambda url: f"ntfy://{url.removeprefix('http://')}/topik",
        good=lambda r: _json(200, {"id": "x", "event": "message"}),
        never=None,  # Apprise says yes or no; a no is tried again
        page_is_seen=False,
        key_in=lambda r: KEY,
    ),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with http_server() as found:
        yield found


def test_every_channel_is_tried_here() -> None:
    assert {*RIGS, "mail", "desk"} == channels.names()


def test_the_desk_is_always_there() -> None:
    assert isinstance(Desk().send("polres", NOTICE), Done)


each = pytest.mark.parametrize("rig", RIGS.values(), ids=RIGS.keys())


@each
def test_a_good_answer_is_a_receipt_and_the_key_went_along(rig: Rig, server: Server) -> None:
    server.answer = rig.good
    assert isinstance(rig.make(server.url).send(rig.to(server.url), NOTICE), Done)
    (request,) = server.got
    assert rig.key_in(request) == KEY


@each
def test_a_receipt_holds_no_address_and_no_content(rig: Rig, server: Server) -> None:
    server.answer = rig.good
    result = rig.make(server.url).send(rig.to(server.url), NOTICE)
    assert isinstance(result, Done)
    assert rig.to(server.url) not in result.receipt
    assert "R-1" not in result.receipt


@each
@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_in_trouble_is_later(rig: Rig, status: int, server: Server) -> None:
    server.answer = lambda _: (status, {"Retry-After": "9"}, b"{}")
    result = rig.make(server.url).send(rig.to(server.url), NOTICE)
    assert isinstance(result, Later)
    if status == 429 and rig.page_is_seen:
        assert result.after_s in (9.0, 30.0)


@each
def test_a_date_in_retry_after_is_understood(rig: Rig, server: Server) -> None:
    server.answer = lambda _: (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"{}")
    result = rig.make(server.url).send(rig.to(server.url), NOTICE)
    assert isinstance(result, Later)
    assert result.after_s in (0.0, None)


@each
def test_an_address_that_never_works_is_never(rig: Rig, server: Server) -> None:
    server.answer = lambda _: rig.never or (404, {}, b"{}")
    result = rig.make(server.url).send(rig.to(server.url), NOTICE)
    assert isinstance(result, Never if rig.never else Later)


@each
def test_a_redirect_is_not_followed(rig: Rig, server: Server) -> None:
    with http_server() as elsewhere:
        server.answer = lambda _: (302, {"Location": f"{elsewhere.url}/stolen"}, b"")
        assert not isinstance(rig.make(server.url).send(rig.to(server.url), NOTICE), Done)
        assert elsewhere.got == []


@each
def test_an_error_page_with_status_200_is_no_receipt(rig: Rig, server: Server) -> None:
    server.answer = lambda _: (200, {"Content-Type": "text/html"}, b"<html>Wi-Fi login</html>")
    result = rig.make(server.url).send(rig.to(server.url), NOTICE)
    assert isinstance(result, Later) is rig.page_is_seen  # Apprise cannot tell; the table of channels says so


@each
@pytest.mark.parametrize("bad", ["hang", "drip", "cut", "lie"])
def test_a_server_that_misbehaves_is_later_and_in_time(rig: Rig, bad: str, server: Server, request: Any) -> None:
    if isinstance(rig.make(server.url), Gateway):
        if bad in ("lie", "cut"):
            pytest.skip("Apprise looks at the status line alone; the table of channels says so")
        if bad == "drip":
            pytest.skip("Apprise has no deadline; the sender leaves it alone after 45 s (test_send)")
    server.bad = bad
    result, seconds = took(lambda: rig.make(server.url).send(rig.to(server.url), NOTICE))
    assert isinstance(result, Later), result
    assert seconds < 6


@each
def test_nobody_at_the_port_is_later(rig: Rig) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert isinstance(rig.make(url).send(rig.to(url), NOTICE), Later)


@pytest.mark.parametrize("name", ["telegram", "whatsapp", "sms"])
def test_a_token_that_does_not_hold_is_the_channels_own_trouble(name: str, server: Server) -> None:
    server.answer = lambda _: _json(401, {"ok": False, "error": {"code": 190}})
    result = RIGS[name].make(server.url).send(RIGS[name].to(server.url), NOTICE)
    assert isinstance(result, Later)
    assert result.channel_fails


def test_a_name_that_is_not_known_is_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", gone)
    assert isinstance(Webhook(SECRET, Post(guarded=True)).send("https://polres.example/hook", NOTICE), Later)


# The webhook goes to addresses of a roster: it must not lead inside


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "192.168.1.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0", "100.64.0.1"],
)
def test_a_name_that_leads_inside_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(family, socket.SOCK_STREAM, 6, "", (address, 443))])
    result = Webhook(SECRET, Post(guarded=True)).send("https://polres.example/hook", NOTICE)
    assert result == Never("leads to a private address that the settings do not list")


def test_one_inside_address_among_others_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in ("93.184.215.14", "10.0.0.8")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    assert isinstance(Webhook(SECRET, Post(guarded=True)).send("https://polres.example/hook", NOTICE), Never)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    port, real, asked = int(server.url.rpartition(":")[2]), socket.getaddrinfo, list[str]()

    def once(host: str, *rest: Any, **more: Any) -> Any:
        if host == "127.0.0.1":
            return real(host, *rest, **more)
        asked.append(host)
        assert len(asked) == 1, "the name was looked up again"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", once)
    server.answer = RIGS["webhook"].good
    post = Post(guarded=False, seconds=SECONDS)
    assert isinstance(Webhook(SECRET, post).send(f"http://polres.example:{port}/hook", NOTICE), Done)
    assert server.got[0].headers["host"] == f"polres.example:{port}"


def test_only_https_leaves_the_house() -> None:
    assert Webhook(SECRET, Post(guarded=True)).send("http://polres.example/hook", NOTICE) == Never(
        "only https is called"
    )


def test_each_address_has_a_secret_of_its_own(server: Server) -> None:
    assert secret_of(SECRET, "https://a.example/x") != secret_of(SECRET, "https://b.example/x")


def test_a_receiver_in_another_language_verifies_it_and_refuses_what_is_forged_or_old() -> None:
    kit = Path(__file__).parents[2] / "deploy" / "agency-kit" / "webhook.mjs"
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    given = "whsec_" + base64.b64encode(secret_of(SECRET, url)).decode()
    node = subprocess.Popen(
        ["node", str(kit)],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "TPPO_WEBHOOK_SECRET": given, "PORT": str(port)},
    )
    try:
        assert node.stdout is not None
        assert json.loads(node.stdout.readline()) == {"listening": port}

        def sent(secret: bytes = SECRET, clock: Callable[[], float] = time.time) -> Any:
            return Webhook(secret, Post(guarded=True, allow=LOCAL), clock).send(url, NOTICE)

        assert isinstance(sent(), Done)
        assert isinstance(sent(), Done)  # the same key again: taken, shown once
        assert sent(b"another secret of thirty-two bytes") == Never("answered 401")
        assert sent(clock=lambda: time.time() - 400) == Never("answered 401")
    finally:
        node.terminate()
        printed, _ = node.communicate(timeout=10)
    assert printed.splitlines() == [b'{"kind":"one","refs":["R-1"],"deadline":"21-11-2026 10.00 WIB"}']


# Mail, against a real SMTP server


def mail(port: int, **more: Any) -> Mail:
    return Mail("127.0.0.1", port, "tppo@x.example", seconds=SECONDS, **({"starttls": False} | more))


class Saying:
    """An SMTP server that refuses at one step."""

    def __init__(self, step: str, answer: str) -> None:
        setattr(self, f"handle_{step}", self._say)
        self.answer = answer

    async def _say(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:
        return self.answer


@pytest.fixture
def smtp() -> Iterator[Callable[..., int]]:
    running: list[Controller] = []

    def start(handler: Any, **more: Any) -> int:
        controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **more)
        controller.start()
        running.append(controller)
        return int(controller.port)

    yield start
    for controller in running:
        controller.stop()


def test_a_mail_arrives_over_tls_with_its_key_in_two_forms(smtp: Callable[..., int], tmp_path: Path) -> None:
    crt, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    box = Box()
    port = smtp(box, tls_context=context, require_starttls=True)
    result = mail(port, starttls=True, ca_file=crt).send("liaison@x.example", NOTICE)
    assert result == Done("250 OK")
    (got,) = box.mails()
    assert got["to"] == "liaison@x.example"
    assert got["headers"]["Message-ID"] == f"<{KEY}@x.example>"
    assert got["headers"]["X-Idempotency-Key"] == KEY
    assert got["headers"]["Content-Type"].startswith("multipart/alternative")
    assert got["body"].startswith("Rujukan R-1 menunggu")
    assert got["html"].startswith("<p>Rujukan R-1</p>")


def test_a_long_mail_has_lines_that_every_server_takes(smtp: Callable[..., int]) -> None:
    """RFC 5321: a line ends with CR LF and has 998 characters at most."""
    box = Box()
    long = replace(NOTICE, text="Rujukan R-1 menunggu.\n" * 60, html="<p>" + "Rujukan R-1 menunggu. " * 300 + "</p>")
    assert mail(smtp(box)).send("a@x.example", long) == Done("250 OK")
    assert box.mails()[0]["html"].count("menunggu") == 300


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(smtp: Callable[..., int], tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    box = Box()
    result = mail(smtp(box, tls_context=context, require_starttls=True), starttls=True).send("a@x.example", NOTICE)
    assert isinstance(result, Later)
    assert result.channel_fails
    assert box.mails() == []


def test_a_server_without_tls_gets_nothing_when_tls_is_asked(smtp: Callable[..., int]) -> None:
    box = Box()
    assert isinstance(mail(smtp(box), starttls=True).send("a@x.example", NOTICE), Later)
    assert box.mails() == []


@pytest.mark.parametrize(
    ("step", "answer", "kind", "channel_fails"),
    [
        ("RCPT", "450 4.7.1 greylisted, come again", Later, False),
        ("RCPT", "452 4.2.2 mailbox full", Later, False),
        ("RCPT", "550 5.1.1 no such user", Never, None),
        ("DATA", "451 4.3.0 try later", Later, False),
        ("DATA", "554 5.7.1 refused as spam", Never, None),
        ("MAIL", "553 5.1.8 sender not allowed", Later, True),
    ],
)
def test_what_a_mail_server_says(
    smtp: Callable[..., int], step: str, answer: str, kind: type[Any], channel_fails: bool | None
) -> None:
    result = mail(smtp(Saying(step, answer))).send("a@x.example", NOTICE)
    assert isinstance(result, kind), result
    assert getattr(result, "channel_fails", None) is channel_fails


def test_a_mail_server_that_greets_with_a_refusal_is_the_channels_trouble() -> None:
    with tcp_server(lambda connection, _: connection.sendall(b"421 4.3.2 too many connections\r\n")) as port:
        result = mail(port).send("a@x.example", NOTICE)
    assert result == Later("server said 421", channel_fails=True)


@pytest.mark.parametrize("says", [silent, dripping])
def test_a_half_open_or_dripping_mail_server_is_later_and_in_time(says: Any) -> None:
    with tcp_server(says) as port:
        result, seconds = took(lambda: mail(port).send("a@x.example", NOTICE))
    assert isinstance(result, Later)
    assert seconds < 5


def test_no_mail_server_is_later() -> None:
    result = mail(free_port()).send("a@x.example", NOTICE)
    assert isinstance(result, Later)
    assert result.channel_fails
