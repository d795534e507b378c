"""The officers' door to referrals: ask, approve, refuse, ask again, release fields, confirm, and what came on paper."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse
from pydantic import Field

from services.referral import answer, decide, letter
from services.referral.case import Actor, Case
from services.referral.doors import Body, Doors, actor_of, saved
from services.referral.http_agency import Answer, referral_values, take
from services.referral.steps import Step
from services.runtime.bearer import allow
from services.runtime.identity import Caller


class Approval(Body):
    """A supervisor's word."""

    consent_ref: str | None = Field(None, max_length=64, description="consent record, for community organisations")


class ByHand(Body):
    """A question that a person wants to ask."""

    question: str = Field(max_length=40, description="name of a rule in routes.yaml")


class Again(Body):
    """A new round of a question."""

    agency_id: str | None = Field(None, max_length=40, description="another agency of the same role")


class Release(Body):
    """Field groups that an agency may see beside those it has."""

    groups: list[str] = Field(max_length=10)


class Confirmation(Body):
    """What the answer means."""

    code: str | None = Field(None, max_length=40, description="common outcome; absent: a fact without one")
    confidence: int = Field(2, ge=1, le=3)


def router(doors: Doors) -> APIRouter:
    routes = APIRouter(tags=["referrals"])
    Who = Annotated[Caller, Depends(doors.caller)]

    @routes.post("/cases/{case_id}/referrals", status_code=201)
    def refer(case_id: str, given: ByHand, who: Who) -> dict[str, Any]:
        """Ask a question that no rule asked; it waits for a supervisor."""
        allow(who, "cases:move")
        actor, tables = actor_of(who), doors.tables
        return saved(
            doors.step(case_id, lambda c: decide.refer(c, given.question, actor, given.reason, tables, doors.clock()))
        )

    @routes.post("/cases/{case_id}/referrals/{referral_id}/approve")
    def approve(case_id: str, referral_id: str, given: Approval, who: Who) -> dict[str, Any]:
        """Let a planned referral leave."""
        return decided(case_id, who, lambda c, a, n: decide.approve(
            c, referral_id, a, given.reason, doors.tables, n, given.consent_ref
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/refuse")
    def refuse(case_id: str, referral_id: str, given: Body, who: Who) -> dict[str, Any]:
        """Do not let it leave, or take it back: consent withdrawn, sent in error."""
        return decided(case_id, who, lambda c, a, n: decide.refuse(c, referral_id, a, given.reason, doors.tables, n))

    @routes.post("/cases/{case_id}/referrals/{referral_id}/ask-again")
    def ask_again(case_id: str, referral_id: str, given: Again, who: Who) -> dict[str, Any]:
        """A new round to the same agency, or to another one of its kind."""
        return decided(case_id, who, lambda c, a, n: decide.ask_again(
            c, referral_id, given.agency_id, a, given.reason, doors.tables, n
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/fields")
    def release_fields(case_id: str, referral_id: str, given: Release, who: Who) -> dict[str, Any]:
        """Decide on what an agency asked for beside its groups; its clock goes on."""
        return decided(case_id, who, lambda c, a, n: decide.release_fields(
            c, referral_id, given.groups, a, given.reason, doors.tables, n
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/outcome")
    def confirm(case_id: str, referral_id: str, given: Confirmation, who: Who) -> dict[str, Any]:
        """Confirm what an answer proposes, or put another outcome."""
        return decided(case_id, who, lambda c, a, n: decide.confirm(
            c, referral_id, given.code, given.confidence, a, given.reason, doors.tables, n
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/paper-answers", status_code=202)
    def paper_answer(case_id: str, referral_id: str, given: Answer, who: Who) -> dict[str, str]:
        """Enter what an agency answered by letter or telephone; the history names who entered it."""
        allow(who, "cases:move")
        case = doors.case(case_id)
        referral = case.referral(referral_id)
        if referral is None:
            raise HTTPException(404, "no such referral")
        return take(doors, case_id, referral_id, referral.agency_id, given, by=actor_of(who))

    def decided(case_id: str, who: Caller, decision: Callable[[Case, Actor, datetime], Step]) -> dict[str, Any]:
        allow(who, "cases:approve")
        return saved(doors.step(case_id, lambda case: decision(case, actor_of(who), doors.clock())))

    @routes.get("/cases/{case_id}/referrals/{referral_id}/letter", response_class=HTMLResponse)
    def get_referral_letter(case_id: str, referral_id: str, who: Who) -> str:
        """A referral on paper, for an agency that has no computer: a logged reveal like any other."""
        allow(who, "cases:move")
        case = doors.case(case_id)
        referral = case.referral(referral_id)
        if referral is None or referral.sent_at is None:
            raise HTTPException(404, "no such referral, or it has not left")
        if referral.retracted:
            raise HTTPException(410, "the referral was withdrawn")
        agency, now = doors.tables.agencies[referral.agency_id], doors.clock()
        doors.store.record_read(case.case_id, who.subject, "referral_letter", now, referral.fields)
        values, codes = referral_values(doors, case, referral, who.subject), answer.codes(doors.tables, agency.role)
        return letter.referral(case, referral, values, codes, agency.name, doors.tables.office_name, now)

    return routes
