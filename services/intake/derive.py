"""Facts that only the door can compute, since they need clear values (events.md, section 6; R29, R30, R58, R63).

Whatever cannot be said yet is absent. A later event of the same application may bring it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from typing import Any

from services.contracts import simhash
from services.contracts.calendar import local_date
from services.contracts.passport_events import PersonFacts
from services.contracts.upstream.application import ApplicationSubmitted
from services.contracts.upstream.base import UpstreamData
from services.contracts.upstream.counter import DocumentsChecked
from services.contracts.upstream.interview import InterviewCompleted
from services.contracts.upstream.registry import DukcapilVerified, LicenseSnapshot
from services.intake import nik, normalise

SIMILAR = 0.85  # names as alike as this are one name (index 3)
PARENTS = frozenset({"ayah", "ibu", "parent"})
# What counts as an answer of the interview; amounts and lengths vary honestly and are left out.
_NOT_ANSWERS = frozenset(
    {"interview_level", "officer", "duration_s", "free_text", "transit_plan", "recruiter", "lpk", "companions"}
)


@dataclass(frozen=True)
class Known:
    """The latest clear data of an application by kind; None where nothing came yet."""

    submitted: ApplicationSubmitted | None = None
    submitted_at: datetime | None = None
    registry: DukcapilVerified | None = None
    documents: DocumentsChecked | None = None
    licence: LicenseSnapshot | None = None


def derive(data: UpstreamData, known: Known) -> PersonFacts:
    """Facts that this event brings; `known` already holds the event itself."""
    facts: dict[str, Any] = {}
    match data:
        case ApplicationSubmitted():
            facts |= _from_form(data, known.submitted_at)
            facts["agent_name_matches"] = _name_matches(data, known.licence)
            facts |= _from_registry(known)
        case DukcapilVerified() | DocumentsChecked():
            facts |= _from_registry(known)
        case InterviewCompleted():
            facts["answers_simhash"] = simhash.simhash(_answers(data))
    return PersonFacts(**facts)


def age_on(birth: date, day: date) -> int:
    """Completed years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _from_form(form: ApplicationSubmitted, at: datetime | None) -> dict[str, Any]:
    birth = date.fromisoformat(form.birth_date)
    facts: dict[str, Any] = {
        "nik_structure_ok": nik.structure_ok(form.nik),
        "nik_dob_conflict": nik.birth_date_conflict(form.nik, birth),
        "nik_kab": form.nik[:4],
        "host_named": form.host_name is not None,
    }
    if form.sex:
        facts["nik_sex_conflict"] = nik.sex_conflict(form.nik, form.sex)
    if form.host_phone:
        facts["host_phone_countries"] = normalise.phone_countries(form.host_phone)
    if at:
        day = local_date(at)
        age = age_on(birth, day)
        facts |= {"is_minor": age < 18, "is_17_19": 17 <= age <= 19}
        if form.depart_date:
            facts["days_to_departure"] = (date.fromisoformat(form.depart_date) - day).days
    return facts


def _name_matches(form: ApplicationSubmitted, licence: LicenseSnapshot | None) -> bool | None:
    """The agent's name is the licence holder's, with small differences; only when both names are there (R24, R67)."""
    if form.agent is None or licence is None or licence.license_no != form.agent_license_no:
        return None
    one, two = normalise.name(form.agent.name), normalise.name(licence.name)
    return SequenceMatcher(None, one, two).ratio() >= SIMILAR if one and two else None


def _from_registry(known: Known) -> dict[str, Any]:
    form, registry = known.submitted, known.registry
    if form is None or registry is None or known.submitted_at is None or registry.match == "unavailable":
        return {}
    day = local_date(known.submitted_at)
    facts: dict[str, Any] = {}
    if registry.first_ktp_at:
        facts["ktp_issued_under_6_months"] = (day - date.fromisoformat(registry.first_ktp_at)).days < 183
    if registry.marital_status and form.marital_status:
        facts["civil_status_conflict"] = _married(form.marital_status) and not _married(registry.marital_status)
    if registry.marital_status or registry.marriage_registered_at:
        facts["marriage_recent_or_unregistered"] = (
            registry.marriage_registered_at is None
            or (day - date.fromisoformat(registry.marriage_registered_at)).days < 90
        )
    if form.companions and registry.parents:
        claims = [c for c in form.companions if c.relation in PARENTS]
        if claims:
            facts["kinship_verified"] = len(claims) == len(form.companions) and all(
                c.nik in registry.parents for c in claims
            )
    changed = _age_raised(form, registry, known.documents, day)
    if changed is not None:
        facts["age_change_over_18"] = changed
    return facts


def _age_raised(
    form: ApplicationSubmitted, registry: DukcapilVerified, documents: DocumentsChecked | None, day: date
) -> bool | None:
    """Birth date changed within 12 months, now 18 or more, and another paper says less (index 23)."""
    if registry.last_change_kind is None or registry.last_change_at is None:
        return None
    recent = 0 <= (day - date.fromisoformat(registry.last_change_at)).days <= 365
    if registry.last_change_kind != "tgl_lahir" or not recent:
        return False
    if age_on(date.fromisoformat(registry.birth_date or form.birth_date), day) < 18:
        return False
    shown = [
        i.birth_date for i in (documents.items if documents else []) if i.type in ("akta", "ijazah") and i.birth_date
    ]
    return any(age_on(date.fromisoformat(each), day) < 18 for each in shown) if shown else None


def _married(status: str) -> bool:
    return status == "kawin"


def _answers(data: InterviewCompleted) -> Mapping[str, Any]:
    return {k: v for k, v in data.model_dump(exclude_none=True).items() if k not in _NOT_ANSWERS}
