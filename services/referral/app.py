"""Wiring of referral: the consumer loop on the main thread, the API on a thread of its own."""

import gc
import signal
import threading
from datetime import UTC, datetime

import uvicorn

from services.referral.handle import Handlers
from services.referral.http import make_app
from services.referral.rekey import Rekey
from services.referral.reveal import Vault
from services.referral.sample import Sample
from services.referral.settings import ReferralSettings
from services.referral.store import INDEXES, CaseStore
from services.referral.tables import Tables
from services.runtime import health, logs, outbox
from services.runtime.broker import Producer, consumer
from services.runtime.documents import connect, migrate
from services.runtime.identity import Signer, Verifier
from services.runtime.loop import ConsumerLoop
from services.runtime.newest import Newest


def now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    settings = ReferralSettings.load()
    log = logs.set_up("referral")
    tables = Tables.load()
    state = health.Health()
    migrate(settings.store, "referral", INDEXES)
    connect(settings.store, "referral")
    store, producer = CaseStore(tables.clocks), Producer(settings.kafka)
    signer = Signer.from_file(settings.key_file, "referral")
    vault, rekey = Vault(settings.intake_url, signer), Rekey(store, Newest(settings.intake_url, signer, "referral"))
    health.serve(settings.admin_host, settings.admin_port, state, {"/keys": rekey.state})
    api = make_app(
        store=store, tables=tables, vault=vault, verifier=Verifier(settings.jwks_dir, settings.audience), clock=now
    )
    sample = Sample(settings.control_key.get_secret_value().encode())
    handlers = Handlers(store, tables, now, log, rekey, sample)

    def effects() -> int:
        late = handlers.turn()
        sent = sum(outbox.publish(each, producer) for each in (store.collection, store.refusals, store.control))
        return late + sent + rekey.turn()

    loop = ConsumerLoop(
        consumer(settings.kafka, "referral"),
        handlers.by_topic(),
        producer=producer,
        effects=effects,
        health=state,
        log=log,
    )
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, loop.stop)
    server = uvicorn.Server(uvicorn.Config(api, settings.host, settings.port, log_config=None, access_log=False))
    threading.Thread(target=server.run, name="api", daemon=True).start()
    # The tables stay, and what a call needs goes with it: a full collection holds every call for 100 ms (measured).
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    log.info("started", api=f"http://{settings.host}:{settings.port}", agencies=len(tables.agencies))
    loop.run()
    server.should_exit = True
    producer.close()


if __name__ == "__main__":
    main()
