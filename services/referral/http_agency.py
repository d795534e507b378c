"""The agencies' door: an agency sees its own referrals and answers them. Somebody else's looks like none at all."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.referrals import AnswerRefused, AnswerStatus, ReferralAnswered
from services.referral import answer, decide, entities, measures
from services.referral.case import Case, Referral, ReferralState
from services.referral.doors import Doors, shown
from services.referral.move import NotAllowed
from services.referral.reveal import Refused, Unreachable, of_case
from services.referral.steps import Step
from services.referral.store import Asked
from services.runtime.bearer import allow
from services.runtime.identity import Caller

# A step is written a little after its time was read: what is younger than this may still be joined by something older.
SETTLES = timedelta(seconds=1)
LOOK_EVERY_S = 0.5


class NewEntity(BaseModel):
    """Somebody the agency found who is not in the referral; the value goes through intake and is stored as a token only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(pattern="^(agent|sponsor|recruiter|lpk|host_phone|escort|collector|manning_agent)$")
    phone: str = Field(min_length=5, max_length=32)


class Answer(BaseModel):
    """An agency's word, as on its topic."""

    model_config = ConfigDict(
        extra="forbid", frozen=True,
        json_schema_extra={"examples": [
            {"answer_id": "2026-11-20-001", "status": "acknowledged"},
            {"answer_id": "2026-11-23-007", "status": "final", "code": "recruiter_confirmed", "marks": ["E1"], "answered_by_role": "kanit_ppa"},
        ]},
    )  # fmt: skip

    answer_id: str = Field(min_length=1, max_length=128)
    status: AnswerStatus
    code: str | None = Field(None, max_length=64)
    marks: list[str] = Field(default=[], max_length=20)
    entities: list[NewEntity] = Field(default=[], max_length=20)
    wants: list[str] | None = Field(None, max_length=10)
    evidence_ref: str | None = Field(None, max_length=200)
    answered_by_role: str | None = Field(None, max_length=64)


class HoldRelease(BaseModel):
    """Why nothing threatens the person any more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=3, max_length=2000)


def router(doors: Doors) -> APIRouter:
    routes = APIRouter(prefix="/agency", tags=["agency"])

    def agency(who: Annotated[Caller, Depends(doors.caller)]) -> tuple[Caller, str]:
        allow(who, "agency")
        found = str(who.claims.get("agency", ""))
        if found not in doors.tables.agencies:
            raise HTTPException(403, "the token names no agency of the directory")
        return who, found

    Own = Annotated[tuple[Caller, str], Depends(agency)]

    @routes.get("/referrals")
    async def list_referrals(
        own: Own, state: Annotated[ReferralState, Query()] = "sent",
        after: Annotated[str | None, Query(description="`after` of the last answer: only what changed since")] = None,
        wait: Annotated[float, Query(ge=0, le=30, description="seconds to wait until there is something")] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:  # fmt: skip
        """The agency's own referrals, oldest change first: references and deadlines, no personal data."""
        place, deadline = _place(after), doors.clock() + timedelta(seconds=wait)
        while True:
            until = doors.clock() - SETTLES
            cases = await run_in_threadpool(doors.store.asked, own[1], state, place, until, limit)
            if cases or doors.clock() >= deadline:
                break
            place = place and (until, "")  # nothing stands before it
            await asyncio.sleep(LOOK_EVERY_S)
        found = [shown(r) for c in cases for r in c.referrals]
        return {"referrals": found, "after": _cursor(cases[-1]) if cases else after}

    @routes.get("/referrals/{referral_id}")
    def get_referral(referral_id: str, own: Own) -> dict[str, Any]:
        """One referral with the personal fields of its groups: a logged reveal, refused after withdrawal."""
        who, agency_id = own
        case, referral = _own(doors, referral_id, agency_id)
        if referral.retracted or referral.state == "withdrawn":
            measures.REVEALS.labels("refused").inc()
            raise HTTPException(410, "the referral was withdrawn")
        reader = f"{agency_id}/{who.subject}"
        doors.store.record_read(case.case_id, reader, "referral", doors.clock(), referral.fields)
        values = referral_values(doors, case, referral, reader)
        sentences = [{"id": f["sentence_id"], "en": f["sentence_en"]} for f in case.findings]
        return (
            shown(referral)
            | {"values": values, "entities": entities.shown(referral), "codes": _codes(doors, agency_id)}
            | ({"sentences": sentences} if "R6" in referral.fields else {})
        )

    @routes.post("/referrals/{referral_id}/answers", status_code=202)
    def post_answer(referral_id: str, given: Answer, own: Own) -> dict[str, str]:
        """The same as a message on the agency's answer topic; the same `answer_id` twice is taken once."""
        case, _ = _own(doors, referral_id, own[1])
        return take(doors, case.case_id, referral_id, own[1], given)

    @routes.post("/referrals/{referral_id}/release-hold")
    def release_hold(referral_id: str, given: HoldRelease, own: Own) -> dict[str, str]:
        """Police or UPTD PPA: the person is safe, the case may be closed when it is done."""
        case, _ = _own(doors, referral_id, own[1])
        doors.step(case.case_id, lambda c: decide.release_hold(c, own[1], given.reason, doors.tables, doors.clock()))
        return {"status": "released"}

    return routes


