"""Servers that channels are tried against: real sockets, scripted answers, and the ways in which a server can be bad."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """An HTTP server that answers as it is told and remembers what came."""

    url: str = ""
    got: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Answer] = lambda _: (200, {}, b"")
    bad: str | None = None  # hang, drip, cut, lie


class _Handler(BaseHTTPRequestHandler):
    server_of: Server
    ended: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.server_of.got.append(request)
        match self.server_of.bad:
            case "hang":
                self.ended.wait()
            case "drip":
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                    self.wfile.write(bytes([letter]))
                    if self.ended.wait(0.05):
                        return
            case "cut":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
            case "lie":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}")
            case _:
                status, headers, answered = self.server_of.answer(request)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answered)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answered)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def http_server() -> Iterator[Server]:
    """One server on a free port of this machine."""
    found, ended = Server(), threading.Event()
    handler = type("Handler", (_Handler,), {"server_of": found, "ended": ended})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads, server.block_on_close = True, False
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def tcp_server(says: Callable[[Any, threading.Event], None]) -> Iterator[int]:
    """A server that says what it likes; its port."""
    ended = threading.Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            says(self.request, ended)

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def silent(connection: Any, ended: threading.Event) -> None:
    """Takes the connection and says nothing: half open."""
    ended.wait()


def dripping(connection: Any, ended: threading.Event) -> None:
    """A greeting that never ends."""
    try:
        while not ended.wait(0.05):
            connection.sendall(b"2")
    except OSError:
        return


def certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) for 127.0.0.1 that signs itself, PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "server.crt", folder / "server.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def took(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started
