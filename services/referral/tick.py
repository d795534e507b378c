"""What time does to a case: clocks take their steps, what nobody answered ends, urgent questions are asked again. Pure."""

from datetime import datetime

from services.referral import clock, move, send
from services.referral.case import SYSTEM, Case, Referral
from services.referral.steps import Step
from services.referral.tables import Tables


def tick(case: Case, tables: Tables, now: datetime) -> Step | None:
    """Take the steps of clocks that are due; None when none is. What nobody answered ends, urgent questions are asked again."""
    step = Step(case.model_copy(deep=True), sentence="a clock moved")
    taken = clock.take_due(step, now, tables.clocks)
    for running, name in taken:
        referral = step.case.referral(running.about)
        where = {"referral_id": referral.referral_id, "agency_id": referral.agency_id} if referral else {}
        step.log(now, "clock", SYSTEM, f"{running.name}: {name}", **where)
        if name == "expire" and referral is not None:
            _expire(step, referral, tables, now)
    if taken:
        move.follow(step, tables, now)
    return step if taken else None


def _expire(step: Step, referral: Referral, tables: Tables, now: datetime) -> None:
    referral.state, referral.owner = "expired", send.supervisor(step.case)
    clock.end(step, referral.referral_id, "expired", now)
    step.log(
        now, "referral_expired", SYSTEM, f"no answer on route {referral.route}", referral_id=referral.referral_id,
        agency_id=referral.agency_id,
    )  # fmt: skip
    rule = tables.route(referral.route)
    if referral.urgent and rule is not None:
        agency = tables.agencies[referral.agency_id]
        send.plan(
            step, rule, agency, referral.territory, now, tables, caused_by=referral.referral_id,
            round_=send.next_round(step.case, rule.code, agency), automatic=True, why="urgent and not answered: asked again",
        )  # fmt: skip
