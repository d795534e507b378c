"""What both HTTP doors share: who calls, the store, and one way to save a decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, Field

from services.referral import measures
from services.referral.case import Actor, Case, Referral
from services.referral.move import NotAllowed
from services.referral.reveal import Vault
from services.referral.steps import Step
from services.referral.store import CaseStore
from services.referral.tables import Tables
from services.runtime.bearer import Bearer
from services.runtime.identity import Caller, Verifier
from services.runtime.outbox import Conflict

TRIES = 10


@dataclass(frozen=True)
class Doors:
    """Dependencies of the routes."""

    store: CaseStore
    tables: Tables
    vault: Vault
    verifier: Verifier
    clock: Callable[[], datetime]

    @property
    def caller(self) -> Bearer:
        return Bearer(self.verifier)

    def case(self, case_id: str) -> Case:
        case = self.store.get(case_id)
        if case is None:
            raise HTTPException(404, "no such case")
        return case

    def step(self, case_id: str, decision: Callable[[Case], Step | None]) -> Step:
        """Decide on the case as it stands and store; when it was written in between, decide again on what it is now.

        409 says which rule stands against it. A decision that changes nothing gives a step without messages.
        """
        for _ in range(TRIES):
            case = self.case(case_id)
            try:
                step = decision(case)
                if step is None:
                    return Step(case)
                self.store.save(step)
            except NotAllowed as error:
                raise HTTPException(409, str(error)) from None
            except Conflict:
                continue
            measures.count(step)
            return step
        raise HTTPException(503, "the case is being written all the time; try again", {"Retry-After": "1"})


def actor_of(who: Caller) -> Actor:
    return Actor(ref=who.subject, role=str(who.claims.get("role", "")))


_REFERRAL = {
    "referral_id", "referral_ref", "agency_id", "question", "question_id", "question_en", "fields", "state", "deadline", "urgent",
    "round",
}  # fmt: skip


def shown(referral: Referral) -> dict[str, Any]:
    """A referral without anything personal."""
    return referral.model_dump(mode="json", include=_REFERRAL)


class Body(BaseModel):
    """What every decision of a person brings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=3, max_length=2000)


def saved(step: Step) -> dict[str, Any]:
    """A case as it stands after a decision."""
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
