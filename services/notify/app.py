"""Wiring of notify: the consumer loop, which also takes what is due, the API and the auditor on threads of their own."""

import signal
import threading

import uvicorn

from services.contracts.alerts import AlertRequested
from services.notify import channels
from services.notify.auditor import Auditor
from services.notify.chains import Chains
from services.notify.clock import SteadyClock
from services.notify.http import make_api
from services.notify.people import People, Tokens, state
from services.notify.send import Sender
from services.notify.settings import NotifySettings
from services.notify.store import INDEXES, AlertStore
from services.notify.text import Texts
from services.notify.work import Desk
from services.runtime import health, logs, outbox
from services.runtime.broker import Producer, consumer
from services.runtime.documents import connect, migrate
from services.runtime.identity import Signer, Verifier
from services.runtime.loop import ConsumerLoop
from services.runtime.newest import Newest


def main() -> None:
    settings = NotifySettings.load()
    log, clock = logs.set_up("notify"), SteadyClock()
    chains, texts, made = Chains.load(settings.chains), Texts.load(), channels.make_all(settings)
    migrate(settings.store, "notify", INDEXES)
    database = connect(settings.store, "notify")
    store, producer = AlertStore(database), Producer(settings.kafka)
    signer = Signer.from_file(settings.key_file, "notify")
    newest = Newest(settings.intake_url, signer, "notify")
    people = People(
        settings.receivers, chains, channels.names(), store, Tokens(settings.intake_url, signer), newest, log
    )
    sender = Sender(made, clock)
    desk = Desk(
        store, people, chains, texts, sender, secret=settings.link_secret.get_secret_value().encode(), public_url=settings.public_url,
        desk_url=settings.desk_url, clock=clock, log=log,
    )  # fmt: skip
    progress = health.Health()
    health.serve(settings.admin_host, settings.admin_port, progress, {"/roster": lambda: state(people)})

    def effects() -> int:
        return desk.turn() + outbox.publish(store.collection, producer, limit=1000)

    loop = ConsumerLoop(
        consumer(settings.kafka, "notify"), {AlertRequested.TOPIC: desk.requested},
        producer=producer, effects=effects, health=progress, log=log,
    )  # fmt: skip
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, loop.stop)
    reply = settings.sms_reply_secret.get_secret_value().encode() if settings.sms_reply_secret else None
    api = make_api(desk, Verifier(settings.jwks_dir, settings.audience), reply)
    server = uvicorn.Server(uvicorn.Config(api, settings.host, settings.port, log_config=None, access_log=False))
    threading.Thread(target=server.run, name="api", daemon=True).start()
    Auditor(store, clock, log, settings.heartbeat_url).start()
    log.info(
        "started",
        api=f"http://{settings.host}:{settings.port}",
        people=len(people.roster.people),
        channels=sorted(made),
    )
    loop.run()
    server.should_exit = True
    desk.close()
    outbox.publish(store.collection, producer)
    producer.close()


if __name__ == "__main__":
    main()
