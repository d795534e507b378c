"""move: people take a case from state to state; states.yaml says who may, and what must be there. Pure.

Nobody and nothing else moves a case, but for one thing: whether its referrals are all answered is seen by the system (`follow`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import get_args

from services.contracts import ids
from services.contracts.cases import Family
from services.referral import clock, outcome
from services.referral.case import ERASED, OPEN, OUT, SYSTEM, Actor, Case, Deferral, Proposal
from services.referral.send import withdraw
from services.referral.states import OUTCOMES, Move, Need
from services.referral.steps import Step
from services.referral.tables import Tables

# How long clear data stay after a closing (privacy-and-safety.md, section 2); absent: as long as an open case.
KEEP = {"closed_cleared": timedelta(days=365), "closed_pmi_np": timedelta(days=731)}
CONFIRMED = timedelta(days=5 * 365 + 2)
END_OF_LAW_CLOCK = ("deferred", "refused", "objection")


class NotAllowed(Exception):
    """The decision breaks a rule; the text says which, and what would be allowed."""


@dataclass(frozen=True)
class Wish:
    """What an officer wants to do with a case."""

    to: str
    reason: str
    legal_ref: str | None = None
    outcome: str | None = None
    deferral: Deferral | None = None
    family: Family | None = None
    linked: frozenset[str] = field(default=frozenset())  # tokens of the officer's own phones, relatives, firms


def move(case: Case, wish: Wish, actor: Actor, tables: Tables, now: datetime) -> Step:
    """One move, or the proposal of one that a second person must confirm. NotAllowed says why not and what is."""
    step, rule = Step(case.model_copy(deep=True)), tables.states[case.state].next.get(wish.to)
    if rule is None:
        possible = ", ".join(legal(case, tables)) or "nothing"
        raise NotAllowed(f"a case that is {case.state} cannot become {wish.to}; it can become: {possible}")
    must_be_free(case, wish.linked)
    must_be_unrestricted(case)
    if not wish.reason.strip():
        raise NotAllowed("a reason is needed")
    second = rule.second if rule.second and case.level >= rule.second.from_level else None
    if second is None:
        must_have_role(actor, rule.by, f"move a case to {wish.to}")
        _check(step.case, rule, wish, actor, now)
        _enter(step, wish, actor, tables, now)
    elif case.proposal is not None and case.proposal.to == wish.to and case.proposal.by != actor.ref:
        must_have_role(actor, second.by, f"move a case to {wish.to}")
        if case.level == 3 and actor.ref == case.officer:
            raise NotAllowed("nobody closes his own level 3 case: another supervisor confirms")
        wish = _as_proposed(wish, case.proposal)
        _check(step.case, rule, wish, actor, now)
        _enter(step, wish, actor, tables, now)
    else:
        if case.proposal is not None and case.proposal.to == wish.to:
            raise NotAllowed(f"proposed by the same person; another {' or '.join(second.by)} confirms")
        must_have_role(actor, rule.by, f"move a case to {wish.to}")
        _check(step.case, rule, wish, actor, now)
        step.case.proposal = Proposal(
            to=wish.to, by=actor.ref, role=actor.role, at=now, reason=wish.reason.strip(), legal_ref=wish.legal_ref,
            outcome=wish.outcome, deferral=wish.deferral, family=wish.family,
        )  # fmt: skip
        step.sentence = f"proposed; a second person confirms: {' or '.join(second.by)}"
        step.log(now, "proposed", actor, f"{wish.to}: {wish.reason.strip()}", legal_ref=wish.legal_ref)
    return step


def legal(case: Case, tables: Tables) -> dict[str, Move]:
    """Moves that people may make from here."""
    return {to: m for to, m in tables.states[case.state].next.items() if m.by != ["system"]}


def must_have_role(actor: Actor, roles: Sequence[str], what: str = "do this") -> None:
    """Roles are claims of the token."""
    if actor.role not in roles:
        raise NotAllowed(f"the role {actor.role or 'none'} may not {what}; {' or '.join(roles)} may")


def must_be_unrestricted(case: Case) -> None:
    """A person may have the processing paused (UU 27/2022 Ps 41), unless somebody must act."""
    if case.restricted and not case.must_act:
        raise NotAllowed(
            "the processing is restricted at the person's request (UU 27/2022 Ps 41); it must be released first"
        )


def must_be_free(case: Case, linked: frozenset[str]) -> None:
    """Conflict of interest: an officer linked to an entity of the case hands it on (agencies.md, section 7)."""
    if linked & case.entity_tokens():
        raise NotAllowed("you are linked to an entity of this case (conflict of interest): another officer takes it")


def follow(step: Step, tables: Tables, now: datetime) -> None:
    """A referred case is in progress, answered or expired as its referrals are."""
    case = step.case
    if case.state not in ("referred", "in_progress", "expired"):
        return
    states = {r.state for r in case.referrals if r.sent_at is not None}
    if case.state == "referred" and states & {"acknowledged", "working", "need_more_data"}:
        move_to(step, "in_progress", SYSTEM, "an agency works on it", tables, now)
    elif not states & OUT and states:
        to = "answered" if "answered" in states else "expired"
        if to != case.state:
            why = "every referral has its answer" if "expired" not in states else "no referral is open any more"
            move_to(step, to, SYSTEM, why, tables, now)


def move_to(
    step: Step,
    to: str,
    actor: Actor,
    reason: str,
    tables: Tables,
    now: datetime,
    legal_ref: str | None = None,
    *,
    passing: bool = False,
) -> None:
    """Change the state: its clock ends, the next one's begins, unless the case only passes through; it stands in the history."""
    case, state = step.case, tables.states[to]
    clock.end(step, case.case_id, to, now, *(c.name for c in case.running(case.case_id) if c.name != "law"))
    if to in END_OF_LAW_CLOCK or state.closed:
        clock.end(step, case.case_id, to, now)
    before, case.state, case.proposal = case.state, to, None
    if state.clock is not None and not passing:
        wait = state.clock.wait(case.must_act)
        clock.begin(step, state.clock.name, case.case_id, wait, now, tables.clocks, urgent=case.must_act)
    law = tables.clocks["law"]
    if to == "interviewing" and law.deadline and not any(c.name == "law" for c in case.clocks):
        clock.begin(step, "law", case.case_id, law.deadline, now, tables.clocks)
    step.log(now, "moved", actor, f"{before} → {to}: {reason}", legal_ref=legal_ref)


