"""E-mail by SMTP. smtplib, since it gives the server's own answer for each step, which a receipt needs.

The domain of `From` is that of `Message-ID`, and every header is one line of ASCII before the server signs it: DKIM and DMARC of the
office's own server hold.
"""

import contextlib
import smtplib
import socket
import ssl
import threading
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path

from services.notify.channels.channel import Channel, Done, Later, Never, Notice, Result
from services.notify.settings import NotifySettings

NAME = "mail"
SECONDS = 15.0


def make(settings: NotifySettings) -> Channel | None:
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
    return Mail(
        settings.smtp_host, settings.smtp_port, settings.sender, starttls=settings.smtp_starttls, ca_file=settings.smtp_ca_file,
        login=(settings.smtp_user, password) if settings.smtp_user else None,
    )  # fmt: skip


class Mail:
    """One mail to one address."""

    name = NAME

    def __init__(
        self, host: str, port: int, sender: str, *, starttls: bool, ca_file: Path | None = None,
        login: tuple[str, str] | None = None, seconds: float = SECONDS,
    ) -> None:  # fmt: skip
        self._host, self._port, self._sender, self._starttls = host, port, sender, starttls
        self._login, self._seconds = login, seconds
        self._context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)

    def send(self, to: str, notice: Notice) -> Result:
        server = smtplib.SMTP(timeout=self._seconds / 3)
        server._host = self._host  # type: ignore[attr-defined] # starttls checks the certificate for it; only the constructor sets it, and connects
        ender = _ended_after(server, self._seconds)
        try:
            with server:
                code, _ = server.connect(self._host, self._port)
                return (
                    self._talk(server, to, notice) if code == 220 else Later(f"server said {code}", channel_fails=True)
                )
        except smtplib.SMTPResponseException as error:  # greeting, EHLO, STARTTLS or login: not this address
            return Later(f"server said {error.smtp_code}", channel_fails=True)
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"no answer: {type(error).__name__}", channel_fails=True)
        finally:
            ender.cancel()

    def _talk(self, server: smtplib.SMTP, to: str, notice: Notice) -> Result:
        if self._starttls:
            server.starttls(context=self._context)
        if self._login:
            server.login(*self._login)
        server.ehlo_or_helo_if_needed()
        code, _ = server.mail(self._sender)
        if code >= 400:
            return Later(f"sender refused: {code}", channel_fails=True)
        code, _ = server.rcpt(to)
        if code >= 400:
            return _refused("address", code)
        code, said = server.data(self._message(to, notice).as_bytes(policy=SMTP))
        if code >= 400:
            return _refused("mail", code)
        return Done(f"{code} {said.decode('ascii', 'replace')}"[:100])

    def _message(self, to: str, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, notice.subject
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{notice.idempotency_key}@{self._sender.partition('@')[2]}>"
        message["X-Idempotency-Key"] = notice.idempotency_key
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(notice.text)
        message.add_alternative(notice.html, subtype="html")
        return message


def _refused(what: str, code: int) -> Result:
    return Never(f"{what} refused: {code}") if code >= 500 else Later(f"{what} refused for now: {code}")


def _ended_after(server: smtplib.SMTP, seconds: float) -> threading.Timer:
    """smtplib's timeout starts again with every byte; a server that drips would hold us for ever."""

    def end() -> None:
        if server.sock is not None:
            with contextlib.suppress(OSError):
                server.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer
