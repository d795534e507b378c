"""What a person may ask for, over HTTP: for the officer who handles the letter. Every call is recorded."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends

from services.intake.openapi import LOOK
from services.intake.problem import Problem, allow
from services.intake.subjects import Outcome, SubjectRequest, Subjects
from services.runtime.identity import Caller

T = TypeVar("T")


def subjects_router(subjects: Subjects, caller: Callable[..., Awaitable[Caller]]) -> APIRouter:
    router = APIRouter(tags=["subjects"], prefix="/subjects")
    Who = Annotated[Caller, Depends(caller)]

    @router.post("/export", responses=LOOK)
    async def export(wanted: SubjectRequest, who: Who) -> dict[str, Any]:
        """Everything about one person and who read it: due in 3×24 h (UU 27/2022 Ps 32)."""
        allow(who, "subjects")
        return {"applications": _some(await subjects.export(wanted))}

    @router.post("/restrict", responses=LOOK)
    async def restrict(wanted: SubjectRequest, who: Who) -> dict[str, Any]:
        """Pause the processing, within 3×24 h (Ps 41). Events are still taken in; a threat or a child is still acted on."""
        allow(who, "subjects")
        return _shown(await subjects.restrict(wanted))

    @router.post("/release", responses=LOOK)
    async def release(wanted: SubjectRequest, who: Who) -> dict[str, Any]:
        """End a pause."""
        allow(who, "subjects")
        return _shown(await subjects.release(wanted))

    @router.post("/erase", responses=LOOK)
    async def erase(wanted: SubjectRequest, who: Who) -> dict[str, Any]:
        """Destroy the keys and tell every service (Ps 43). What a case still needs is kept and named, unless the DPO says otherwise."""
        allow(who, "subjects")
        if wanted.despite_retention:
            allow(who, "subjects:dpo")
        return _shown(await subjects.erase(wanted))

    return router


def _shown(outcomes: list[Outcome]) -> dict[str, Any]:
    return {"applications": [{k: v for k, v in asdict(o).items() if v} for o in _some(outcomes)]}


def _some(found: list[T]) -> list[T]:
    if not found:
        raise Problem(404, "no application of this person, or no such application")
    return found
