"""The API of notify: acknowledge, take, hand over; inbox; silences; drills; what became of an alert."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid5

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.contracts import ids
from services.notify import acknowledge, deliver
from services.notify.acknowledge import NotPossible
from services.notify.alert import Alert, Progress
from services.notify.http_links import links_router
from services.notify.http_replies import replies_router
from services.notify.silence import Silence
from services.notify.work import Desk
from services.runtime.bearer import Bearer, allow
from services.runtime.identity import Caller, Verifier


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HandOver(_Strict):
    """To whom."""

    to: str = Field(pattern=r"^[a-z0-9-]{3,64}$", description="reference of a person of the roster")


class NewSilence(_Strict):
    """What is not told, until when, and why."""

    to: str = Field(description="agency or role, e.g. disnaker-3301; may hold *")
    ref: str = Field("*", description="reference of a referral or case; may hold *")
    until: datetime
    reason: str


class NewDrill(_Strict):
    """Which part of the roster."""

    name: str = Field(pattern=r"^[a-z0-9-]{3,12}$", description="short name; the same name again sends nothing twice")
    target: str = Field("*", description="agency; * is everybody")


def make_api(desk: Desk, verifier: Verifier, reply_secret: bytes | None) -> FastAPI:
    app: FastAPI = FastAPIOffline(title="tppo notify", version="1", description=__doc__)

    caller = Bearer(verifier)
    app.include_router(_alerts(desk, caller))
    app.include_router(_silences(desk, caller))
    app.include_router(_drills(desk, caller))
    app.include_router(links_router(desk))
    app.include_router(replies_router(desk, reply_secret))
    return app


def _alerts(desk: Desk, caller: Bearer) -> APIRouter:
    router = APIRouter(tags=["alerts"])
    Who = Annotated[Caller, Depends(caller)]

    @router.get("/alerts")
    def open_alerts(who: Who, to: str | None = None, state: str = "open", limit: int = 100) -> list[dict[str, Any]]:
        """Alerts of a state, of one target if it is named."""
        allow(who, "alerts:read")
        wanted = {"state": state} | ({"to": to} if to else {})
        return [shown(a) for a in desk.store.find(min(limit, 500), **wanted)]

    @router.get("/alerts/{alert_id}")
    def one(alert_id: str, who: Who) -> dict[str, Any]:
        """What was planned, sent, received, acknowledged and escalated, and why."""
        allow(who, "alerts:read")
        return shown(_known(desk, alert_id))

    @router.get("/inbox")
    def inbox(who: Who) -> list[dict[str, Any]]:
        """What the caller was told and is not over: reference, deadline, whether somebody has seen or taken it."""
        allow(who, "alerts:ack")
        return [shown(a) for a in desk.store.told_to(who.subject) if a.state != "settled"]

    @router.post("/alerts/{alert_id}/seen", status_code=202)
    def seen(alert_id: str, who: Who) -> dict[str, str]:
        """A person has really seen it: nobody else is told. Not the agency's answer to the referral."""
        allow(who, "alerts:ack")
        return _changed(desk, alert_id, lambda a: acknowledge.seen(a, who.subject, "at the desk", desk.clock()))

    @router.post("/alerts/{alert_id}/take", status_code=202)
    def take(alert_id: str, who: Who) -> dict[str, str]:
        """I take care of it. 409 when somebody else does."""
        allow(who, "alerts:ack")
        return _changed(desk, alert_id, lambda a: acknowledge.taken(a, who.subject, "at the desk", desk.clock()))

    @router.post("/alerts/{alert_id}/hand-over", status_code=202)
    def hand_over(alert_id: str, wanted: HandOver, who: Who) -> dict[str, str]:
        """To another person, who is told at once. 409 says why that cannot be."""
        allow(who, "alerts:ack")
        now = desk.clock()
        return _changed(
            desk, alert_id, lambda a: acknowledge.hand_over(a, who.subject, wanted.to, desk.look([a], now), now)
        )

    return router


