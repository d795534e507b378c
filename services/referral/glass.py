"""Breaking the glass: an officer looks at personal data beyond his task, for a reason, for three hours, and two supervisors are told. Pure.

The reads are recorded like any other; who opened it, why, and until when stands in the history of the case (privacy-and-safety.md, 4).
"""

from datetime import datetime

from services.referral import clock
from services.referral.case import ERASED, Actor, Case, Glass
from services.referral.deadline import Deadline
from services.referral.move import NotAllowed, must_be_free, must_have_role
from services.referral.steps import Step
from services.referral.tables import Tables

OPENERS = ("officer", "case_officer", "supervisor", "kakanim")
OPEN_FOR = Deadline(hours=3)
GROUPS = ["R1", "R2", "R3", "R4", "R5"]


def break_(case: Case, actor: Actor, reason: str, linked: frozenset[str], tables: Tables, now: datetime) -> Step:
    """Open the personal data of one case to one officer. The alerts to the two supervisors stay until they have acknowledged."""
    must_have_role(actor, OPENERS)
    if case.state == ERASED or case.members:
        raise NotAllowed("there are no personal data of one applicant behind this case")
    must_be_free(case, linked)
    if opened(case, actor, now) is not None:
        raise NotAllowed("it is open for you already")
    step = Step(case.model_copy(deep=True), sentence="open for three hours; two supervisors are told")
    until = OPEN_FOR.after(now)
    step.case.glass.append(Glass(by=actor.ref, role=actor.role, reason=reason.strip(), at=now, until=until))
    clock.begin(step, "glass", f"{case.case_id} glass {len(step.case.glass)}", OPEN_FOR, now, tables.clocks)
    step.log(now, "glass_broken", actor, f"until {until:%Y-%m-%d %H:%M} UTC: {reason.strip()}")
    return step


def opened(case: Case, actor: Actor, now: datetime) -> Glass | None:
    """What is open for this officer now."""
    return next((g for g in case.glass if g.by == actor.ref and g.at <= now < g.until), None)
