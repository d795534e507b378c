"""Facts that are counted or compared rather than sent: section `calc.`. Each names the reading it follows.

Whatever cannot be said is absent, so that the condition over it answers unknown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted

Facts = dict[str, dict[str, Any]]
Events = Sequence[EventAccepted]
FRESH = timedelta(hours=72)
APART = timedelta(hours=1)
# Relations come in Indonesian and in English (R31).
RELATIONS = {
    "ayah": "parent", "ibu": "parent", "parent": "parent", "suami": "spouse", "istri": "spouse", "spouse": "spouse",
    "anak": "child", "child": "child", "wali": "court_guardian", "court_guardian": "court_guardian",
    "pendamping_disabilitas": "disability_helper", "disability_helper": "disability_helper",
}  # fmt: skip
PARENTAL = frozenset({"parent", "court_guardian"})
# Javanese say saudara of neighbours too, and no registry knows cousins: only these claims of kinship count (index 59).
CLOSE_KIN = frozenset({"parent", "child", "sibling", "saudara_kandung", "kakak", "adik"})


def derive(facts: Facts, events: Events, before: Facts) -> dict[str, Any]:
    """`events` in order of event time. What reads no section that is other than in `before`, the facts of fewer events, stays."""
    touched = {section for section in SECTIONS if facts[section] is not before[section]}
    submitted = _last(events, "application.submitted")
    found = before["calc"].copy()
    for name, each in DERIVED.items():
        if not touched.isdisjoint(each.reads):
            found[name] = each.of(facts, events, submitted)
    return {name: value for name, value in found.items() if value is not None}


def of_nothing(empty: Facts) -> dict[str, Any]:
    """What can be said before any event."""
    found = {name: each.of(empty, (), None) for name, each in DERIVED.items()}
    return {name: value for name, value in found.items() if value is not None}


def _last(events: Events, type_: str) -> datetime | None:
    times = [parse_time(e.at) for e in events if e.type == type_]
    return times[-1] if times else None


def _destinations(facts: Facts) -> list[str] | None:
    """Countries of the form and of the interview together."""
    lists = [facts[s]["dest_countries"] for s in ("app", "int") if "dest_countries" in facts[s]]
    return sorted({country for each in lists for country in each}) if lists else None


def _purposes(events: Events) -> list[str] | None:
    """Every purpose that was ever said: must-act facts do not go away by a later correction (R52)."""
    said = {e.data.get("purpose") or e.data.get("purpose_confirmed") for e in events}
    return sorted(p for p in said if p) or None


def _fresh_siskop(events: Events, submitted: datetime | None) -> str | None:
    """Latest answer, not older than 72 h at the latest interview, before it at submission; stale is unknown (R16)."""
    answers = [e for e in events if e.type == "siskop2mi.verified" and e.data.get("status") != "unavailable"]
    if not answers:
        return None
    reference = _last(events, "interview.completed") or submitted
    latest = answers[-1]
    stale = reference is not None and parse_time(latest.at) < reference - FRESH
    return None if stale else str(latest.data.get("status"))


def _none_twice(events: Events) -> bool | None:
    """Two answers `none` an hour apart and nothing better later; one is no; unavailable neither counts nor clears (R17)."""
    answers = [
        (parse_time(e.at), e.data.get("match"))
        for e in events
        if e.type == "dukcapil.verified" and e.data.get("match") not in (None, "unavailable")
    ]
    if not answers:
        return None
    if answers[-1][1] != "none":
        return False
    nones = [at for at, match in answers if match == "none"]
    return nones[-1] - nones[0] >= APART


def _days_since_change(facts: Facts, submitted: datetime | None) -> int | None:
    """Days from the last registry change to the submission (R62)."""
    changed = facts["duk"].get("last_change_at")
    return (local_date(submitted) - date.fromisoformat(changed)).days if changed and submitted else None


def _conflicts(facts: Facts) -> int | None:
    """Pairs of form and interview that differ; fewer than two pairs present is unknown (R26)."""
    form, told = facts["app"], facts["int"]
    pairs: list[bool] = []
    if "purpose" in form and "purpose_confirmed" in told:
        said = "bekerja_pmi" if told["purpose_confirmed"] == "kerja" else told["purpose_confirmed"]
        pairs.append(form["purpose"] != said)
    if "dest_countries" in form and "dest_countries" in told:
        pairs.append(set(form["dest_countries"]) != set(told["dest_countries"]))
    if "stay_days" in form and "stay_days" in told:
        pairs.append(form["stay_days"] != told["stay_days"])
    if "companions" in form and "companions" in told:
        pairs.append(_people(form["companions"]) != _people(told["companions"]))
    return sum(pairs) if len(pairs) >= 2 else None


def _people(companions: list[dict[str, Any]]) -> set[str]:
    return {str(c.get("subject_token") or c.get("relation")) for c in companions}


def _minor_company(facts: Facts) -> str | None:
    """`parental` when a parent or court guardian comes along, `other` when somebody else does (R30, R31)."""
    relations = [c.get("relation") for c in facts["app"].get("companions", [])]
    if facts["chk"].get("escort_present") or "escort_relation" in facts["chk"]:
        relations.append(facts["chk"].get("escort_relation"))
    known = [RELATIONS.get(r, r) for r in relations if r]
    if any(r in PARENTAL for r in known):
        return "parental"
    return "other" if known else None


def _consents_verified(facts: Facts) -> bool | None:
    """Both parents, or one with a statement of absence, or the court guardian, all verified (R30)."""
    if "parent_consents" not in facts["app"]:
        return None
    verified = {c["parent"] for c in facts["app"]["parent_consents"] if c.get("verified")}
    if "wali" in verified or {"ayah", "ibu"} <= verified:
        return True
    return bool(verified) and _absence_statement(facts) is True


def _consenting(facts: Facts) -> int | None:
    """How many parents consented."""
    if "parent_consents" not in facts["app"]:
        return None
    return len({c["parent"] for c in facts["app"]["parent_consents"]} & {"ayah", "ibu"})


def _absence_statement(facts: Facts) -> bool | None:
    if "items" not in facts["doc"]:
        return None
    return any(
        i["type"] == "surat_pernyataan_ketidakhadiran" and i.get("verdict") == "verified" for i in facts["doc"]["items"]
    )


def _other_identity_kin(facts: Facts) -> bool | None:
    """The other identity of a biometric hit is a parent by the registry, or of the same household (R64).

    Absent until the network has answered who that is: a twin is no suspect meanwhile.
    """
    other = facts["bio"].get("other_identity_token")
    if not other:
        return False
    if other in facts["duk"].get("parent_tokens", []):
        return True
    known: bool | None = facts["net"].get("other_identity", {}).get("same_household")
    return known


def _good_trips(facts: Facts) -> int | None:
    """Earlier journeys with a return in time (R20)."""
    if "trips" not in facts["travel"]:
        return None
    return sum(bool(t.get("returned_at")) and t.get("overstay") is False for t in facts["travel"]["trips"])


def _claims_close_kin(facts: Facts) -> bool | None:
    """Somebody travels along as parent, child or sibling (R31)."""
    if "companions" not in facts["app"]:
        return None
    relations = (c.get("relation") for c in facts["app"]["companions"])
    return any(RELATIONS.get(r, r) in CLOSE_KIN for r in relations)


def _institution_letter(facts: Facts) -> bool | None:
    """A letter of a school or sport body that was confirmed by calling its public number (R19)."""
    if "items" not in facts["doc"]:
        return None
    return any(i["type"] == "surat_lembaga" and i.get("verdict") == "verified_callback" for i in facts["doc"]["items"])


def _signer_unverified(facts: Facts) -> bool | None:
    """A letter whose signer the desa did not confirm; absent while nobody asked (R22)."""
    asked = [
        i["signer_verified"] for i in facts["doc"].get("items", ()) if "signer_verified" in i and "signer_token" in i
    ]
    return not all(asked) if asked else None


def _marks(facts: Facts) -> list[str] | None:
    """Marks of all entities that the application names; absent until the network said anything."""
    kinds = list(facts["net"].values())
    return sorted({mark for kind in kinds for mark in kind.get("marked", ())}) if kinds else None


def _exit_point(facts: Facts) -> str | None:
    """Compared case-insensitively (R49)."""
    return str(facts["app"]["exit_point"]).strip().lower() if "exit_point" in facts["app"] else None


@dataclass(frozen=True)
class Derived:
    """One fact: the sections it reads, itself or their events, and what makes it of (facts, events, time of submission)."""

    reads: frozenset[str]
    of: Callable[[Facts, Events, datetime | None], Any]


def _from(sections: str, of: Callable[[Facts, Events, datetime | None], Any]) -> Derived:
    return Derived(frozenset(sections.split()), of)


# Every fact of the section, by the name that conditions use. The time of submission comes from `app`.
DERIVED: dict[str, Derived] = {
    "dest": _from("app int", lambda f, e, s: _destinations(f)),
    "exit_point": _from("app", lambda f, e, s: _exit_point(f)),
    "purposes_said": _from("app int", lambda f, e, s: _purposes(e)),
    "siskop2mi": _from("app int sis", lambda f, e, s: _fresh_siskop(e, s)),
    "registry_none_twice": _from("duk", lambda f, e, s: _none_twice(e)),
    "days_since_registry_change": _from("app duk", lambda f, e, s: _days_since_change(f, s)),
    "form_conflicts": _from("app int", lambda f, e, s: _conflicts(f)),
    "minor_company": _from("app chk", lambda f, e, s: _minor_company(f)),
    "consents_verified": _from("app doc", lambda f, e, s: _consents_verified(f)),
    "consenting_parents": _from("app", lambda f, e, s: _consenting(f)),
    "absence_statement": _from("doc", lambda f, e, s: _absence_statement(f)),
    "other_identity_kin": _from("bio duk net", lambda f, e, s: _other_identity_kin(f)),
    "good_trips": _from("travel", lambda f, e, s: _good_trips(f)),
    "claims_close_kin": _from("app", lambda f, e, s: _claims_close_kin(f)),
    "institution_letter": _from("doc", lambda f, e, s: _institution_letter(f)),
    "signer_unverified": _from("doc", lambda f, e, s: _signer_unverified(f)),
    "marks": _from("net", lambda f, e, s: _marks(f)),
    "submitted_at": _from("app", lambda f, e, s: s.isoformat() if s else None),
}
SECTIONS = frozenset(section for each in DERIVED.values() for section in each.reads)
