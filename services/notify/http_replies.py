"""Replies by SMS: the office's telephone posts what came in, signed; a code counts only from the phone it was sent to."""

import hmac
import re
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
from fastapi import APIRouter, HTTPException, Request

from services.notify import acknowledge, links
from services.notify.alert import Alert, Progress
from services.notify.work import Desk

OLD_S = 300
TRIES_AN_HOUR = 10
MOST_BYTES = 16_384
PHONES = ("sms", "whatsapp")
_CODE = re.compile(r"(?<!\d)(\d{6})(?!\d)")


def replies_router(desk: Desk, secret: bytes | None, wall: Callable[[], float] = time.time) -> APIRouter:
    """The webhook of SMS Gateway for Android: `X-Signature` is the hex of HMAC-SHA-256 over body and `X-Timestamp`."""
    router = APIRouter(tags=["replies"])

    @router.post("/replies/sms")
    async def reply(request: Request) -> dict[str, str]:
        """Acknowledges what the code stands for. The answer says only that it was taken in: who guesses learns nothing."""
        if secret is None:
            raise HTTPException(404, "replies by SMS are not set up")
        body = await request.body()
        stamp = request.headers.get("X-Timestamp", "")
        expected = hmac.new(secret, body + stamp.encode(), sha256).hexdigest()
        if len(body) > MOST_BYTES or not hmac.compare_digest(expected, request.headers.get("X-Signature", "")):
            raise HTTPException(401, "the signature does not hold")
        if not stamp.isdigit() or abs(wall() - int(stamp)) > OLD_S:
            raise HTTPException(401, "the time of the signature is more than five minutes off")
        id_, phone, text = _read(body)
        if phone and desk.store.try_reply(id_, phone, desk.clock(), TRIES_AN_HOUR):
            answered(desk, phone, text)
        return {"status": "taken in"}

    return router


def answered(desk: Desk, phone: str, text: str) -> int:
    """Every alert of a message that went to this phone and whose code stands in the reply; how many."""
    codes, done = set(_CODE.findall(text)), 0
    people = [
        ref
        for ref, p in desk.people.roster.people.items()
        if any(w.channel in PHONES and w.to == phone for w in p.channels)
    ]
    for person in people:
        for alert in desk.store.told_to(person):
            if any(
                _answers(desk, alert, t.key, person, codes) for t in alert.told if t.person == person and not t.over
            ):
                done += desk.change(alert.alert_id, _seen_by(desk, person)) == "done"
    return done


def _seen_by(desk: Desk, person: str) -> Callable[[Alert], Progress | None]:
    return lambda alert: acknowledge.seen(alert, person, "by SMS", desk.clock())


def _answers(desk: Desk, alert: Alert, key: str, person: str, codes: set[str]) -> bool:
    return links.code(desk.secret, key, person) in codes and desk.clock() <= links.expires(alert.deadline)


def _read(body: bytes) -> tuple[str, str, str]:
    try:
        data: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "the body is not JSON") from None
    payload = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(payload, dict) or data.get("event") != "sms:received":
        return "", "", ""
    phone, text = payload.get("phoneNumber") or payload.get("sender"), payload.get("message")
    return str(data.get("id", "")), str(phone or ""), str(text or "")[:500]
