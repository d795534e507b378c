"""Wiring of risk: faust is the pump. Three streams: events and signals, sightings, suspicious links."""

import asyncio
import gc
import os
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any

import faust

from services.contracts.network import LinkSuspected
from services.risk.pump import EXIT_UNEXPECTED, Parts, Pump
from services.risk.settings import RiskSettings
from services.risk.transport import PromptTransport
from services.risk.worker import STREAMS, Risk, Stream
from services.runtime import faults, health, logs
from services.runtime.broker import HEARTBEAT_MS, SESSION_TIMEOUT_MS, Incoming
from services.runtime.settings import SASL_MECHANISM, KafkaSettings
from services.runtime.watchdog import watch


class _App(faust.App):
    def _new_transport(self) -> PromptTransport:
        return PromptTransport(self.conf.broker_consumer, self)


def make_app(settings: RiskSettings) -> faust.App:
    """The faust application; the settings beside it are those that were measured to lose nothing."""
    log = logs.set_up("risk")
    state = health.Health()
    parts = Parts(settings, log, state)
    risk = Risk(parts)
    health.serve(
        settings.admin_host,
        settings.admin_port,
        state,
        {"/keys": lambda: risk.keys, "/pack": risk.state},
    )
    app = _App(
        "risk",
        broker=[f"kafka://{server}" for server in settings.kafka.bootstrap.split(",")],
        broker_credentials=_credentials(settings.kafka),
        broker_session_timeout=SESSION_TIMEOUT_MS / 1000,
        broker_heartbeat_interval=HEARTBEAT_MS / 1000,
        broker_rebalance_timeout=SESSION_TIMEOUT_MS / 1000,
        broker_commit_interval=1.0,
        broker_max_poll_records=settings.batch,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=True,
        stream_buffer_maxsize=32768,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        autodiscover=False,
        datadir=Path(tempfile.gettempdir()) / "tppo-risk",  # nothing is kept there: no tables
    )
    pumps: list[Pump] = []

    def read(name: str, of: Stream) -> None:
        pump = Pump(parts, of.kinds, getattr(risk, name))
        pumps.append(pump)
        raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}

        @app.agent(app.topic(*of.topics, **raw), concurrency=1, name=name)
        async def body(stream: Any) -> None:
            await risk.start()
            try:
                async for events in stream.take_events(settings.batch, within=settings.within_s):
                    pump.busy = True
                    await pump.take([_incoming(event) for event in events])
                    faults.point(of.fault)
                    pump.busy = False
            except BaseException as error:
                # A body that raises or is cancelled is acked, and its batch lost: end the process, so that it is read again.
                if pump.busy or not app.should_stop:
                    log.error("the loop ended", stream=name, reason=type(error).__name__, exc_info=error)
                    sys.stderr.flush()
                    os._exit(EXIT_UNEXPECTED)
                raise

    for name, of in STREAMS.items():
        read(name, of)

    def ties() -> bool:
        """Whether this worker has the one partition of suspicious links."""
        return any(place.topic == LinkSuspected.TOPIC for place in app.consumer.assignment())

    @app.task
    async def turn() -> None:
        for pump in pumps:
            pump.progress.moved()
            watch(pump.progress, settings.stalled_after_s, log)
        await risk.start()
        rekeying = asyncio.create_task(risk.rekey(ties))
        rekeying.add_done_callback(risk.must_not_end)
        while not app.should_stop:
            state.turned()
            for pump in pumps:
                if not pump.busy:
                    pump.progress.moved()
            state.assigned = bool(app.consumer.assignment())
            await risk.look_at_the_rules()
            await asyncio.sleep(0.5)

    return app


def _credentials(kafka: KafkaSettings) -> faust.auth.Credentials | None:
    """What faust hands to aiokafka; None on a broker without login."""
    context = ssl.create_default_context(cafile=str(kafka.ca_file)) if kafka.ca_file else None
    if kafka.username and kafka.password:
        password = kafka.password.get_secret_value()
        return faust.SASLCredentials(
            username=kafka.username, password=password, ssl_context=context, mechanism=SASL_MECHANISM
        )
    return faust.SSLCredentials(context=context) if context else None


def _incoming(event: Any) -> Incoming:
    message = event.message
    headers = message.headers or {}
    pairs = headers.items() if hasattr(headers, "items") else headers
    return Incoming(message.topic, message.partition, message.offset, message.key, message.value, dict(pairs))


def main() -> None:
    import mode.loop

    mode.loop.use("uvloop")
    app = make_app(RiskSettings.load())
    # Records in hand are many small objects: the usual thresholds scan them over and over (measured: a tenth of the CPU).
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    app.Worker(loglevel="WARN", quiet=True, blocking_timeout=30.0, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
