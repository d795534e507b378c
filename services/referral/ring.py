"""A ring makes one case, whose members are presumed possible victims. Pure.

The case follows its ring: another earliest member gives the ring another id (`supersedes`), and two rings that grow together have
one case that goes on and one that says so. Members are named by the reference of their own case, never by name.
"""

from datetime import datetime

from services.contracts import ids
from services.contracts.network import RingAssessed
from services.referral import clock
from services.referral.case import ERASED, SYSTEM, Case, Entity, Referral, short_ref
from services.referral.send import plan, withdraw
from services.referral.steps import Step
from services.referral.tables import Agency, Tables

QUESTION = "investigate_recruitment"
OFFICE = "CLP"


def route_ring(ring: RingAssessed, cases: list[Case], tables: Tables, now: datetime) -> list[Step]:
    """`cases`: those that hold this ring or one it takes the place of, oldest first. Safe to repeat, in any order."""
    cases = [c for c in cases if c.state != ERASED]
    if any(ring.ring_id in c.rings_gone or c.rings.get(ring.ring_id, -1) >= ring.record_version for c in cases):
        return []
    if not cases:
        return [_flag(ring, tables, now)] if ring.asks_for_a_case else []
    first, *others = cases
    return [_follow(first, ring, tables, now), *(_merged(other, first, ring, now) for other in others)]


def _flag(ring: RingAssessed, tables: Tables, now: datetime) -> Step:
    case_id = ids.case_id(ring.ring_id)
    case = Case(
        case_id=case_id, case_ref=short_ref("K", case_id), application_id=ring.ring_id, office_code=OFFICE, level=3, must_act=False,
        must_review=True, assessment_id=ring.ring_id, record_version=ring.record_version, opened_at=now,
        findings=[{"id": "cross_kabupaten_ring", "sentence_id": ring.hypothesis_id, "sentence_en": ring.hypothesis_en, "clears_id": ""}],
    )  # fmt: skip
    step = Step(case, sentence="a new case of a ring")
    _take(case, ring)
    step.log(now, "flagged", SYSTEM, f"{ring.hypothesis_en}; {len(ring.members)} members", caused_by=ring.ring_id)
    opening = tables.states["case_opened"].clock
    if opening is not None:
        clock.begin(step, opening.name, case_id, opening.deadline, now, tables.clocks)
    _ask(step, ring, tables, now)
    return step


def _follow(before: Case, ring: RingAssessed, tables: Tables, now: datetime) -> Step:
    step = Step(before.model_copy(deep=True), sentence="the case follows its ring")
    members, kabupaten = set(before.members), set(before.kabupaten)
    _take(step.case, ring)
    if set(ring.members) != members:
        word = (
            f"{len(members)} → {len(ring.members)} members" if ring.members else "the ring fell apart; a person decides"
        )
        step.log(now, "updated", SYSTEM, word, caused_by=ring.ring_id)
    if not tables.states[step.case.state].closed and ring.members and set(ring.kabupaten) != kabupaten:
        _ask(step, ring, tables, now)
    return step


def _merged(case: Case, into: Case, ring: RingAssessed, now: datetime) -> Step:
    step = Step(case.model_copy(deep=True), sentence="its ring is part of another one")
    _take(step.case, ring)
    step.log(
        now, "updated", SYSTEM, f"its ring is now part of {into.case_ref}; a person decides", caused_by=ring.ring_id
    )
    return step


def _take(case: Case, ring: RingAssessed) -> None:
    case.rings[ring.ring_id] = ring.record_version
    case.rings_gone = sorted({*case.rings_gone, *ring.supersedes} - {ring.ring_id})
    case.members, case.kabupaten = sorted(ring.members), sorted(ring.kabupaten)
    for each in ring.entities:
        if all(e.token != each["token"] for e in case.ring_entities):
            case.ring_entities.append(Entity(kind=each["kind"], role="ring", token=each["token"]))
    for referral in case.referrals:
        referral.entities = _named(case)


def _ask(step: Step, ring: RingAssessed, tables: Tables, now: datetime) -> None:
    """The police of the members' kabupaten, Polda for more than one (R45). One that was only planned for fewer gives way."""
    case, rule = step.case, tables.route(QUESTION)
    if rule is None:
        return
    agency, place = police(ring, tables)
    if case.referral(ids.referral_id(case.case_id, agency.agency_id, rule.code)) is not None:
        return
    for waiting in [r for r in case.referrals if r.state == "planned" and r.question == rule.code]:
        withdraw(step, waiting, SYSTEM, f"the ring reaches {', '.join(ring.kabupaten)}", now)
    asked: Referral = plan(step, rule, agency, place, now, tables, caused_by=ring.ring_id)
    asked.fields, asked.entities = ["R0", "R5", "R6"], _named(case)


def police(ring: RingAssessed, tables: Tables) -> tuple[Agency, str | None]:
    places = sorted(set(ring.kabupaten))
    if len(places) == 1:
        return tables.find("polri", places[0]), places[0]
    return tables.find("polri", places[0][:2] if places else "33"), places[0] if places else None


def _named(case: Case) -> dict[str, Entity]:
    return {f"E{number}": entity for number, entity in enumerate(case.ring_entities, start=1)}
