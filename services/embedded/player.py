"""Plays events into the running system: part over HTTP in batches, part through the topic passport-raw."""

import threading
import time
from typing import Any

import httpx
import orjson

from services.embedded.keys import ISSUER
from services.embedded.stack import Stack
from services.runtime.broker import Outgoing, Producer
from services.runtime.identity import Signer

RAW = "passport-raw"
BATCH = 50


def door_of(subject: str) -> str:
    """All events of an application take the same door, so that their order holds; every third one the topic."""
    return "topic" if sum(subject.encode()) % 3 == 0 else "http"


class Player(threading.Thread):
    """A thread; `sent` grows as the system takes over."""

    def __init__(self, stack: Stack, events: list[dict[str, Any]], *, rate: float | None = None) -> None:
        super().__init__(name="player", daemon=True)
        self._stack, self._rate = stack, rate
        self._events = events
        self.total, self.sent = len(self._events), 0
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.sent == self.total

    def must_live(self) -> None:
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        try:
            self._play()
        except Exception as error:  # shown by the main thread
            self.error = error

    def _play(self) -> None:
        keys = self._stack.folder / "keys"
        signer = Signer.from_file(keys / f"{ISSUER}.key.json", ISSUER)
        producer = Producer(self._stack.kafka("passport-system"))
        with httpx.Client(base_url=self._stack.addresses.intake, timeout=30) as http:
            for start in range(0, len(self._events), BATCH):
                part = self._events[start : start + BATCH]
                by_topic = [e for e in part if door_of(str(e.get("subject", ""))) == "topic"]
                by_http = [e for e in part if door_of(str(e.get("subject", ""))) == "http"]
                producer.send_all(Outgoing(RAW, str(e.get("subject", "")).encode(), orjson.dumps(e)) for e in by_topic)
                if by_http:
                    self._post(http, signer, by_http)
                self.sent += len(part)
                if self._rate:
                    time.sleep(len(part) / self._rate)
        producer.close()

    def _post(self, http: httpx.Client, signer: Signer, events: list[dict[str, Any]]) -> None:
        """Until it is answered 202: a 503 or a broken connection promised nothing, so the batch is sent again."""
        deadline = time.monotonic() + 120
        while True:
            headers = {
                "Authorization": f"Bearer {signer.token('simulator', 'tppo-intake', ['events:write'])}",
                "Content-Type": "application/cloudevents-batch+json",
            }
            try:
                answer = http.post("/events", content=orjson.dumps(events), headers=headers)
                if answer.status_code == 202:
                    return
                if answer.status_code not in (429, 503):
                    raise RuntimeError(f"intake answered {answer.status_code}: {answer.text[:300]}")
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError("intake did not take a batch for 120 s")
            time.sleep(0.2)


def with_mistakes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As in life: some events come twice, and some must be refused (an unknown type, a wrong field, no time)."""
    good = next(e for e in events if e["type"] == "application.submitted")
    wrong_field = good | {"id": "bad-field", "data": good["data"] | {"stay_days": "lama"}}
    no_time = {k: v for k, v in good.items() if k != "time"} | {"id": "bad-no-time"}
    return [*events, *events[100:120], good | {"id": "bad-type", "type": "application.unheard"}, wrong_field, no_time]
