"""route: an assessment opens or updates a case, and the rules say which question goes to which agency.

Pure: no clock, no store, no broker. Only must-act and look-up questions leave without a person (R65).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from services.contracts import ids
from services.contracts.assessments import RiskAssessed
from services.referral import clock, entities
from services.referral.case import ERASED, SYSTEM, Case, short_ref
from services.referral.place import kabupaten
from services.referral.send import plan, send
from services.referral.steps import Step
from services.referral.tables import Route, Tables
from services.runtime import conditions

# A case that nobody closed keeps the clear data as long as the largest block of a passport lasts (privacy-and-safety.md, 2).
OPEN_CASE = timedelta(days=731)
SECTIONS = ("app", "int", "person", "duk", "doc", "calc", "svc", "lic", "chk", "col", "bio", "adj", "net")


QUESTIONS = 5


def needs_case(assessed: RiskAssessed) -> bool:
    """A case is made by the first assessment at level 2 or more, must-review or must-act (R66)."""
    return assessed.level >= 2 or assessed.must_act or assessed.must_review


def route(assessed: RiskAssessed, case: Case | None, tables: Tables, now: datetime) -> Step | None:
    """None when nothing is to be done: an assessment that is known or older changes nothing."""
    if case is None and not needs_case(assessed):
        return None
    if case is not None and (case.state == ERASED or not _newer(assessed, case)):
        return None
    if case is None:
        step = _flag(assessed, tables, now)
    else:
        step = Step(case.model_copy(deep=True))
        _update(step, assessed, tables, now)
        if tables.states[step.case.state].closed:
            return step  # nothing leaves a closed case; only a person opens it again
    _notice(step, assessed, tables, now)
    if assessed.level == 3 or assessed.must_act or assessed.must_review:
        for rule in fired(assessed, tables.routes):
            _refer(step, rule, assessed, tables, now)
    return step


def _newer(assessed: RiskAssessed, case: Case) -> bool:
    """Versions decide, not ids. A worker that died after it had sent, before it had stored, may be followed by one that takes the
    same causes in another order: then another assessment bears the version of a lost one, and one that is known comes back with more."""
    if assessed.record_version != case.record_version:
        return assessed.record_version > case.record_version
    return assessed.assessment_id != case.assessment_id


def fired(assessed: RiskAssessed, routes: Iterable[Route]) -> list[Route]:
    """Rules whose condition says yes; unknown is not yes."""
    context = conditions.context(variables(assessed))
    return [rule for rule in routes if conditions.answer(rule.program, context) == "yes"]


def variables(assessed: RiskAssessed) -> dict[str, Any]:
    """What conditions of routes may read."""
    found: dict[str, Any] = {section: assessed.facts.get(section, {}) for section in SECTIONS}
    found |= {
        "level": assessed.level,
        "must_act": assessed.must_act,
        "must_review": assessed.must_review,
        "findings": [f.id for f in assessed.findings],
        "domicile_kab": kabupaten(assessed.facts, "domicile") or "",
    }
    return found


def _flag(assessed: RiskAssessed, tables: Tables, now: datetime) -> Step:
    case_id = ids.case_id(assessed.application_id)
    case = Case(
        case_id=case_id,
        case_ref=short_ref("K", case_id),
        application_id=assessed.application_id,
        office_code=assessed.office_code,
        opened_at=now,
        **_state(assessed),
    )
    case.safety_hold = assessed.must_act
    step = Step(case, sentence="a new case")
    step.log(now, "flagged", SYSTEM, "; ".join(assessed.reasons), caused_by=assessed.assessment_id)
    step.keep(now + OPEN_CASE, "open_case")
    _watch(step, tables, now)
    return step


def _update(step: Step, assessed: RiskAssessed, tables: Tables, now: datetime) -> None:
    case, before = step.case, (step.case.level, step.case.must_act)
    for name, value in _state(assessed).items():
        setattr(case, name, value)
    step.sentence = "the case follows the newer assessment"
    if (case.level, case.must_act) != before:
        step.log(now, "updated", SYSTEM, "; ".join(assessed.reasons), caused_by=assessed.assessment_id)
    rises = (case.level, case.must_act) > before
    if rises and tables.states[case.state].closed:
        rule = tables.clocks["news"]
        wait = rule.wait(case.must_act)
        if wait and not any(c.name == "news" for c in case.clocks):
            clock.begin(step, "news", case.case_id, wait, now, tables.clocks, urgent=case.must_act)
    elif rises:
        case.safety_hold = case.safety_hold or (case.must_act and not before[1])
        if case.state == "flagged" and (case.level == 3 or case.must_act):
            clock.end(step, case.case_id, "updated", now, "desk", *(("open",) if case.must_act else ()))
            _watch(step, tables, now)


def _watch(step: Step, tables: Tables, now: datetime) -> None:
    """A flagged case waits for the desk; at level 3 and must-act for a supervisor, who is told at once."""
    case = step.case
    state = tables.states["case_opened" if case.level == 3 or case.must_act else case.state]
    if state.clock is not None and not any(c.name == state.clock.name for c in case.clocks):
        wait = state.clock.wait(case.must_act)
        clock.begin(step, state.clock.name, case.case_id, wait, now, tables.clocks, urgent=case.must_act)


def _notice(step: Step, assessed: RiskAssessed, tables: Tables, now: datetime) -> None:
    """Something only a supervisor can act on, once: a passport that is out already."""
    for notice in assessed.notices or ():
        rule = tables.clocks.get(notice)
        if notice not in step.case.notices and rule is not None and rule.deadline is not None:
            step.case.notices.append(notice)
            step.log(now, "updated", SYSTEM, f"notice: {notice}", caused_by=assessed.assessment_id)
            clock.begin(step, notice, step.case.case_id, rule.deadline, now, tables.clocks)


def _state(assessed: RiskAssessed) -> dict[str, Any]:
    return {
        "level": assessed.level,
        "must_act": assessed.must_act,
        "must_review": assessed.must_review,
        "assessment_id": assessed.assessment_id,
        "record_version": assessed.record_version,
        "findings": [
            {"id": f.id, "sentence_id": f.title_id, "sentence_en": f.title_en, "clears_id": f.clears_id}
            for f in assessed.findings
        ],
        "questions": [q.text_id for q in assessed.questions[:QUESTIONS]],
        "facts": {k: v for k, v in assessed.facts.items() if k in SECTIONS},
    }


def _refer(step: Step, rule: Route, assessed: RiskAssessed, tables: Tables, now: datetime) -> None:
    """Plan the referral once; one that waited for approval leaves when a later assessment makes it mandated."""
    place = kabupaten(assessed.facts, rule.territory)
    agency = tables.agency_for(rule, place)
    waiting = step.case.referral(ids.referral_id(step.case.case_id, agency.agency_id, rule.code))
    if waiting is None:
        plan(step, rule, agency, place, now, tables, caused_by=assessed.assessment_id)
    elif (
        (waiting.state, waiting.mode) == ("planned", "on_approval")
        and rule.mode == "automatic"
        and agency.role == rule.role
    ):
        waiting.mode, waiting.route, waiting.fields, waiting.urgent = "automatic", rule.name, rule.fields, rule.urgent
        waiting.consent_needed = rule.consent
        waiting.entities = entities.named(step.case.facts, rule.fields, waiting.entities)
        send(step, waiting, rule.deadline, SYSTEM, now, tables, assessed.assessment_id)
