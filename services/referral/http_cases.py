"""The officers' door: cases, their moves, their referrals, and the interview desk. Every read is recorded."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from services.contracts import ids
from services.referral import answer, decide, desk, letter, move
from services.referral.case import ERASED, Actor, Case, Deferral, broken_at
from services.referral.doors import Doors, actor_of
from services.referral.http_agency import Answer, reveal, take
from services.referral.move import NotAllowed
from services.referral.steps import Step
from services.runtime.bearer import allow
from services.runtime.identity import Caller

# Whom an applicant can ask (agencies.md, section 10).
HELP = ("Meja Disnaker / P4MI di kantor ini", "KP2MI 0800-1000", "SAPA 129")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=3, max_length=2000)


class Approval(_Body):
    """A supervisor's word."""

    consent_ref: str | None = Field(None, max_length=64, description="consent record, for community organisations")


class ByHand(_Body):
    """A question that a person wants to ask."""

    question: str = Field(max_length=40, description="name of a rule in routes.yaml")


class Again(_Body):
    """A new round of a question."""

    agency_id: str | None = Field(None, max_length=40, description="another agency of the same role")


class Release(_Body):
    """Field groups that an agency may see beside those it has."""

    groups: list[str] = Field(max_length=10)


class Confirmation(_Body):
    """What the answer means."""

    code: str | None = Field(None, max_length=40, description="common outcome; absent: a fact without one")
    confidence: int = Field(2, ge=1, le=3)


class Moving(_Body):
    """A move of the case."""

    to: str = Field(max_length=40)
    legal_ref: str | None = Field(None, max_length=200)
    outcome: str | None = Field(None, max_length=40)
    deferral: Deferral | None = None
    seen: int | None = Field(
        None, ge=0, description="history entries that were read; newer ones refuse the move and are told"
    )


