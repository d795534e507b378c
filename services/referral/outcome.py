"""What people found out, as risk learns it: one message for an application, one for each member of a ring. Pure."""

from collections.abc import Sequence
from datetime import datetime

from services.contracts.cases import EntityMark, OutcomeRecorded
from services.referral.case import Actor
from services.referral.steps import Step


def record(
    step: Step, outcome_id: str, code: str, confidence: int, actor: Actor, now: datetime, *,
    agency_id: str | None = None, agency_code: str | None = None, marks: Sequence[EntityMark] = (),
) -> None:  # fmt: skip
    """The marks of a ring go with its first member only: they are of the ring, not of each."""
    case = step.case
    for number, application_id in enumerate(case.members or [case.application_id]):
        message = OutcomeRecorded(
            outcome_id=outcome_id if not case.members else f"{outcome_id}/{application_id}", application_id=application_id,
            case_id=case.case_id, ring_id=case.application_id if case.members else None, code=code, agency_code=agency_code,
            agency_id=agency_id, confidence=confidence, marks=list(marks) if number == 0 else [], decided_by_role=actor.role,
            at=now.isoformat(),
        )  # fmt: skip
        step.messages.append((OutcomeRecorded.TOPIC, message))
