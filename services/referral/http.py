"""The HTTP doors: agencies read and answer their referrals, officers read and approve cases."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field

from services.contracts import ids
from services.contracts.referrals import ReferralAnswered
from services.referral import decide, measures
from services.referral.case import ERASED, Actor, Case, Referral, broken_at
from services.referral.reveal import Refused, Unreachable, Vault
from services.referral.steps import Step
from services.referral.store import CaseStore
from services.referral.tables import Tables
from services.runtime.identity import Caller, Forbidden, Unauthorised, Verifier
from services.runtime.outbox import Conflict


class Approval(BaseModel):
    """A supervisor's word."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=3, max_length=2000)
    consent_ref: str | None = Field(None, max_length=64, description="consent record, for community organisations")


class Answer(BaseModel):
    """An agency's word, as on its topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer_id: str = Field(min_length=1, max_length=128)
    status: str
    code: str | None = Field(None, max_length=64)
    answered_by_role: str | None = Field(None, max_length=64)


def make_app(
    *, store: CaseStore, tables: Tables, vault: Vault, verifier: Verifier, clock: Callable[[], datetime]
) -> FastAPI:
    app = FastAPIOffline(title="tppo referral", version="1", description=__doc__)

    def caller(authorization: Annotated[str | None, Header()] = None) -> Caller:
        try:
            return verifier.verify(authorization)
        except Unauthorised as error:
            raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from None

    Who = Annotated[Caller, Depends(caller)]

    def agency_of(who: Caller) -> str:
        agency = str(who.claims.get("agency", ""))
        _allow(who, "agency")
        if agency not in tables.agencies:
            raise HTTPException(403, "the token names no agency of the directory")
        return agency

    def own(referral_id: str, agency: str) -> tuple[Case, Referral]:
        case = store.by_referral(referral_id)
        referral = case.referral(referral_id) if case else None
        # Somebody else's referral looks like none at all.
        if case is None or referral is None or referral.agency_id != agency or referral.state == "planned":
            raise HTTPException(404, "no such referral")
        return case, referral

    @app.get("/agency/referrals", tags=["agency"])
    def list_referrals(
        who: Who, state: Annotated[str, Query()] = "sent", limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> list[dict[str, Any]]:
        """The agency's own referrals: references and deadlines, no personal data."""
        agency = agency_of(who)
        cases = store.find({"referrals": {"$elemMatch": {"agency_id": agency, "state": state}}}, limit)
        return [_shown(r) for c in cases for r in c.referrals if r.agency_id == agency and r.state == state]

    @app.get("/agency/referrals/{referral_id}", tags=["agency"])
    def get_referral(referral_id: str, who: Who) -> dict[str, Any]:
        """One referral with the personal fields of its groups: a logged reveal, refused after withdrawal."""
        agency = agency_of(who)
        case, referral = own(referral_id, agency)
        if referral.state == "withdrawn":
            measures.REVEALS.labels("refused").inc()
            raise HTTPException(410, "the referral was withdrawn")
        store.record_read(case.case_id, f"{agency}/{who.subject}", "referral", clock(), referral.fields)
        try:
            values = vault.reveal(case, referral, f"{agency}/{who.subject}")
        except Refused as error:
            measures.REVEALS.labels("refused").inc()
            raise HTTPException(409, str(error)) from None
        except Unreachable as error:
            measures.REVEALS.labels("unreachable").inc()
            raise HTTPException(503, f"the vault cannot be reached: {error}", {"Retry-After": "5"}) from None
        measures.REVEALS.labels("shown").inc()
        sentences = [{"id": f["sentence_id"], "en": f["sentence_en"]} for f in case.findings]
        return _shown(referral) | {"values": values} | ({"sentences": sentences} if "R6" in referral.fields else {})

    @app.post("/agency/referrals/{referral_id}/answers", status_code=202, tags=["agency"])
    def post_answer(referral_id: str, given: Answer, who: Who) -> dict[str, str]:
        """The same as a message on the agency's answer topic."""
        agency = agency_of(who)
        case, _ = own(referral_id, agency)
        try:
            answered = ReferralAnswered(
                referral_id=referral_id, answered_at=clock().isoformat(), **given.model_dump(exclude_none=True)
            )
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        _save(lambda: decide.answer(case, answered, agency, clock()))
        return {"status": "taken"}

    @app.get("/subjects/{application_id}", tags=["subjects"])
    def get_subject(application_id: str, who: Who) -> dict[str, Any]:
        """What referral has of one application, for the person's own copy: who was asked what, who answered, who read."""
        _allow(who, "subjects")
        case = store.get(ids.case_id(application_id))
        if case is None:
            return {"application_id": application_id, "case": None, "reads": []}
        store.record_read(case.case_id, who.subject, "subject_request", clock(), [])
        shown = case.model_dump(mode="json", exclude={"facts", "inbox", "version"})
        return {"application_id": application_id, "case": shown, "reads": store.reads(case.case_id)}

    @app.get("/cases", tags=["cases"])
    def list_cases(
        who: Who, state: Annotated[str | None, Query()] = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> list[dict[str, Any]]:
        """Newest first; the assessment's sentences instead of a score."""
        _allow(who, "cases:read")
        return [_listed(c) for c in store.find({"state": state or {"$ne": ERASED}}, limit)]

    @app.get("/cases/{case_id}", tags=["cases"])
    def get_case(case_id: str, who: Who) -> dict[str, Any]:
        """One case; the read is recorded."""
        _allow(who, "cases:read")
        case = _known(store.get(case_id))
        if case.state == ERASED:
            raise HTTPException(410, "the case was erased at the person's request")
        store.record_read(case.case_id, who.subject, "case", clock(), [])
        return case.model_dump(mode="json", exclude={"facts", "inbox"}) | {
            "history_intact": broken_at(case.history) is None
        }

    @app.post("/cases/{case_id}/referrals/{referral_id}/approve", tags=["cases"])
    def approve(case_id: str, referral_id: str, given: Approval, who: Who) -> dict[str, Any]:
        """Let a planned referral leave."""
        _allow(who, "cases:approve")
        actor = Actor(ref=who.subject, role=str(who.claims.get("role", "")))
        case = _known(store.get(case_id))
        step = _save(lambda: decide.approve(case, referral_id, actor, given.reason, tables, clock(), given.consent_ref))
        return _listed(step.case if step else case)

    def _save(decision: Callable[[], Step | None]) -> Step | None:
        try:
            step = decision()
            if step is not None:
                store.save(step)
                measures.count(step)
            return step
        except decide.NotAllowed as error:
            raise HTTPException(409, str(error)) from None
        except Conflict:
            raise HTTPException(409, "somebody else changed the case in between; read it again") from None

    return app


def _allow(who: Caller, scope: str) -> None:
    try:
        who.require(scope)
    except Forbidden as error:
        raise HTTPException(403, str(error)) from None


def _known(case: Case | None) -> Case:
    if case is None:
        raise HTTPException(404, "no such case")
    return case


def _shown(referral: Referral) -> dict[str, Any]:
    keys = {
        "referral_id",
        "referral_ref",
        "agency_id",
        "question",
        "question_id",
        "question_en",
        "fields",
        "state",
        "deadline",
        "urgent",
    }
    return referral.model_dump(mode="json", include=keys)


def _listed(case: Case) -> dict[str, Any]:
    shown = case.model_dump(
        mode="json",
        include={"case_id", "case_ref", "office_code", "state", "level", "must_act", "must_review", "opened_at"},
    )
    return shown | {
        "sentences": [f["sentence_id"] for f in case.findings],
        "referrals": [
            r.model_dump(
                mode="json",
                include={"referral_id", "referral_ref", "agency_id", "question", "state", "mode", "owner", "deadline"},
            )
            for r in case.referrals
        ],
    }
