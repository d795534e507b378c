"""E-mail by SMTP. smtplib, since it gives the server's own answer for each address, which a receipt needs."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from services.notify.channels.channel import Done, Later, Never, Notice, Result


class Mail:
    """One mail to one address."""

    name = "mail"

    def __init__(self, host: str, port: int, sender: str, *, starttls: bool, timeout_s: float = 10) -> None:
        self._host, self._port, self._sender, self._starttls, self._timeout = host, port, sender, starttls, timeout_s

    def send(self, to: str, notice: Notice) -> Result:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, notice.subject
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{notice.idempotency_key}@{self._sender.partition('@')[2]}>"
        message["X-Idempotency-Key"] = notice.idempotency_key
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.text)
        try:
            with smtplib.SMTP(self._host, self._port, timeout=self._timeout) as server:
                if self._starttls:
                    server.starttls(context=ssl.create_default_context())
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            return Never(f"refused {code}") if code >= 500 else Later(f"refused {code}")
        except smtplib.SMTPResponseException as error:
            return (
                Never(f"server said {error.smtp_code}")
                if error.smtp_code >= 500
                else Later(f"server said {error.smtp_code}")
            )
        except (OSError, smtplib.SMTPException) as error:
            return Later(type(error).__name__)
        return Done("accepted by the mail server")
