"""The officers' door to cases: list, show, move, the letter of a deferral, consent, and breaking the glass. Every read is recorded."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from services.contracts.cases import Family
from services.referral import consent, glass, letter, move
from services.referral.case import ERASED, Case, Deferral, broken_at
from services.referral.doors import Body, Doors, actor_of, listed, saved
from services.referral.http_agency import reveal
from services.referral.move import NotAllowed
from services.referral.steps import Step
from services.runtime.bearer import allow
from services.runtime.identity import Caller

# Whom an applicant can ask (agencies.md, section 10).
HELP = ("Meja Disnaker / P4MI di kantor ini", "KP2MI 0800-1000", "SAPA 129")


class ConsentGiven(Body):
    """A person agreed; `reason` says how it was asked."""

    agencies: list[str] = Field(min_length=1, max_length=10, description="community organisations of the directory")
    text: str = Field(max_length=40, description="version of the text that was read out")
    given_by: Literal["person", "guardian"] = "person"


class Moving(Body):
    """A move of the case."""

    to: str = Field(max_length=40)
    legal_ref: str | None = Field(None, max_length=200)
    outcome: str | None = Field(None, max_length=40)
    deferral: Deferral | None = None
    family: Family | None = Field(
        None, description="of a deferral or refusal: the family of its reason, for the statistics"
    )
    seen: int | None = Field(
        None, ge=0, description="history entries that were read; newer ones refuse the move and are told"
    )


def router(doors: Doors) -> APIRouter:
    routes = APIRouter()
    Who = Annotated[Caller, Depends(doors.caller)]

    @routes.get("/cases", tags=["cases"])
    def list_cases(
        who: Who, state: Annotated[str | None, Query()] = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> list[dict[str, Any]]:
        """Newest first; the assessment's sentences instead of a score."""
        allow(who, "cases:read")
        return [listed(c) for c in doors.store.find({"state": state or {"$ne": ERASED}}, limit)]

    @routes.get("/cases/{case_id}", tags=["cases"])
    def get_case(case_id: str, who: Who) -> dict[str, Any]:
        """One case, what may be done with it and by whom; the read is recorded."""
        allow(who, "cases:read")
        case = doors.case(case_id)
        if case.state == ERASED:
            raise HTTPException(410, "the case was erased at the person's request")
        doors.store.record_read(case.case_id, who.subject, "case", doors.clock(), [])
        shown = case.model_dump(
            mode="json", exclude={"facts": True, "inbox": True, "referrals": {"__all__": {"entities"}}}
        )
        legal = {to: m.model_dump(mode="json", exclude_none=True) for to, m in move.legal(case, doors.tables).items()}
        return shown | {
            "state_id": doors.tables.states[case.state].title.id, "moves": legal, "contradictions": case.contradictions(),
            "history_intact": broken_at(case.history) is None,
        }  # fmt: skip

    @routes.get("/cases/{case_id}/letter", tags=["cases"], response_class=HTMLResponse)
    def get_deferral_letter(case_id: str, who: Who) -> str:
        """The letter an applicant takes home after a deferral; prints on A4."""
        allow(who, "cases:read")
        case, now = doors.case(case_id), doors.clock()
        entry = next((e for e in reversed(case.history) if e.action == "moved" and e.state == "deferred"), None)
        clock = next((c for c in case.clocks if c.name == "evidence"), None)
        if case.deferral is None or entry is None or clock is None:
            raise HTTPException(404, "the case is not deferred")
        doors.store.record_read(case.case_id, who.subject, "deferral_letter", now, [])
        return letter.deferral(case, entry.legal_ref or "", clock.due_at, doors.tables.office_name, HELP, now)

    @routes.post("/cases/{case_id}/moves", tags=["cases"])
    def move_case(case_id: str, given: Moving, who: Who) -> dict[str, Any]:
        """Move the case, propose a move that a second person confirms, or confirm it."""
        allow(who, "cases:move")
        wish = move.Wish(
            given.to, given.reason, given.legal_ref, given.outcome, given.deferral, given.family, _linked(who)
        )

        def decision(case: Case) -> Step:
            if given.seen is not None and given.seen != len(case.history):
                newer = " | ".join(f"{e.action} by {e.role}: {e.reason}" for e in case.history[given.seen :])
                raise NotAllowed(f"the case changed since you read it: {newer or 'its history is shorter'}")
            return move.move(case, wish, actor_of(who), doors.tables, doors.clock())

        return saved(doors.step(case_id, decision))

    @routes.get("/consent-texts", tags=["consent"])
    def get_consent_texts(who: Who) -> dict[str, Any]:
        """What is read out before somebody agrees, by version; a text that was used is never changed."""
        allow(who, "cases:read")
        return {name: text.model_dump(mode="json") for name, text in doors.tables.consents.items()}

    @routes.post("/cases/{case_id}/consents", status_code=201, tags=["consent"])
    def give_consent(case_id: str, given: ConsentGiven, who: Who) -> dict[str, Any]:
        """Record that the person agreed; the answer holds its `consent_ref`, which an approval names."""
        allow(who, "cases:move")
        step = doors.step(case_id, lambda c: consent.give(
            c, given.agencies, given.text, given.given_by, actor_of(who), doors.tables, doors.clock()
        ))  # fmt: skip
        return saved(step) | {"consent_ref": step.case.consents[-1].consent_ref}

    @routes.post("/cases/{case_id}/consents/{consent_ref}/withdraw", tags=["consent"])
    def withdraw_consent(case_id: str, consent_ref: str, given: Body, who: Who) -> dict[str, Any]:
        """The person changed their mind: every referral that rests on it is taken back."""
        allow(who, "cases:move")
        return saved(doors.step(case_id, lambda c: consent.withdraw(
            c, consent_ref, actor_of(who), given.reason, doors.tables, doors.clock()
        )))  # fmt: skip

    @routes.post("/cases/{case_id}/break-glass", tags=["glass"])
    def break_glass(case_id: str, given: Body, who: Who) -> dict[str, Any]:
        """See the applicant's data for three hours; the reason stays in the history and two supervisors are told."""
        allow(who, "cases:read")
        step = doors.step(case_id, lambda c: glass.break_(
            c, actor_of(who), given.reason, _linked(who), doors.tables, doors.clock()
        ))  # fmt: skip
        return saved(step) | {"until": step.case.glass[-1].until.isoformat()}

    @routes.get("/cases/{case_id}/applicant", tags=["glass"])
    def get_applicant(case_id: str, who: Who) -> dict[str, Any]:
        """Personal data behind a broken glass; each look is recorded here and at the vault."""
        allow(who, "cases:read")
        case, now = doors.case(case_id), doors.clock()
        opened = glass.opened(case, actor_of(who), now)
        if opened is None:
            raise HTTPException(403, "break the glass first: POST /cases/{case_id}/break-glass with a reason")
        doors.store.record_read(case.case_id, who.subject, "break_glass", now, glass.GROUPS)
        values = reveal(doors, case, glass.GROUPS, case.case_ref, who.subject, "break_glass")
        return {"case_id": case_id, "until": opened.until.isoformat(), "values": values}

    return routes


def _linked(who: Caller) -> frozenset[str]:
    """Tokens of the officer's own phones, relatives, firms."""
    return frozenset(str(t) for t in who.claims.get("linked", ()))
