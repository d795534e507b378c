"""What the API page shows of `POST /events`: an example of every event type that can be tried, and every answer."""

from pathlib import Path
from typing import Any

import orjson

import services.contracts as contracts
from services.contracts.envelope import UpstreamEvent

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_EXAMPLES = Path(contracts.__file__).parent / "examples" / "passport-raw" / "v1"


def _examples() -> dict[str, Any]:
    """By event type; the published ones, so that what the page shows is what the tests hold."""
    found = {}
    for file in sorted(_EXAMPLES.glob("*.full.json")):
        event = orjson.loads(file.read_bytes())
        found[event["type"]] = {"summary": event["type"], "value": event}
    return found


_ONE = UpstreamEvent.model_json_schema()
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: {"schema": _ONE, "examples": _examples()},
            BATCH: {
                "schema": {"type": "array", "items": _ONE, "maxItems": 1000},
                "examples": {"two events": {"value": [e["value"] for e in list(_examples().values())[:2]]}},
            },
            "application/json": {"schema": {"type": "object", "description": "binary mode: `data`, with ce- headers"}},
        },
    }
}
_WHY = {
    400: "not JSON, or not a CloudEvent",
    401: "no token, or one that does not hold",
    403: "the token lacks the scope, the office or the source",
    404: "not known",
    408: "the body did not come in time",
    409: "processing is restricted at the person's request (UU 27/2022 Ps 41)",
    410: "erased; nothing of this application is taken or shown any more",
    413: "event, batch or body too large",
    415: "unknown content type or content encoding",
    422: "fields are wrong; every fault at once, with its path",
    429: "too many events a second; `Retry-After` says when",
    503: "broker or store away, or too much waits; nothing was taken; `Retry-After`",
}
_PROBLEM = {"application/problem+json": {"schema": {"type": "object", "required": ["status", "detail"]}}}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a path may answer beside its good answer, as RFC 9457."""
    return {status: {"description": _WHY[status], "content": _PROBLEM} for status in statuses}


SEND = answers(400, 401, 403, 408, 410, 413, 415, 422, 429, 503)
LOOK = answers(400, 401, 403, 404, 422, 503)
