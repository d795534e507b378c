"""The doors of the interview desk, of a person's own copy, and of whoever proves the histories. Every read is recorded."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from services.contracts import ids
from services.referral import desk
from services.referral.case import ERASED
from services.referral.doors import Doors
from services.runtime.bearer import allow
from services.runtime.identity import Caller


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

    return routes
