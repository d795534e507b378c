"""The HTTP door as a stranger finds it: tokens, limits, hostile bodies, every answer as documented."""

import asyncio
import base64
import gzip
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from pymongo import AsyncMongoClient
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from services.contracts import ids
from services.embedded.keys import ISSUER
from services.intake.store import VaultStore
from services.runtime.identity import Signer
from tests.build import submitted
from tests.stack.conftest import Played

JSON = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture
def door(played: Played) -> Iterator[httpx.Client]:
    with played.client("intake", "events:write") as http:
        yield http


def key(played: Played) -> Any:
    return json.loads((played.stack.folder / "keys" / f"{ISSUER}.key.json").read_text())


def signed(played: Played, **claims: Any) -> str:
    signer = Signer.from_file(played.stack.folder / "keys" / f"{ISSUER}.key.json", ISSUER)
    return signer.token("stranger", "tppo-intake", ["events:write"], **claims)


def forged(played: Played, kind: str) -> str:
    now = int(time.time())
    body = {"iss": ISSUER, "sub": "x", "aud": "tppo-intake", "iat": now, "exp": now + 300, "scope": "events:write"}
    mine = ECKey.import_key(key(played))
    header: dict[str, Any] = {"alg": "ES256", "kid": mine.kid}
    match kind:
        case "expired":
            body["exp"] = now - 3600
        case "other audience":
            body["aud"] = "tppo-notify"
        case "other issuer":
            body["iss"] = "somebody"
        case "no expiry":
            del body["exp"]
        case "swapped key":
            mine = ECKey.generate_key("P-256")
        case "public key as a secret":
            public = orjson.dumps(ECKey.import_key(key(played)).as_dict(private=False))
            return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(public))
        case "alg none":

            def part(value: Any) -> str:
                return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()

            return f"{part({'alg': 'none'})}.{part(body)}."
    return jwt.encode(header, body, mine)


