"""The gateway channel against a real chat server of Debian (ngircd): what a person in the room reads."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.embedded.processes import free_port
from services.notify.channels.channel import Done, Later
from services.notify.channels.gateway import SCHEMES, Gateway
from tests.notify.test_channels import NOTICE
from tests.waiting import until

SERVER = shutil.which("ngircd") or ("/usr/sbin/ngircd" if Path("/usr/sbin/ngircd").exists() else None)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    if SERVER is None:
        assert not os.environ.get("CI"), "CI has ngircd"
        pytest.skip("ngircd is not here")
    found = free_port()
    (tmp_path / "ngircd.conf").write_text(
        f"[Global]\nName = irc.tppo.example\nInfo = test\nListen = 127.0.0.1\nPorts = {found}\nMotdPhrase = -\n"
        "[Options]\nDNS = no\nIdent = no\nPAM = no\n"
    )
    server = subprocess.Popen(
        [SERVER, "-n", "-f", str(tmp_path / "ngircd.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _open(found), "the chat server")
        yield found
    finally:
        server.terminate()
        server.wait(10)


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_room_and_a_person_read_the_words_of_the_notice_and_no_more(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as person:
        person.settimeout(0.2)
        heard = bytearray()

        def says(word: bytes) -> bool:
            with contextlib.suppress(TimeoutError):
                heard.extend(person.recv(65_536))
            return word in heard

        person.sendall(b"NICK liaison\r\nUSER l 0 * :l\r\nJOIN #tppo\r\n")
        until(lambda: says(b"End of NAMES"), "the room")
        gateway = Gateway(SCHEMES)
        assert isinstance(gateway.send(f"irc://tppo@127.0.0.1:{port}/#tppo", NOTICE), Done)
        assert isinstance(gateway.send(f"irc://tppo@127.0.0.1:{port}/@liaison", NOTICE), Done)
        said = b"PRIVMSG liaison :Rujukan R-1 menunggu, tenggat 21-11-2026 10.00 WIB."
        until(lambda: says(said), "the message")
    assert b"PRIVMSG #tppo :Rujukan R-1 menunggu" in heard
    lines = [line for line in heard.decode().splitlines() if "PRIVMSG" in line]
    assert {line.partition(" :")[2] for line in lines} == {NOTICE.subject, NOTICE.text.strip()}


def test_a_chat_server_that_is_gone_is_later() -> None:
    assert isinstance(Gateway(SCHEMES).send(f"irc://tppo@127.0.0.1:{free_port()}/#tppo", NOTICE), Later)


@pytest.mark.parametrize(
    "to", ["mailto://a:b@x.example", "json://127.0.0.1/x", "tgram://1/2", "file:///etc/passwd", "nothing"]
)
def test_only_gateways_that_can_be_kept_in_house_are_used(to: str) -> None:
    assert "scheme" in getattr(Gateway(SCHEMES).send(to, NOTICE), "reason", "")
