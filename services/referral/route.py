"""route: an assessment opens or updates a case, and the rules say which question goes to which agency.

Pure: no clock, no store, no broker. Only must-act and look-up questions leave without a person (R65).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from services.contracts import ids
from services.contracts.assessments import RiskAssessed
from services.referral.case import ERASED, SYSTEM, Case, Referral, short_ref
from services.referral.steps import Step
from services.referral.tables import Route, Tables
from services.runtime import conditions

APPROVE_MUST_ACT = timedelta(minutes=15)
# A case that nobody closed keeps the clear data as long as the largest block of a passport lasts (privacy-and-safety.md, 2).
OPEN_CASE = timedelta(days=731)
APPROVE_OTHERS = timedelta(hours=2)
SECTIONS = ("app", "int", "person", "duk", "doc", "calc", "svc", "lic", "chk", "bio", "adj")


def needs_case(assessed: RiskAssessed) -> bool:
    """A case is made by the first assessment at level 2 or more, must-review or must-act (R66)."""
    return assessed.level >= 2 or assessed.must_act or assessed.must_review


def route(assessed: RiskAssessed, case: Case | None, tables: Tables, now: datetime) -> Step | None:
    """None when nothing is to be done; a known assessment changes nothing."""
    if case is None and not needs_case(assessed):
        return None
    if case is not None and (case.state == ERASED or assessed.assessment_id in case.inbox):
        return None
    if case is None:
        step = _flag(assessed, now)
    else:
        step = Step(case.model_copy(deep=True))
        step.case.inbox.append(assessed.assessment_id)
        if assessed.record_version <= step.case.record_version:
            step.sentence = "an older assessment; the case keeps the newer one"
            return step
        _update(step, assessed, now)
    if assessed.level == 3 or assessed.must_act or assessed.must_review:
        for rule in fired(assessed, tables.routes):
            _refer(step, rule, assessed, tables, now)
    return step


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


def kabupaten(facts: dict[str, Any], territory: str) -> str | None:
    """Four digits: where the person lives, or where the registry has them; the NIK's as a last resort (section 1)."""
    domicile = facts.get("app", {}).get("domicile_desa_code")
    registry = facts.get("duk", {}).get("domicile_desa_code")
    first, second = (registry, domicile) if territory == "registry" else (domicile, registry)
    found = first or (None if territory == "registry" else second) or facts.get("person", {}).get("nik_kab")
    return str(found)[:4] if found else None


def _flag(assessed: RiskAssessed, now: datetime) -> Step:
    case_id = ids.case_id(assessed.application_id)
    case = Case(
        case_id=case_id,
        case_ref=short_ref("K", case_id),
        application_id=assessed.application_id,
        office_code=assessed.office_code,
        opened_at=now,
        **_state(assessed),
    )
    case.inbox.append(assessed.assessment_id)
    step = Step(case, sentence="a new case")
    step.log(now, "flagged", SYSTEM, "; ".join(assessed.reasons), caused_by=assessed.assessment_id)
    step.keep(now + OPEN_CASE, "open_case")
    if assessed.level == 3 or assessed.must_act:
        _ask_supervisor(step, now)
    return step


def _update(step: Step, assessed: RiskAssessed, now: datetime) -> None:
    case, before = step.case, (step.case.level, step.case.must_act)
    for name, value in _state(assessed).items():
        setattr(case, name, value)
    step.sentence = "the case follows the newer assessment"
    if (case.level, case.must_act) != before:
        step.log(now, "updated", SYSTEM, "; ".join(assessed.reasons), caused_by=assessed.assessment_id)
    if (case.level == 3 or case.must_act) and before[0] < 3 and not before[1]:
        _ask_supervisor(step, now)


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
        "facts": {k: v for k, v in assessed.facts.items() if k in SECTIONS},
    }


def _ask_supervisor(step: Step, now: datetime) -> None:
    case = step.case
    wait = APPROVE_MUST_ACT if case.must_act else APPROVE_OTHERS
    step.alert(
        case.case_id, f"kanim-{case.office_code.lower()}:supervisor", case.case_ref, now + wait, case.must_act, now
    )


def _refer(step: Step, rule: Route, assessed: RiskAssessed, tables: Tables, now: datetime) -> None:
    """Plan the referral once; send it at once when nobody has to approve."""
    case = step.case
    place = None if rule.territory == "any" else kabupaten(assessed.facts, rule.territory)
    agency = tables.first(rule.role) if rule.territory == "any" else tables.find(rule.role, place)
    resolved = agency.role == rule.role
    referral_id = ids.referral_id(case.case_id, agency.agency_id, rule.code)
    automatic = rule.mode == "automatic" and resolved
    waiting = case.referral(referral_id)
    if waiting is not None:
        if automatic and waiting.state == "planned" and waiting.mode == "on_approval":
            _no_longer_waits(step, waiting, rule, assessed, now)
        return
    referral = Referral(
        referral_id=referral_id,
        referral_ref=short_ref("R", referral_id),
        agency_id=agency.agency_id,
        territory=place,
        question=rule.code,
        question_id=rule.question.id,
        question_en=rule.question.en,
        route=rule.name,
        fields=rule.fields if resolved else ["R0"],
        mode="automatic" if automatic else "on_approval",
        consent_needed=rule.consent,
        urgent=rule.urgent,
        state="planned",
        owner=f"kanim-{case.office_code.lower()}:supervisor",
        deadline=now + (APPROVE_MUST_ACT if case.must_act else APPROVE_OTHERS),
    )
    case.referrals.append(referral)
    why = f"route {rule.name}" + (
        "" if resolved else f"; no {rule.role} for {place or 'an unknown place'}, a person must resolve"
    )
    step.log(
        now, "referral_planned", SYSTEM, why, referral_id=referral_id, agency_id=agency.agency_id,
        caused_by=assessed.assessment_id,
    )  # fmt: skip
    if automatic:
        step.send(referral, now, rule.deadline.after(now), SYSTEM, assessed.assessment_id)


def _no_longer_waits(step: Step, referral: Referral, rule: Route, assessed: RiskAssessed, now: datetime) -> None:
    """It was planned for approval; a later assessment made it mandated (a child is to work): it leaves at once."""
    referral.mode, referral.route, referral.fields, referral.urgent = "automatic", rule.name, rule.fields, rule.urgent
    referral.consent_needed = rule.consent
    step.send(referral, now, rule.deadline.after(now), SYSTEM, assessed.assessment_id)