def _silences(desk: Desk, caller: Bearer) -> APIRouter:
    router = APIRouter(tags=["silences"])
    Who = Annotated[Caller, Depends(caller)]

    @router.get("/silences")
    def silences(who: Who) -> dict[str, Silence]:
        allow(who, "alerts:read")
        return desk.store.silences(desk.clock())

    @router.post("/silences", status_code=201)
    def silence(wanted: NewSilence, who: Who) -> dict[str, str]:
        """From now on. Alerts on which a life depends are told all the same."""
        allow(who, "alerts:silence")
        now = desk.clock()
        try:
            made = Silence(
                to=wanted.to, ref=wanted.ref, start=now, end=wanted.until, author=who.subject, reason=wanted.reason
            )
        except ValidationError as error:
            raise HTTPException(
                422, "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}".strip(": ") for e in error.errors())
            ) from None
        except TypeError:
            raise HTTPException(422, "until: needs an offset, e.g. 2026-12-01T08:00:00+07:00") from None
        id_ = str(uuid5(ids.NAMESPACE, f"silence/{made.model_dump_json()}"))
        desk.store.put_silence(id_, made)
        return {"silence_id": id_}

    @router.delete("/silences/{silence_id}")
    def end(silence_id: str, who: Who) -> dict[str, str]:
        """What it held is told at once."""
        allow(who, "alerts:silence")
        if not desk.store.end_silence(silence_id, desk.clock()):
            raise HTTPException(404, "no such silence")
        return {"status": "ended"}

    return router


def _drills(desk: Desk, caller: Bearer) -> APIRouter:
    router = APIRouter(tags=["drills"])
    Who = Annotated[Caller, Depends(caller)]

    @router.post("/drills", status_code=202)
    def drill(wanted: NewDrill, who: Who) -> dict[str, Any]:
        """A marked test through every channel of every person; who was tested under this name is not tested again."""
        allow(who, "alerts:drill")
        roster = desk.people.roster
        if wanted.target != "*" and wanted.target not in roster.targets:
            raise HTTPException(404, f"no target {wanted.target} in the roster")
        names = [wanted.target] if wanted.target != "*" else list(roster.targets)
        people = sorted(
            {
                ref
                for name in names
                for role in roster.targets[name].roles
                for ref in roster.holders(name, role, desk.clock())
            }
        )
        steps = [
            deliver.drill(wanted.name, ref, number, roster, desk.clock())
            for ref in people
            for number in range(len(roster.people[ref].channels))
        ]
        known = desk.store.save_all(steps)
        return {"people": len(people), "messages": len(steps) - len(known), "known": len(known)}

    @router.get("/drills/{name}")
    def report(name: str, who: Who) -> list[dict[str, Any]]:
        """Each person and channel: sent or why not, and whether they acknowledged."""
        allow(who, "alerts:read")
        found = desk.store.find(5000, drill=name)
        if not found:
            raise HTTPException(404, "no such drill")
        return sorted((drilled(a) for a in found), key=lambda d: (d["person"], d["channel"]))

    return router


def shown(alert: Alert) -> dict[str, Any]:
    """An alert without addresses of people and without tokens."""
    keep = {"alert_id", "to", "ref", "deadline", "severity", "step", "state", "due_at", "held", "round", "person", "seen_by", "seen_at", "taken_by", "requested_at"}  # fmt: skip
    found = alert.model_dump(mode="json", include=keep)
    return found | {
        "chain": alert.chain.name,
        "history": [e.model_dump(mode="json", exclude_none=True) for e in alert.history],
    }


def drilled(alert: Alert) -> dict[str, Any]:
    last = next((e for e in reversed(alert.history) if e.channel), alert.history[0])
    state = (
        "acknowledged"
        if alert.seen_at
        else {"sent": "sent, not acknowledged", "planned": "waits"}.get(last.status, "failed")
    )
    return {
        "person": alert.to, "channel": last.channel or (alert.history[0].reason or "").rpartition(" ")[2], "state": state,
        "seen_at": alert.seen_at.isoformat() if alert.seen_at else None, "reason": last.reason if state == "failed" else None,
    }  # fmt: skip


def _known(desk: Desk, alert_id: str) -> Alert:
    alert = desk.store.get(alert_id)
    if alert is None:
        raise HTTPException(404, "no such alert")
    return alert


def _changed(desk: Desk, alert_id: str, how: Callable[[Alert], Progress | None]) -> dict[str, str]:
    try:
        outcome = desk.change(alert_id, how)
    except NotPossible as error:
        raise HTTPException(409, str(error)) from None
    if outcome == "unknown":
        raise HTTPException(404, "no such alert")
    alert = _known(desk, alert_id)
    return {"status": alert.state, "seen_by": alert.seen_by or "", "taken_by": alert.taken_by or ""}
