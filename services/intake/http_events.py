"""POST /events in all three CloudEvents modes, and the state of one event."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from services.contracts import envelope, ids
from services.contracts.envelope import UpstreamEvent
from services.intake import measures
from services.intake.check import Checked, Rejected, check, check_dumped, check_value, parse
from services.intake.problem import Problem, allow
from services.intake.receiver import Receiver
from services.intake.store import VaultStore
from services.runtime.identity import Caller

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
MAX_BATCH_BYTES, MAX_BATCH_EVENTS = 4 * 1024 * 1024, 1000
EXAMPLE = {
    "specversion": "1.0",
    "id": "2026-000123-1",
    "source": "urn:simkim:cilacap",
    "type": "application.submitted",
    "subject": "CLP-2026-000123",
    "time": "2026-11-20T09:15:00+07:00",
    "officecode": "CLP",
    "data": {
        "nik": "3301044507909001",
        "full_name": "Siti Contoh",
        "birth_date": "1990-07-05",
        "application_type": "baru",
        "purpose": "wisata",
    },
}
_ONE = {"schema": UpstreamEvent.model_json_schema(), "example": EXAMPLE}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: _ONE,
            BATCH: {"schema": {"type": "array", "items": _ONE["schema"]}, "example": [EXAMPLE]},
        },
    }
}


async def take_one(receiver: Receiver, checked: Checked | Rejected) -> dict[str, Any]:
    """The answer to one event, or its problem."""
    if isinstance(checked, Rejected):
        _count_rejected(checked)
        raise Problem(checked.status, checked.reason[:2000], checked.faults)
    answer = (await receiver.take([checked]))[0]
    measures.EVENTS.labels("http", answer).inc()
    return {"status": answer, "event_id": checked.event.event_id}


def events_router(
    receiver: Receiver, store: VaultStore, clock: Callable[[], datetime], caller: Callable[..., Awaitable[Caller]]
) -> APIRouter:
    router = APIRouter(tags=["events"])
    Who = Annotated[Caller, Depends(caller)]

    @router.post("/events", status_code=202, openapi_extra=_BODY)
    async def post_events(request: Request, who: Who) -> dict[str, Any]:
        """One event (structured or binary mode) or a batch. 202 means durable: the event need not be sent again."""
        allow(who, "events:write")
        started = time.perf_counter()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await _body(request, MAX_BATCH_BYTES if kind == BATCH else envelope.MAX_EVENT_BYTES)
        try:
            if kind == BATCH:
                return await _take_batch(receiver, body, clock())
            if kind == STRUCTURED:
                return await take_one(receiver, check(body, clock()))
            if "ce-id" in request.headers or "ce-type" in request.headers:
                return await take_one(receiver, _binary(request, body, kind, clock()))
        finally:
            measures.SECONDS.observe(time.perf_counter() - started)
        raise Problem(415, f"send {STRUCTURED}, {BATCH}, or application/json with ce- headers")

    @router.get("/events")
    async def get_event(
        source: Annotated[str, Query(max_length=256)], id: Annotated[str, Query(max_length=256)], who: Who
    ) -> dict[str, Any]:
        """The state of one event: `owed` (accepted, not yet acknowledged by the broker) or `sent`."""
        allow(who, "events:write")
        event_id = ids.event_id(source, id)
        found = await store.state_of(event_id)
        if found is None:
            raise Problem(404, "no such event was accepted")
        return {"event_id": event_id, **found}

    return router


async def _take_batch(receiver: Receiver, body: bytes, now: datetime) -> dict[str, Any]:
    values = parse(body)
    if isinstance(values, Rejected):
        raise Problem(400, values.reason, values.faults)
    if not isinstance(values, list):
        raise Problem(400, "a batch is a JSON array of events")
    if len(values) > MAX_BATCH_EVENTS:
        raise Problem(413, f"a batch has at most {MAX_BATCH_EVENTS} events")
    results = [check_dumped(value, now) for value in values]
    good = [r for r in results if isinstance(r, Checked)]
    answers = await receiver.take(good) if good else []
    rejected = []
    for index, result in enumerate(results):
        if isinstance(result, Rejected):
            _count_rejected(result)
            rejected += [{"index": index, **f.model_dump(exclude_none=True)} for f in result.faults]
    accepted = answers.count("accepted")
    measures.EVENTS.labels("http", "accepted").inc(accepted)
    measures.EVENTS.labels("http", "duplicate").inc(len(answers) - accepted)
    return {"accepted": accepted, "duplicate": len(answers) - accepted, "rejected": rejected}


def _count_rejected(rejected: Rejected) -> None:
    measures.EVENTS.labels("http", "rejected").inc()
    for fault in rejected.faults:
        measures.FAULTS.labels(fault.rule).inc()


def _binary(request: Request, body: bytes, kind: str, now: datetime) -> Checked | Rejected:
    if kind != "application/json":
        raise Problem(415, "binary mode carries application/json")
    attributes: dict[str, Any] = {
        name.removeprefix("ce-"): value for name, value in request.headers.items() if name.startswith("ce-")
    }
    data = parse(body)
    return data if isinstance(data, Rejected) else check_value(attributes | {"data": data}, now)


async def _body(request: Request, limit: int) -> bytes:
    """The body, refused as soon as it grows past the limit."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "send the body without a content encoding")
    size, parts = 0, []
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(413, f"the body may have at most {limit} bytes")
        parts.append(part)
    return b"".join(parts)