def take(
    doors: Doors, case_id: str, referral_id: str, agency_id: str, given: Answer, *, by: Any = None
) -> dict[str, str]:
    """Take an answer in, by whichever door it came; a refused one is recorded and changes nothing."""
    now = doors.clock()
    body = given.model_dump(exclude_none=True, exclude={"entities"})
    answered = ReferralAnswered(referral_id=referral_id, answered_at=now.isoformat(), **body)
    try:
        tokens = [(e.kind, doors.vault.token("phone", e.phone, agency_id)) for e in given.entities]
    except Unreachable as error:
        raise HTTPException(503, f"the vault cannot be reached: {error}", {"Retry-After": "5"}) from None
    except ValueError as error:
        raise HTTPException(422, f"entities: {error}") from None

    def decision(case: Case) -> Step | None:
        named = case.model_copy(deep=True)
        referral = named.referral(referral_id)
        refs = [entities.add(referral.entities, kind, token) for kind, token in tokens] if referral else []
        word = answered.model_copy(update={"marks": [*answered.marks, *refs]})
        try:
            return answer.answer(named, word, agency_id, doors.tables, now, by=by)
        except NotAllowed as error:
            refused = AnswerRefused(
                answer_id=given.answer_id, referral_id=referral_id, reason=str(error), at=now.isoformat()
            )  # fmt: skip
            doors.store.refuse(refused, agency_id, tell=False)
            raise

    return {"status": "taken" if doors.step(case_id, decision).messages else "known"}


def _codes(doors: Doors, agency_id: str) -> list[str]:
    return answer.codes(doors.tables, doors.tables.agencies[agency_id].role)


def _own(doors: Doors, referral_id: str, agency_id: str) -> tuple[Case, Referral]:
    case = doors.store.by_referral(referral_id)
    referral = case.referral(referral_id) if case else None
    if case is None or referral is None or referral.agency_id != agency_id or referral.sent_at is None:
        raise HTTPException(404, "no such referral")
    return case, referral


def reveal(doors: Doors, case: Case, groups: list[str], ref: str, reader: str, purpose: str) -> dict[str, Any]:
    """Clear values of field groups, with the reader's name in the record; HTTP errors say why not."""
    try:
        values = doors.vault.reveal(case, groups, ref, reader, purpose)
    except Refused as error:
        measures.REVEALS.labels("refused").inc()
        raise HTTPException(409, str(error)) from None
    except Unreachable as error:
        measures.REVEALS.labels("unreachable").inc()
        raise HTTPException(503, f"the vault cannot be reached: {error}", {"Retry-After": "5"}) from None
    measures.REVEALS.labels("shown").inc()
    return values


def referral_values(doors: Doors, case: Case, referral: Referral, reader: str) -> dict[str, Any]:
    """Everything that the groups of a referral show."""
    of_vault = reveal(doors, case, referral.fields, referral.referral_ref, reader, "referral")
    return of_vault | of_case(case, referral)


def _cursor(last: Asked) -> str:
    return f"{last.touched_at.astimezone(UTC).isoformat()}~{last.case_id}"


def _place(after: str | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    at, tilde, case_id = after.partition("~")
    try:
        if not tilde:
            raise ValueError
        return datetime.fromisoformat(at), case_id
    except ValueError:
        raise HTTPException(422, "after is not a place that this door gave") from None
