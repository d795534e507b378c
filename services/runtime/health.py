"""/live is progress, /ready is assignment and reachable parts, /metrics is Prometheus. One small server per service."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from services.runtime import metrics

LIVE_WITHIN_S = 30.0

Page = Callable[[], Any]


class Health:
    """What a service knows of itself; written by its loop, read by the server's threads."""

    def __init__(self) -> None:
        self._turned = time.monotonic()
        self.assigned = False
        self.away: str | None = None

    def turned(self) -> None:
        """The main loop turned."""
        self._turned = time.monotonic()
        metrics.LAST_TURN.set_to_current_time()

    def set_away(self, what: str | None) -> None:
        """Name what cannot be reached, or None."""
        self.away = what
        metrics.AWAY_SINCE.set(1 if what else 0)

    def live(self) -> tuple[bool, str]:
        age = time.monotonic() - self._turned
        return age < LIVE_WITHIN_S, f"the loop turned {age:.1f} s ago"

    def ready(self) -> tuple[bool, str]:
        if self.away:
            return False, f"away: {self.away}"
        if not self.assigned:
            return False, "no partitions assigned yet"
        return True, "ready"


def serve(host: str, port: int, health: Health, pages: Mapping[str, Page] | None = None) -> int:
    """Start the admin server on a thread of its own; returns the port. `pages` answer JSON."""
    known = dict(pages or {})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
            elif path in ("/live", "/ready"):
                good, why = health.live() if path == "/live" else health.ready()
                self._answer(200 if good else 503, "text/plain; charset=utf-8", f"{why}\n".encode())
            elif path in known:
                self._answer(200, "application/json", json.dumps(known[path]()).encode())
            else:
                self._answer(404, "text/plain; charset=utf-8", b"known: /live /ready /metrics\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not news."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="admin", daemon=True).start()
    return int(server.server_address[1])
