"""The consent of a person, as a record of its own: who asked, which text was read, for whom; withdrawn, it takes back what rests on it. Pure."""

from datetime import datetime
from typing import Literal

from services.contracts.calendar import local_date
from services.referral import move, send
from services.referral.case import Actor, Case, Consent, short_ref
from services.referral.move import NotAllowed
from services.referral.steps import Step
from services.referral.tables import Tables

ASKERS = ("officer", "case_officer", "supervisor", "kakanim")


def give(
    case: Case, agencies: list[str], text: str, given_by: Literal["person", "guardian"], actor: Actor, tables: Tables, now: datetime
) -> Step:  # fmt: skip
    """The person agreed, after `text` was read out, that these agencies may be asked."""
    move.must_have_role(actor, ASKERS)
    if move.closed(case, tables):
        raise NotAllowed(f"the case is {case.state}: nothing leaves it, so nothing is to be agreed to")
    read = tables.consents.get(text)
    if read is None or read.valid_from > local_date(now):
        raise NotAllowed(f"no text {text} is in force; there is: {', '.join(tables.consents)}")
    if unknown := [a for a in agencies if a not in tables.agencies or tables.agencies[a].role != "ormas"]:
        raise NotAllowed(f"{', '.join(unknown)}: consent is asked for community organisations of the directory only")
    child = case.facts.get("person", {}).get("is_minor") is True
    if child and given_by != "guardian":
        raise NotAllowed("for a child the parent or guardian agrees (UU 27/2022 Ps 25)")
    step = Step(case.model_copy(deep=True), sentence="consent recorded")
    reference = f"{short_ref('S', case.case_id)}-{len(case.consents) + 1}"
    step.case.consents.append(
        Consent(
            consent_ref=reference, text=text, agencies=sorted(set(agencies)), given_by=given_by, asked_by=actor.ref, role=actor.role,
            at=now,
        )
    )  # fmt: skip
    step.log(now, "consent_given", actor, f"{reference} ({text}, {given_by}): {', '.join(sorted(set(agencies)))}")
    return step


def withdraw(case: Case, consent_ref: str, actor: Actor, reason: str, tables: Tables, now: datetime) -> Step:
    """The person may withdraw at any time, of a closed case too: what rests on it is taken back and shown no more."""
    move.must_have_role(actor, ASKERS)
    step = Step(case.model_copy(deep=True), sentence="consent withdrawn; what rested on it is taken back")
    consent = step.case.consent(consent_ref)
    if consent is None:
        raise NotAllowed(f"the case has no consent {consent_ref}; it has: {_known(case)}")
    if consent.withdrawn_at is not None:
        raise NotAllowed("this consent is withdrawn already")
    consent.withdrawn_at = now
    step.log(now, "consent_withdrawn", actor, f"{consent_ref}: {reason.strip()}")
    for referral in step.case.referrals:
        if referral.consent_ref == consent_ref and not referral.retracted:
            send.withdraw(step, referral, actor, "consent_withdrawn", now)
    move.follow(step, tables, now)
    return step


def must_hold(case: Case, consent_ref: str | None, agency_id: str) -> Consent:
    """The consent that a referral to this agency may rest on; NotAllowed says what is missing."""
    if not consent_ref:
        raise NotAllowed("this agency gets nothing without the consent of the person; name the consent record")
    consent = case.consent(consent_ref)
    if consent is None:
        raise NotAllowed(f"the case has no consent {consent_ref}; it has: {_known(case)}")
    if consent.withdrawn_at is not None:
        raise NotAllowed(f"the consent {consent_ref} was withdrawn")
    if agency_id not in consent.agencies:
        raise NotAllowed(f"the consent {consent_ref} is for {', '.join(consent.agencies)}, not for {agency_id}")
    return consent


def _known(case: Case) -> str:
    return ", ".join(c.consent_ref for c in case.consents) or "none"
