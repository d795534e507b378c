"""One HTTP POST that ends in time and goes nowhere it should not. httpcore, since only there an address can be looked at before it is used.

No redirects; at most 64 KiB of the answer; one deadline for all of it, however slowly the other side drips; the address that was
checked is the one that is connected to, so a name cannot change in between.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
import orjson

from services.notify.channels.channel import Later, Never

SECONDS = 15.0
MOST_BYTES = 65_536
TRANSIENT = (408, 409, 425, 429)
_until: ContextVar[float] = ContextVar("until")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Forbidden(Exception):
    """The address may not be called; the text says which rule forbids it."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The body, {} when it is no JSON object."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    def refusal(self, *, channel_fails: bool = True) -> Later | Never:
        """An answer that is not good: later when the other side may come round, else never."""
        if 300 <= self.status < 400:
            return Never(f"answered {self.status}: redirects are not followed")
        if self.status in TRANSIENT or self.status >= 500:
            return Later(
                f"answered {self.status}",
                _wait(self.headers.get("retry-after", "")),
                channel_fails and self.status >= 500,
            )
        return Never(f"answered {self.status}")


class Post:
    """`guarded`: addresses come from a roster, so only public ones over https are called, unless `allow` names their network."""

    def __init__(
        self, *, guarded: bool, allow: Sequence[str] = (), seconds: float = SECONDS, ca_file: str | None = None
    ) -> None:
        self._guarded, self._seconds = guarded, seconds
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in allow)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(cafile=ca_file), network_backend=_Backend(self), max_connections=32,
            max_keepalive_connections=0 if guarded else 8,
        )  # fmt: skip

    def __call__(
        self, url: str, content: bytes, headers: Mapping[str, str], *, channel_fails: bool = True
    ) -> Answer | Later | Never:
        """The answer, or why there is none."""
        parts = httpcore.URL(url)
        if self._guarded and parts.scheme != b"https" and not self._listed(parts.host.decode()):
            return Never("only https is called")
        _until.set(time.monotonic() + self._seconds)
        sent = [("Content-Type", "application/json"), ("User-Agent", "tppo-notify"), *headers.items()]
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        try:
            with self._pool.stream(
                "POST", url, headers=sent, content=content, extensions={"timeout": timeout}
            ) as answer:
                body = _limited(answer.iter_stream())
                return Answer(answer.status, {k.decode().lower(): v.decode("latin-1") for k, v in answer.headers}, body)
        except Forbidden as error:
            return Never(str(error))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            return Later(f"no answer: {type(error).__name__}", channel_fails=channel_fails)

    def addresses(self, host: str, port: int) -> list[str]:
        """Where a name leads, looked at; Forbidden when it leads inside."""
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
        if self._guarded:
            for each in found:
                if not ipaddress.ip_address(each).is_global and not self._allowed(each):
                    raise Forbidden("leads to a private address that the settings do not list")
        return found

    def _allowed(self, address: str) -> bool:
        return any(ipaddress.ip_address(address) in network for network in self._allow)

    def _listed(self, host: str) -> bool:
        """A plain address of a listed network: a receiver of our own network or a test."""
        try:
            return self._allowed(host)
        except ValueError:
            return False


class _Backend(httpcore.NetworkBackend):
    """Connects to what was looked at, and lets no step outlast the deadline."""

    def __init__(self, post: Post) -> None:
        self._post, self._inner = post, httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:  # fmt: skip
        try:
            found = self._post.addresses(host, port)
        except socket.gaierror as error:
            raise httpcore.ConnectError("the name is not known") from error
        return _Stream(self._inner.connect_tcp(found[0], port, _left(), local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left()))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left() -> float:
    left = _until.get() - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left


def _limited(chunks: Iterable[bytes]) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) >= MOST_BYTES:
            break
    return body[:MOST_BYTES]


def _wait(said: str) -> float | None:
    """Seconds of a Retry-After, which may also be a date."""
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None
