"""The HTTP door: POST /events in all three CloudEvents modes, the state of one event, reveal, token exchange, dead letters."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from starlette.responses import Response

from services.contracts import envelope, ids
from services.contracts.dead_letters import Fault
from services.intake import measures
from services.intake.check import Checked, Rejected, check, check_value, parse, reject
from services.intake.receiver import Receiver
from services.intake.rejects import RejectStore, ShowRequest
from services.intake.reveal import RevealRequest, TokenRequest, exchange, reveal
from services.intake.store import VaultStore
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey
from services.runtime.failures import AWAY
from services.runtime.identity import Caller, Forbidden, Unauthorised, Verifier

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
MAX_BATCH_BYTES, MAX_BATCH_EVENTS = 4 * 1024 * 1024, 1000
RETRY_AFTER_S = "2"

_TITLES = {
    400: "Not a CloudEvent",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    413: "Too large",
    415: "Unknown content type",
    422: "Fields are wrong",
    503: "Try again later",
}


class Problem(Exception):
    """An answer as RFC 9457."""

    def __init__(self, status: int, detail: str, faults: tuple[Fault, ...] = (), headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.status, self.detail, self.faults, self.headers = status, detail, faults, headers or {}

    def response(self) -> JSONResponse:
        body: dict[str, Any] = {"type": "about:blank", "title": _TITLES.get(self.status, ""), "status": self.status}
        body["detail"] = self.detail
        if self.faults:
            body["faults"] = [f.model_dump() for f in self.faults]
        return JSONResponse(body, self.status, self.headers, media_type="application/problem+json")


def make_app(
    *,
    receiver: Receiver,
    store: VaultStore,
    rejects: RejectStore,
    master: MasterKey,
    tokens: Tokeniser,
    verifier: Verifier,
    clock: Callable[[], datetime],
) -> FastAPI:
    """The application; everything it needs comes in here."""
    app = FastAPIOffline(
        title="tppo intake", version="1", description=__doc__, openapi_tags=[{"name": "events"}, {"name": "vault"}]
    )

    @app.exception_handler(Problem)
    async def _problem(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.middleware("http")
    async def _away(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            return await call(request)
        except AWAY as error:
            measures.EVENTS.labels("http", "away").inc()
            detail = f"broker or store cannot be reached ({type(error).__name__}); nothing was accepted, send it again"
            return Problem(503, detail, headers={"Retry-After": RETRY_AFTER_S}).response()

    def caller(authorization: Annotated[str | None, Header()] = None) -> Caller:
        try:
            return verifier.verify(authorization)
        except Unauthorised as error:
            raise Problem(401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None

    def allowed(who: Caller, scope: str) -> None:
        try:
            who.require(scope)
        except Forbidden as error:
            raise Problem(403, str(error)) from None

    Who = Annotated[Caller, Depends(caller)]

    @app.get("/", include_in_schema=False)
    async def _root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.post("/events", status_code=202, tags=["events"])
    async def post_events(request: Request, who: Who) -> dict[str, Any]:
        """One event (structured or binary mode) or a batch. 202 means durable: the event need not be sent again."""
        allowed(who, "events:write")
        started = time.perf_counter()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await _body(request, MAX_BATCH_BYTES if kind == BATCH else envelope.MAX_EVENT_BYTES)
        try:
            if kind == BATCH:
                return await _take_batch(body)
            if kind == STRUCTURED:
                return await _take_one(check(body, clock()))
            if "ce-id" in request.headers or "ce-type" in request.headers:
                return await _take_one(_binary(request, body, kind, clock()))
        finally:
            measures.SECONDS.observe(time.perf_counter() - started)
        raise Problem(415, f"send {STRUCTURED}, {BATCH}, or application/json with ce- headers")

    async def _take_one(checked: Checked | Rejected) -> dict[str, Any]:
        if isinstance(checked, Rejected):
            _count_rejected(checked)
            raise Problem(checked.status, checked.reason[:2000], checked.faults)
        answer = (await receiver.take([checked]))[0]
        measures.EVENTS.labels("http", answer).inc()
        return {"status": answer, "event_id": checked.event.event_id}

    async def _take_batch(body: bytes) -> dict[str, Any]:
        values = parse(body)
        if isinstance(values, Rejected):
            raise Problem(400, values.reason, values.faults)
        if not isinstance(values, list):
            raise Problem(400, "a batch is a JSON array of events")
        if len(values) > MAX_BATCH_EVENTS:
            raise Problem(413, f"a batch has at most {MAX_BATCH_EVENTS} events")
        now = clock()
        results = [_within(value, now) for value in values]
        good = [r for r in results if isinstance(r, Checked)]
        answers = await receiver.take(good) if good else []
        rejected = []
        for index, result in enumerate(results):
            if isinstance(result, Rejected):
                _count_rejected(result)
                rejected += [
                    {"index": index, "path": f.path, "rule": f.rule, "reason": f.reason} for f in result.faults
                ]
        accepted = answers.count("accepted")
        measures.EVENTS.labels("http", "accepted").inc(accepted)
        measures.EVENTS.labels("http", "duplicate").inc(len(answers) - accepted)
        return {"accepted": accepted, "duplicate": len(answers) - accepted, "rejected": rejected}

    @app.get("/events", tags=["events"])
    async def get_event(
        source: Annotated[str, Query(max_length=256)], id: Annotated[str, Query(max_length=256)], who: Who
    ) -> dict[str, Any]:
        """The state of one event: `owed` (accepted, not yet acknowledged by the broker) or `sent`."""
        allowed(who, "events:write")
        event_id = ids.event_id(source, id)
        found = await store.state_of(event_id)
        if found is None:
            raise Problem(404, "no such event was accepted")
        return {"event_id": event_id, **found}

    @app.post("/vault/reveal", tags=["vault"])
    async def post_reveal(wanted: RevealRequest, who: Who) -> dict[str, Any]:
        """Clear values of one application, field by field, for a purpose; recorded before anything is answered."""
        allowed(who, "vault:reveal")
        found = await reveal(wanted, store, master, clock())
        measures.REVEALS.labels("found" if found is not None else "unknown").inc()
        if found is None:
            raise Problem(404, "no such application")
        return {"application_id": wanted.application_id, "values": found}

    @app.post("/vault/tokens", tags=["vault"])
    async def post_tokens(wanted: TokenRequest, who: Who) -> dict[str, str]:
        """The token of a value that somebody outside gave, before anything is stored."""
        allowed(who, "vault:tokens")
        token = exchange(wanted, tokens)
        await store.record_access(
            {
                "at": clock(),
                "kind": "token",
                "token_kind": wanted.kind,
                "actor": wanted.actor,
                "purpose": wanted.purpose,
            }
        )
        if token is None:
            fault = Fault(path="value", rule="normalise", reason=f"cannot be read as {wanted.kind}")
            raise Problem(422, "the value cannot be tokenised", (fault,))
        return {"token": token}

    @app.post("/dead-letters/{reference}/show", tags=["vault"])
    async def show(reference: str, wanted: ShowRequest, who: Who) -> dict[str, Any]:
        """A refused topic event as it came in; recorded before it is answered."""
        allowed(who, "dead-letters")
        found = await rejects.show(reference, wanted, clock())
        if found is None:
            raise Problem(404, "no such dead letter, or its 14 days have passed")
        return found

    @app.post("/dead-letters/{reference}/replay", status_code=202, tags=["vault"])
    async def replay(reference: str, wanted: ShowRequest, who: Who) -> dict[str, Any]:
        """Try a refused topic event again, with today's rules or with a corrected `event`."""
        allowed(who, "dead-letters")
        found = await rejects.show(reference, wanted, clock())
        if found is None:
            raise Problem(404, "no such dead letter, or its 14 days have passed")
        return await _take_one(rejects.check_again(found, wanted, clock()))

    return app


def _within(value: Any, now: datetime) -> Checked | Rejected:
    if len(orjson.dumps(value)) > envelope.MAX_EVENT_BYTES:
        return reject(413, "", "event_size", f"an event has at most {envelope.MAX_EVENT_BYTES} bytes")
    return check_value(value, now)


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