@pytest.mark.parametrize(
    "kind",
    ["expired", "other audience", "other issuer", "no expiry", "swapped key", "public key as a secret", "alg none"],
)
def test_a_token_that_does_not_hold_is_401(played: Played, kind: str) -> None:
    headers = JSON | {"Authorization": f"Bearer {forged(played, kind)}"}
    answer = httpx.post(f"{played.stack.addresses.intake}/events", json=submitted(), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_for_one_office_cannot_send_for_another(played: Played) -> None:
    url = f"{played.stack.addresses.intake}/events"
    mine = {"Authorization": f"Bearer {signed(played, offices='WSB PML')}"}
    refused = httpx.post(url, json=submitted() | {"id": "office-1"}, headers=JSON | mine)
    assert refused.status_code == 403
    assert refused.json()["faults"][0]["path"] == "officecode"
    both = [
        submitted() | {"id": "office-2", "subject": "OFFICE-2", "officecode": "WSB"},
        submitted() | {"id": "office-3"},
    ]
    answer = httpx.post(url, json=both, headers=BATCH | mine).json()
    assert (answer["accepted"], [r["index"] for r in answer["rejected"]]) == (1, [1])
    source = {"Authorization": f"Bearer {signed(played, sources=['urn:other'])}"}
    assert httpx.post(url, json=submitted(), headers=JSON | source).json()["faults"][0]["path"] == "source"


def test_a_bad_event_in_the_middle_of_a_batch_harms_no_other(door: httpx.Client) -> None:
    events = [submitted() | {"id": f"middle-{n}", "subject": f"MIDDLE-{n}"} for n in range(5)]
    events[2] = events[2] | {"data": {"nik": "x"}}
    answer = door.post("/events", json=events, headers=BATCH)
    assert answer.status_code == 202
    found = answer.json()
    assert found["accepted"] == 4
    assert {r["index"] for r in found["rejected"]} == {2}
    assert all(r["reason"] and r["reason_id"] and r["rule"] for r in found["rejected"])


def test_the_same_id_from_two_sources_is_two_events_r38(door: httpx.Client) -> None:
    one = submitted() | {"id": "two-sources", "subject": "TWO-SOURCES"}
    answers = [door.post("/events", json=one | {"source": s}, headers=JSON).json() for s in ("urn:a", "urn:b", "urn:a")]
    assert [a["status"] for a in answers] == ["accepted", "accepted", "duplicate"]
    assert answers[0]["event_id"] == ids.event_id("urn:a", "two-sources")


def test_a_month_old_event_is_taken(door: httpx.Client) -> None:
    old = submitted() | {"id": "old-1", "subject": "OLD-1", "time": "2026-01-05T08:00:00+07:00"}
    assert door.post("/events", json=old, headers=JSON).json()["status"] == "accepted"


def test_the_state_of_an_event_is_told(door: httpx.Client) -> None:
    event = submitted() | {"id": "state-1", "subject": "STATE-1"}
    door.post("/events", json=event, headers=JSON)
    found = door.get("/events", params={"source": event["source"], "id": "state-1"}).json()
    assert found["application_id"] == "STATE-1"
    assert found["state"] in ("owed", "sent")
    assert door.get("/events", params={"source": event["source"], "id": "never"}).status_code == 404


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (gzip.compress(b"[" + b"0," * 10_000_000 + b"0]"), BATCH | {"Content-Encoding": "gzip"}, 415),
        (b"[" + b" " * 10_000_000 + b"]", BATCH, 413),
        (b"x" * 300_000, JSON, 413),
        (b"[" + b"{}," * 1000 + b"{}]", BATCH, 413),
        (b"{}", BATCH, 400),
        (b'{"a":1}', {"Content-Type": "application/json", "ce-id": "x", "ce-type": "application.submitted"}, 400),
        (b"<xml/>", {"Content-Type": "application/xml", "ce-id": "x"}, 415),
    ],
    ids=["plain text", "no type", "gzip bomb", "10 MB", "large event", "1,001 events", "object as batch", "binary without rest", "binary xml"],
)  # fmt: skip
def test_a_hostile_body_gets_a_clear_answer(
    door: httpx.Client, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = door.post("/events", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


@pytest.mark.parametrize("cut", [b"", b'5\r\n{"id"\r\n'], ids=["nothing", "half a chunk"])
def test_a_body_that_ends_in_the_middle_takes_nothing_down(played: Played, door: httpx.Client, cut: bytes) -> None:
    with socket.create_connection(("127.0.0.1", played.stack.port("intake")), timeout=5) as raw:
        raw.sendall(
            b"POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/cloudevents+json\r\n"
            + f"Authorization: {door.headers['Authorization']}\r\n\r\n".encode()
            + cut
        )
    event = submitted() | {"id": f"after-cut-{len(cut)}", "subject": "AFTER-CUT"}
    assert door.post("/events", json=event, headers=JSON).status_code == 202


@pytest.mark.parametrize("name", ["ce-id: a\r\nX-Evil: 1", "ce-subject: a\x00b"], ids=["line break", "nul"])
def test_a_header_with_a_break_is_no_second_header(played: Played, door: httpx.Client, name: str) -> None:
    body = orjson.dumps(submitted()["data"])
    with socket.create_connection(("127.0.0.1", played.stack.port("intake")), timeout=5) as raw:
        raw.sendall(
            f"POST /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: {door.headers['Authorization']}\r\n{name}\r\n\r\n".encode()
            + body
        )
        status = raw.recv(64).split()[1]
    assert status in (b"400", b"422")


def test_who_looks_at_many_people_is_counted(played: Played) -> None:
    """One look at each of three people by one actor, three looks at one by another."""
    subjects = sorted({e["subject"] for e in played.events if e["subject"].startswith("CLP-")})[:3]
    wanted = {"fields": ["app.full_name"], "purpose": "referral", "case_ref": "K-1"}
    with played.client("intake", "vault:reveal") as http:
        for n, subject in enumerate(subjects):
            http.post("/vault/reveal", json=wanted | {"application_id": subject, "actor": "looks-at-many"})
            http.post(
                "/vault/reveal",
                json=wanted | {"application_id": subjects[0], "actor": "looks-at-one", "case_ref": f"K-{n}"},
            )

    async def counted() -> dict[str, int]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(played.stack.addresses.store)
        try:
            return await VaultStore(client["tppo_intake"]).looked_at(datetime.now(UTC) - timedelta(hours=1))
        finally:
            await client.close()

    found = asyncio.run(counted())
    assert (found["looks-at-many"], found["looks-at-one"]) == (3, 1)


# Hypothesis takes it for our doing when a thread of kafka-python asks the global random for its backoff meanwhile.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
def test_schemathesis_finds_no_server_error_and_no_undocumented_answer(played: Played) -> None:
    """Made-up requests to every path of the API page, with a good token that may do everything."""
    scopes = ("events:write", "vault:reveal", "vault:tokens", "vault:groups", "dead-letters")
    with played.client("intake", *scopes) as http:
        headers = {"Authorization": http.headers["Authorization"]}
    schema = schemathesis.openapi.from_url(f"{played.stack.addresses.intake}/openapi.json")
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    tried = 0

    for operation in schema.get_all_operations():

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(operation.ok().as_strategy())  # type: ignore[union-attr]  # an operation that cannot be read raises here
        def each(case: Any) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(headers=headers, checks=checks)

        each()
    assert tried > 100