def _enter(step: Step, wish: Wish, actor: Actor, tables: Tables, now: datetime) -> None:
    case = step.case
    case.deferral, case.family = wish.deferral or case.deferral, wish.family or case.family
    if wish.to in ("interviewing", "case_opened", "reopened") and actor.role != "system":
        case.officer = actor.ref
    step.sentence = f"{case.state} → {wish.to}"
    move_to(step, wish.to, actor, wish.reason.strip(), tables, now, wish.legal_ref)
    if tables.states[wish.to].closed:
        _close(step, wish, actor, tables, now)
    follow(step, tables, now)


def _close(step: Step, wish: Wish, actor: Actor, tables: Tables, now: datetime) -> None:
    """Nothing leaves a closed case: what is open is taken back; a cleared one leaves every queue."""
    case = step.case
    for referral in case.referrals:
        if referral.state in OPEN or (wish.to == "closed_cleared" and not referral.retracted):
            withdraw(step, referral, actor, wish.to, now)
    code = tables.states[wish.to].outcome or wish.outcome
    if code is not None:
        sure = 3 if code == "confirmed_tppo" else 2
        outcome.record(step, ids.outcome_id(case.case_id, len(case.history)), code, sure, actor, now)
        case.last_outcome = code
    keep = CONFIRMED if code in ("confirmed_tppo", "suspected_tppo_open") else KEEP.get(wish.to)
    if keep is not None:
        step.keep(now + keep, wish.to)


def _as_proposed(wish: Wish, proposal: Proposal) -> Wish:
    """What is confirmed is what was proposed; the second person adds a reason of his own."""
    return Wish(
        wish.to, f"{proposal.reason} / {wish.reason.strip()}", wish.legal_ref or proposal.legal_ref, proposal.outcome,
        proposal.deferral, proposal.family, wish.linked,
    )  # fmt: skip


def _check(case: Case, rule: Move, wish: Wish, actor: Actor, now: datetime) -> None:
    for need in rule.needs:
        if missing := _NEEDS[need](case, wish, actor, now):
            raise NotAllowed(missing)
    if wish.to == "referred" and not any(r.sent_at for r in case.referrals):
        raise NotAllowed("no referral has left yet; approve one, and the case is referred")


_Missing = Callable[[Case, Wish, Actor, datetime], str | None]
_NEEDS: dict[Need, _Missing] = {
    "below_level_3": lambda c, w, a, n: (
        "a case at level 3 or must-act is opened by a supervisor, not dismissed" if c.level == 3 or c.must_act else None
    ),
    "must_be_opened": lambda c, w, a, n: (
        None if c.level == 3 or c.must_act else "below level 3 a case is opened after the deep interview"
    ),
    "no_hold": lambda c, w, a, n: (
        "a safety hold is on the case: the police or the UPTD PPA release it first" if c.safety_hold else None
    ),
    "deferral": lambda c, w, a, n: (
        "a deferral needs in writing: legal_ref, what to bring, and how to object"
        if not (w.deferral and w.legal_ref)
        else None
    ),
    "family": lambda c, w, a, n: (
        None if w.family or c.family else f"name the family of the reason, one of: {', '.join(get_args(Family))}"
    ),
    "interview": lambda c, w, a, n: None if c.facts.get("int") else "nobody is refused without an interview on record",
    "legal_ref": lambda c, w, a, n: None if w.legal_ref else "a legal reference is needed",
    "evidence_over": lambda c, w, a, n: (
        f"the applicant has until {end:%Y-%m-%d} to bring the evidence"
        if (end := next((k.due_at for k in c.clocks if k.name == "evidence"), n)) > n
        else None
    ),
    "all_answered": lambda c, w, a, n: "a referral is still open" if any(r.state in OUT for r in c.referrals) else None,
    "outcome": lambda c, w, a, n: (
        None if w.outcome in OUTCOMES else f"name the outcome, one of: {', '.join(sorted(OUTCOMES))}"
    ),
    "uninvolved": lambda c, w, a, n: (
        "an objection is decided by somebody who was not involved before"
        if any(e.actor == a.ref for e in c.history)
        else None
    ),
}


def closed(case: Case, tables: Tables) -> bool:
    return case.state == ERASED or tables.states[case.state].closed
