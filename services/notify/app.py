"""Wiring of notify: the consumer loop, which also sends what is due, and a small API to acknowledge."""

import signal
import threading
from datetime import UTC, datetime
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from fastapi_offline import FastAPIOffline

from services.contracts.alerts import AlertRequested
from services.notify.channels.channel import Channel
from services.notify.channels.mail import Mail
from services.notify.channels.webhook import Webhook
from services.notify.roster import Roster
from services.notify.settings import NotifySettings
from services.notify.store import INDEXES, AlertStore
from services.notify.work import Desk
from services.runtime import health, logs, outbox
from services.runtime.broker import Producer, consumer
from services.runtime.documents import connect, migrate
from services.runtime.identity import Forbidden, Signer, Unauthorised, Verifier
from services.runtime.loop import ConsumerLoop
from services.runtime.newest import Newest


def now() -> datetime:
    return datetime.now(UTC)


def channels_of(settings: NotifySettings) -> dict[str, Channel]:
    """The channels that the settings allow."""
    mail = Mail(settings.smtp_host, settings.smtp_port, settings.sender, starttls=settings.smtp_starttls)
    found: dict[str, Channel] = {mail.name: mail}
    if settings.webhook_secret:
        webhook = Webhook(settings.webhook_secret.get_secret_value().encode())
        found[webhook.name] = webhook
    return found


def make_api(desk: Desk, verifier: Verifier) -> FastAPI:
    app = FastAPIOffline(title="tppo notify", version="1", description=__doc__)

    @app.post("/alerts/{alert_id}/seen", status_code=202)
    def seen(alert_id: str, authorization: Annotated[str | None, Header()] = None) -> dict[str, str]:
        """A person has really seen it: nobody else is told. Not the agency's answer to the referral."""
        try:
            who = verifier.verify(authorization)
            who.require("alerts:ack")
        except Unauthorised as error:
            raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from None
        except Forbidden as error:
            raise HTTPException(403, str(error)) from None
        if not desk.close(alert_id, "seen", f"acknowledged by {who.subject}"):
            raise HTTPException(404, "no such alert")
        return {"status": "seen"}

    return app


def main() -> None:
    settings = NotifySettings.load()
    log = logs.set_up("notify")
    channels = channels_of(settings)
    roster = Roster.load(settings.receivers, set(channels))
    state = health.Health()
    health.serve(settings.admin_host, settings.admin_port, state)
    migrate(connect(settings.store, "notify"), INDEXES)
    store, producer = AlertStore(), Producer(settings.kafka)
    newest = Newest(settings.intake_url, Signer.from_file(settings.key_file, "notify"), "notify")
    desk = Desk(store, roster, channels, settings.desk_url, now, log, newest)

    def effects() -> int:
        return desk.send_due() + outbox.publish(store.collection, producer)

    loop = ConsumerLoop(
        consumer(settings.kafka, "notify"), {AlertRequested.TOPIC: desk.requested},
        producer=producer, effects=effects, health=state, log=log,
    )  # fmt: skip
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, loop.stop)
    api = make_api(desk, Verifier(settings.jwks_dir, settings.audience))
    server = uvicorn.Server(uvicorn.Config(api, settings.host, settings.port, log_config=None, access_log=False))
    threading.Thread(target=server.run, name="api", daemon=True).start()
    log.info("started", api=f"http://{settings.host}:{settings.port}", targets=len(roster.targets))
    loop.run()
    server.should_exit = True
    producer.close()


if __name__ == "__main__":
    main()