def router(doors: Doors) -> APIRouter:
    routes = APIRouter()
    Who = Annotated[Caller, Depends(doors.caller)]

    @routes.get("/applications/{application_id}/assessment", tags=["desk"])
    def get_assessment(application_id: str, who: Who) -> dict[str, Any]:
        """For the interview: signs in plain words and what to ask first; level 0 when nothing calls for a deeper talk."""
        allow(who, "desk")
        doors.store.record_read(ids.case_id(application_id), who.subject, "interview", doors.clock(), [])
        return doors.store.at_desk(application_id) or desk.routine(application_id)

    @routes.get("/subjects/{application_id}", tags=["subjects"])
    def get_subject(application_id: str, who: Who) -> dict[str, Any]:
        """What referral has of one application, for the person's own copy: who was asked what, who answered, who read."""
        allow(who, "subjects")
        case = doors.store.get(ids.case_id(application_id))
        if case is None:
            return {"application_id": application_id, "case": None, "reads": []}
        doors.store.record_read(case.case_id, who.subject, "subject_request", doors.clock(), [])
        shown = case.model_dump(mode="json", exclude={"facts", "inbox", "version"})
        return {"application_id": application_id, "case": shown, "reads": doors.store.reads(case.case_id)}

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

    @routes.get("/cases/{case_id}/referrals/{referral_id}/letter", tags=["referrals"], response_class=HTMLResponse)
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
        values, codes = reveal(doors, case, referral, who.subject), answer.codes(doors.tables, agency.role)
        return letter.referral(case, referral, values, codes, agency.name, doors.tables.office_name, now)

    @routes.get("/audit/histories", tags=["audit"])
    def get_histories(
        who: Who, after: Annotated[str, Query()] = "", limit: Annotated[int, Query(ge=1, le=500)] = 200
    ) -> list[dict[str, Any]]:
        """Histories in order of case ids, for `tppo audit verify`: whoever reads them can prove them."""
        allow(who, "audit")
        cases = doors.store.page(after, limit)
        return [
            {
                "case_id": c.case_id,
                "history": [e.model_dump(mode="json") for e in c.history],
                "erased": c.state == ERASED,
            }
            for c in cases
        ]

    @routes.post("/cases/{case_id}/moves", tags=["cases"])
    def move_case(case_id: str, given: Moving, who: Who) -> dict[str, Any]:
        """Move the case, propose a move that a second person confirms, or confirm it."""
        allow(who, "cases:move")
        linked = frozenset(str(t) for t in who.claims.get("linked", ()))
        wish = move.Wish(given.to, given.reason, given.legal_ref, given.outcome, given.deferral, linked)

        def decision(case: Case) -> Step:
            if given.seen is not None and given.seen != len(case.history):
                newer = " | ".join(f"{e.action} by {e.role}: {e.reason}" for e in case.history[given.seen :])
                raise NotAllowed(f"the case changed since you read it: {newer or 'its history is shorter'}")
            return move.move(case, wish, actor_of(who), doors.tables, doors.clock())

        return _saved(doors.step(case_id, decision))

    @routes.post("/cases/{case_id}/referrals", status_code=201, tags=["referrals"])
    def refer(case_id: str, given: ByHand, who: Who) -> dict[str, Any]:
        """Ask a question that no rule asked; it waits for a supervisor."""
        allow(who, "cases:move")
        actor, tables = actor_of(who), doors.tables
        return _saved(
            doors.step(case_id, lambda c: decide.refer(c, given.question, actor, given.reason, tables, doors.clock()))
        )

    @routes.post("/cases/{case_id}/referrals/{referral_id}/approve", tags=["referrals"])
    def approve(case_id: str, referral_id: str, given: Approval, who: Who) -> dict[str, Any]:
        """Let a planned referral leave."""
        return decided(case_id, who, lambda c, a, n: decide.approve(
            c, referral_id, a, given.reason, doors.tables, n, given.consent_ref
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/refuse", tags=["referrals"])
    def refuse(case_id: str, referral_id: str, given: _Body, who: Who) -> dict[str, Any]:
        """Do not let it leave, or take it back: consent withdrawn, sent in error."""
        return decided(case_id, who, lambda c, a, n: decide.refuse(c, referral_id, a, given.reason, doors.tables, n))

    @routes.post("/cases/{case_id}/referrals/{referral_id}/ask-again", tags=["referrals"])
    def ask_again(case_id: str, referral_id: str, given: Again, who: Who) -> dict[str, Any]:
        """A new round to the same agency, or to another one of its kind."""
        return decided(case_id, who, lambda c, a, n: decide.ask_again(
            c, referral_id, given.agency_id, a, given.reason, doors.tables, n
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/fields", tags=["referrals"])
    def release_fields(case_id: str, referral_id: str, given: Release, who: Who) -> dict[str, Any]:
        """Decide on what an agency asked for beside its groups; its clock goes on."""
        return decided(case_id, who, lambda c, a, n: decide.release_fields(
            c, referral_id, given.groups, a, given.reason, doors.tables, n
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/outcome", tags=["referrals"])
    def confirm(case_id: str, referral_id: str, given: Confirmation, who: Who) -> dict[str, Any]:
        """Confirm what an answer proposes, or put another outcome."""
        return decided(case_id, who, lambda c, a, n: decide.confirm(
            c, referral_id, given.code, given.confidence, a, given.reason, doors.tables, n
        ))  # fmt: skip

    @routes.post("/cases/{case_id}/referrals/{referral_id}/paper-answers", status_code=202, tags=["referrals"])
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
        return _saved(doors.step(case_id, lambda case: decision(case, actor_of(who), doors.clock())))

    return routes


def _saved(step: Step) -> dict[str, Any]:
    return listed(step.case) | {"sentence": step.sentence}


def listed(case: Case) -> dict[str, Any]:
    """A case in a list."""
    keys = {
        "case_id",
        "case_ref",
        "office_code",
        "state",
        "level",
        "must_act",
        "must_review",
        "opened_at",
        "safety_hold",
    }
    of_referral = {
        "referral_id",
        "referral_ref",
        "agency_id",
        "question",
        "state",
        "mode",
        "owner",
        "deadline",
        "proposed",
    }
    return case.model_dump(mode="json", include=keys) | {
        "sentences": [f["sentence_id"] for f in case.findings],
        "proposal": case.proposal.to if case.proposal else None,
        "referrals": [r.model_dump(mode="json", include=of_referral) for r in case.referrals],
    }
