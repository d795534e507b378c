"""What both HTTP doors share: who calls, the store, and one way to save a decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Header, HTTPException

from services.referral import measures
from services.referral.case import Actor, Case, Referral
from services.referral.move import NotAllowed
from services.referral.reveal import Vault
from services.referral.steps import Step
from services.referral.store import CaseStore
from services.referral.tables import Tables
from services.runtime.identity import Caller, Forbidden, Unauthorised, Verifier
from services.runtime.outbox import Conflict


@dataclass(frozen=True)
class Doors:
    """Dependencies of the routes."""

    store: CaseStore
    tables: Tables
    vault: Vault
    verifier: Verifier
    clock: Callable[[], datetime]

    def caller(self, authorization: Annotated[str | None, Header()] = None) -> Caller:
        """Who calls; 401 says which check failed."""
        try:
            return self.verifier.verify(authorization)
        except Unauthorised as error:
            raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from None

    def case(self, case_id: str) -> Case:
        case = self.store.get(case_id)
        if case is None:
            raise HTTPException(404, "no such case")
        return case

    def save(self, decision: Callable[[], Step | None]) -> Step | None:
        """Decide and store; 409 says which rule stands against it, or that somebody else was faster."""
        try:
            step = decision()
            if step is not None:
                self.store.save(step)
                measures.count(step)
            return step
        except NotAllowed as error:
            raise HTTPException(409, str(error)) from None
        except Conflict:
            raise HTTPException(409, "somebody else changed the case in between; read it again") from None


def allow(who: Caller, scope: str) -> None:
    try:
        who.require(scope)
    except Forbidden as error:
        raise HTTPException(403, str(error)) from None


def actor_of(who: Caller) -> Actor:
    return Actor(ref=who.subject, role=str(who.claims.get("role", "")))


_REFERRAL = {
    "referral_id", "referral_ref", "agency_id", "question", "question_id", "question_en", "fields", "state", "deadline", "urgent",
    "round",
}  # fmt: skip


def shown(referral: Referral) -> dict[str, Any]:
    """A referral without anything personal."""
    return referral.model_dump(mode="json", include=_REFERRAL)
