"""The HTTP door of intake: the application, its two groups of paths, and what an absent broker or store answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_offline import FastAPIOffline

from services.intake import measures
from services.intake.asyncapi_page import asyncapi_router
from services.intake.http_events import events_router
from services.intake.http_subjects import subjects_router
from services.intake.http_vault import vault_router
from services.intake.limits import RateLimit
from services.intake.messages import of_pydantic
from services.intake.problem import Problem
from services.intake.receiver import Busy, Receiver
from services.intake.rejects import RejectStore
from services.intake.store import VaultStore
from services.intake.subjects import Subjects
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey
from services.runtime.away import AWAY
from services.runtime.identity import Caller, Unauthorised, Verifier

RETRY_AFTER_S = "2"
BEARER = HTTPBearer(
    auto_error=False, description="a JWT; `tppo token intake --scope events:write` in the embedded mode"
)


def make_app(
    *,
    receiver: Receiver,
    store: VaultStore,
    rejects: RejectStore,
    master: MasterKey,
    tokens: Tokeniser,
    subjects: Subjects,
    verifier: Verifier,
    clock: Callable[[], datetime],
    limit: RateLimit,
    body_timeout_s: float,
    log: structlog.typing.FilteringBoundLogger,
) -> FastAPI:
    """The application; everything it needs comes in here."""
    app = FastAPIOffline(title="tppo intake", version="1", description="The only door for personal data.")

    @app.exception_handler(Problem)
    async def _problem(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = tuple(of_pydantic(e | {"loc": e["loc"][1:]}, "") for e in error.errors())
        return Problem(422, "the request is not as this path asks", faults).response()

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected", path=request.url.path, reason=type(error).__name__, exc_info=error)
        return Problem(500, "a fault of ours; it is in the log, and nothing was accepted").response()

    async def _away(_: Request, error: Exception) -> JSONResponse:
        measures.EVENTS.labels("http", "away").inc()
        why = str(error) if isinstance(error, Busy) else f"broker or store cannot be reached ({type(error).__name__})"
        detail = f"{why}; nothing was accepted, send it again"
        return Problem(503, detail, headers={"Retry-After": RETRY_AFTER_S}).response()

    for kind in AWAY:  # a narrower handler than the one above wins
        app.add_exception_handler(kind, _away)

    async def caller(given: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]) -> Caller:
        try:
            return verifier.verify(f"{given.scheme} {given.credentials}" if given else None)
        except Unauthorised as error:
            raise Problem(401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None

    @app.get("/", include_in_schema=False)
    async def _root() -> RedirectResponse:
        return RedirectResponse("/docs")

    app.include_router(events_router(receiver, store, clock, caller, limit, body_timeout_s))
    app.include_router(vault_router(receiver, store, rejects, master, tokens, clock, caller))
    app.include_router(subjects_router(subjects, caller))
    app.include_router(asyncapi_router())
    return app
