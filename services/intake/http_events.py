"""POST /events in all three CloudEvents modes, and the state of one event."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Query, Request
from starlette.requests import ClientDisconnect

from services.contracts import envelope, ids
from services.intake import measures
from services.intake.check import Checked, Rejected, check, check_dumped, check_value, parse
from services.intake.limits import RateLimit, not_yours
from services.intake.messages import fault
from services.intake.openapi import BATCH, BODY, LOOK, SEND, STRUCTURED
from services.intake.problem import Problem, allow
from services.intake.receiver import Receiver
from services.intake.store import VaultStore
from services.runtime.identity import Caller

ERASED = fault("subject", "erased")
MAX_BATCH_BYTES, MAX_BATCH_EVENTS = 4 * 1024 * 1024, 1000


async def take_one(receiver: Receiver, checked: Checked | Rejected, who: Caller | None = None) -> dict[str, Any]:
    """The answer to one event, or its problem. `who` may send for some offices only."""
    if isinstance(checked, Checked) and who is not None and (denied := not_yours(who, checked.event)):
        checked = Rejected(403, (denied,))
    if isinstance(checked, Rejected):
        measures.count_rejected("http", checked)
        raise Problem(checked.status, checked.reason[:2000], checked.faults)
    answer = (await receiver.take([checked]))[0]
    measures.count_taken("http", [checked], [answer])
    if answer == "erased":
        raise Problem(410, ERASED.reason, (ERASED,))
    return {"status": answer, "event_id": checked.event.event_id}


def events_router(
    receiver: Receiver,
    store: VaultStore,
    clock: Callable[[], datetime],
    caller: Callable[..., Awaitable[Caller]],
    limit: RateLimit,
    body_timeout_s: float,
) -> APIRouter:
    router = APIRouter(tags=["events"])
    Who = Annotated[Caller, Depends(caller)]

    @router.post("/events", status_code=202, openapi_extra=BODY, responses=SEND)
    async def post_events(request: Request, who: Who) -> dict[str, Any]:
        """One event (structured or binary mode) or a batch. 202 means durable: the event need not be sent again.

        A batch is always answered 202 and names the events it refused by their index; the others are taken.
        """
        allow(who, "events:write")
        started = time.perf_counter()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await _body(request, MAX_BATCH_BYTES if kind == BATCH else envelope.MAX_EVENT_BYTES, body_timeout_s)
        try:
            if kind == BATCH:
                return await _take_batch(receiver, body, clock(), who, limit)
            if kind == STRUCTURED:
                _within_rate(limit, who, 1)
                return await take_one(receiver, check(body, clock()), who)
            if "ce-id" in request.headers or "ce-type" in request.headers:
                _within_rate(limit, who, 1)
                return await take_one(receiver, _binary(request, body, kind, clock()), who)
        finally:
            measures.SECONDS.observe(time.perf_counter() - started)
        raise Problem(415, f"send {STRUCTURED}, {BATCH}, or application/json with ce- headers")

    @router.get("/events", responses=LOOK)
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


def _within_rate(limit: RateLimit, who: Caller, events: int) -> None:
    wait = limit.wait(f"{who.issuer}/{who.subject}", events, time.monotonic())
    if wait > 0:
        measures.EVENTS.labels("http", "too_fast").inc(events)
        detail = f"more than {limit.rate:.0f} events a second; nothing was taken, send it again later"
        raise Problem(429, detail, headers={"Retry-After": str(math.ceil(wait))})


async def _take_batch(receiver: Receiver, body: bytes, now: datetime, who: Caller, limit: RateLimit) -> dict[str, Any]:
    values = parse(body)
    if isinstance(values, Rejected):
        raise Problem(400, values.reason, values.faults)
    if not isinstance(values, list):
        raise Problem(400, "a batch is a JSON array of events")
    if len(values) > MAX_BATCH_EVENTS:
        raise Problem(413, f"a batch has at most {MAX_BATCH_EVENTS} events")
    _within_rate(limit, who, len(values))
    results = [_yours(check_dumped(value, now), who) for value in values]
    good = [r for r in results if isinstance(r, Checked)]
    answers = await receiver.take(good)
    rejected = []
    for index, result in enumerate(results):
        if isinstance(result, Rejected):
            measures.count_rejected("http", result)
            rejected += [{"index": index, **f.model_dump(exclude_none=True)} for f in result.faults]
    measures.count_taken("http", good, answers)
    places = [index for index, result in enumerate(results) if isinstance(result, Checked)]
    erased = [index for index, answer in zip(places, answers, strict=True) if answer == "erased"]
    rejected += [{"index": index, **ERASED.model_dump(exclude_none=True)} for index in erased]
    counts = {"accepted": answers.count("accepted"), "duplicate": answers.count("duplicate")}
    return counts | {"rejected": sorted(rejected, key=lambda r: r["index"])}


def _yours(result: Checked | Rejected, who: Caller) -> Checked | Rejected:
    denied = not_yours(who, result.event) if isinstance(result, Checked) else None
    return Rejected(403, (denied,)) if denied else result


def _binary(request: Request, body: bytes, kind: str, now: datetime) -> Checked | Rejected:
    if kind not in ("", "application/json"):  # an absent content type means JSON, as the SDK sends it
        raise Problem(415, "binary mode carries application/json")
    attributes: dict[str, Any] = {
        # the HTTP binding percent-encodes what a header may not hold
        name.removeprefix("ce-"): unquote(value)
        for name, value in request.headers.items()
        if name.startswith("ce-")
    }
    data = parse(body)
    return data if isinstance(data, Rejected) else check_value(attributes | {"data": data}, now)


async def _body(request: Request, limit: int, timeout_s: float) -> bytes:
    """The body, refused as soon as it grows past the limit or drips too long."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "send the body without a content encoding")
    size, parts = 0, []
    try:
        async with asyncio.timeout(timeout_s):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise Problem(413, f"the body may have at most {limit} bytes")
                parts.append(part)
    except TimeoutError:
        raise Problem(408, f"the body did not come within {timeout_s:.0f} s") from None
    except ClientDisconnect:
        raise Problem(400, "the body ended in the middle") from None
    return b"".join(parts)
