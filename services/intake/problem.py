"""Answers as RFC 9457, and who may call."""

from typing import Any

from fastapi.responses import JSONResponse

from services.contracts.dead_letters import Fault
from services.runtime.identity import Caller, Forbidden

_TITLES = {
    400: "Not a CloudEvent",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    408: "Too slow",
    409: "Restricted",
    410: "Erased",
    413: "Too large",
    415: "Unknown content type",
    422: "Fields are wrong",
    429: "Too fast",
    500: "A fault of ours",
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


def allow(who: Caller, scope: str) -> None:
    """403 when the token lacks the scope."""
    try:
        who.require(scope)
    except Forbidden as error:
        raise Problem(403, str(error)) from None
