"""Reveal, token exchange, counts by group and dead letters: what opens the vault, each with a record."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from services.contracts.dead_letters import Fault
from services.intake import measures
from services.intake.groups import GroupsRequest, counted
from services.intake.http_events import take_one
from services.intake.openapi import LOOK, SEND, answers
from services.intake.problem import Problem, allow
from services.intake.receiver import Receiver
from services.intake.rejects import RejectStore, ShowRequest
from services.intake.reveal import (
    Erased,
    NewestRequest,
    Restricted,
    RevealRequest,
    TokenRequest,
    exchange,
    newest,
    reveal,
)
from services.intake.store import VaultStore
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey
from services.runtime.identity import Caller


def vault_router(
    receiver: Receiver,
    store: VaultStore,
    rejects: RejectStore,
    master: MasterKey,
    tokens: Tokeniser,
    clock: Callable[[], datetime],
    caller: Callable[..., Awaitable[Caller]],
) -> APIRouter:
    router = APIRouter(tags=["vault"])
    Who = Annotated[Caller, Depends(caller)]

    @router.post("/vault/reveal", responses=LOOK | answers(409, 410))
    async def post_reveal(wanted: RevealRequest, who: Who) -> dict[str, Any]:
        """Clear values of one application, field by field, for a purpose; recorded before anything is answered."""
        allow(who, "vault:reveal")
        try:
            found = await reveal(wanted, store, master, clock())
        except Erased:
            measures.REVEALS.labels("erased").inc()
            raise Problem(410, "the data of this application was erased") from None
        except Restricted:
            measures.REVEALS.labels("restricted").inc()
            raise Problem(409, "processing of this application is restricted (UU 27/2022 Ps 41)") from None
        measures.REVEALS.labels("found" if found is not None else "unknown").inc()
        if found is None:
            raise Problem(404, "no such application")
        return {"application_id": wanted.application_id, "values": found}

    @router.post("/vault/tokens", responses=LOOK)
    async def post_tokens(wanted: TokenRequest, who: Who) -> dict[str, str]:
        """The token of a value that somebody outside gave, before anything is stored."""
        allow(who, "vault:tokens")
        await store.record_access(
            {
                "at": clock(),
                "kind": "token",
                "token_kind": wanted.kind,
                "actor": wanted.actor,
                "purpose": wanted.purpose,
            }
        )
        token = exchange(wanted, tokens)
        if token is None:
            fault = Fault(path="value", rule="normalise", reason=f"cannot be read as {wanted.kind[:40]}")
            raise Problem(422, "the value cannot be tokenised", (fault,))
        return {"token": token}

    @router.post("/vault/tokens/newest", responses=LOOK)
    async def post_newest(wanted: NewestRequest, who: Who) -> dict[str, Any]:
        """Tokens of older key versions as tokens of the newest: how the other services move their records."""
        allow(who, "vault:tokens")
        return {"version": tokens.version, "tokens": newest(wanted, tokens)}

    @router.post("/vault/groups", responses=LOOK)
    async def post_groups(wanted: GroupsRequest, who: Who) -> dict[str, Any]:
        """How applications divide by sex, age and marital status, and how many of each group were flagged: counts of 30 or more."""
        allow(who, "vault:groups")
        record = {"at": clock(), "kind": "groups", "actor": wanted.actor, "purpose": wanted.purpose}
        await store.record_access(record | {"applications": len(wanted.applications)})
        return await counted(wanted, store.documents(sorted(set(wanted.applications))), master)

    @router.post("/dead-letters/{reference}/show", responses=LOOK)
    async def show(reference: str, wanted: ShowRequest, who: Who) -> dict[str, Any]:
        """A refused topic event as it came in; recorded before it is answered."""
        allow(who, "dead-letters")
        return await _known(reference, wanted)

    @router.post("/dead-letters/{reference}/replay", status_code=202, responses=LOOK | SEND)
    async def replay(reference: str, wanted: ShowRequest, who: Who) -> dict[str, Any]:
        """Try a refused topic event again, with today's rules or with a corrected `event`."""
        allow(who, "dead-letters")
        return await take_one(receiver, rejects.check_again(await _known(reference, wanted), wanted, clock()))

    async def _known(reference: str, wanted: ShowRequest) -> dict[str, Any]:
        found = await rejects.show(reference, wanted, clock())
        if found is None:
            raise Problem(404, "no such dead letter, or its 14 days have passed")
        return found

    return router
