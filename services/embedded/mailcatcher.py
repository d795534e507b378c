"""A local SMTP server that keeps every mail in memory and shows them on a page. For demos and tests only."""

import argparse
import email
import email.policy
import html
import json
import threading
from datetime import UTC, datetime
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

_PAGE = """<!doctype html><html lang="id"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Surat tertangkap · Caught mail</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1b}}
article{{border:1px solid #ccc;border-radius:6px;padding:.75rem 1rem;margin:.75rem 0}}
header{{color:#555;font-size:.9rem}}h2{{font-size:1.05rem;margin:.25rem 0}}pre{{white-space:pre-wrap;margin:.5rem 0 0;font:inherit}}
</style><h1>Surat tertangkap · Caught mail</h1><p>{count} surat · mails. Halaman ini memuat ulang sendiri · reloads by itself.</p>
{mails}</html>"""
_MAIL = "<article><header>{at} → {to}</header><h2>{subject}</h2><pre>{body}</pre></article>"
SHOWN = 200


class Box:
    """What was caught."""

    def __init__(self) -> None:
        self._mails: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body, html = message.get_body(("plain",)), message.get_body(("html",))
        with self._lock:
            self._mails.append(
                {
                    "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "to": ", ".join(envelope.rcpt_tos),
                    "subject": str(message["Subject"]),
                    "headers": {k: str(v) for k, v in message.items()},
                    "body": body.get_content() if body else "",
                    "html": html.get_content() if html else "",
                }
            )
        return "250 OK"

    def mails(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._mails)

    def page(self) -> str:
        mails = self.mails()
        shown = [
            _MAIL.format(**{k: html.escape(str(m[k])) for k in ("at", "to", "subject", "body")})
            for m in reversed(mails[-SHOWN:])
        ]
        return _PAGE.format(count=len(mails), mails="\n".join(shown))


def serve(box: Box, smtp_port: int, http_port: int) -> ThreadingHTTPServer:
    """Both servers on threads; returns the HTTP one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            as_json = self.path.startswith("/mails.json")
            body = (json.dumps(box.mails()) if as_json else box.page()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json" if as_json else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Not news."""

    Controller(box, hostname="127.0.0.1", port=smtp_port).start()
    server = ThreadingHTTPServer(("127.0.0.1", http_port), Handler)
    server.daemon_threads = True
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    options = parser.parse_args()
    serve(Box(), options.smtp_port, options.http_port).serve_forever()


if __name__ == "__main__":
    main()
