"""Observers at the counter: officers with skill, thoroughness, a bias and moods. They know no score.

A standard interview asks part of the questions, a deep one and the control sample nearly all. What is not asked is absent.
The bias is there because it is there in practice (privacy-and-safety.md, section 6): labels that come from it must not be learnt.
"""

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from services.simulator.applicant import Applicant

# Questions of a standard interview nearly always asked; the others only now and then.
_CORE = frozenset({"purpose_confirmed", "knows_itinerary", "return_ticket", "payer", "host_relation", "employer_known", "job_known", "group_size", "contract_seen", "docs_holder", "note_codes"})  # fmt: skip
_TELLS: tuple[tuple[str, Any, float], ...] = (
    ("purpose_confirmed", "kerja", 2.0), ("employer_known", False, 1.2), ("job_known", False, 1.2), ("told_what_to_say", True, 3.0),
    ("threat_disclosed", True, 8.0), ("docs_holder", "agent", 1.5), ("payer", "sponsor", 1.0), ("payer", "agent", 1.0), ("payer", "unknown", 1.5),
    ("told_to_change_visa", True, 2.0), ("debt_to", "agent", 1.5), ("debt_to", "sponsor", 1.5), ("debt_repay", "wage_cut", 1.5),
    ("recruiter_met", False, 1.0), ("medical_test_via_recruiter", True, 3.0), ("knows_itinerary", 0, 0.8), ("host_relation", "tidak tahu", 1.2),
    ("spoke_freely", False, 1.0), ("penalty_if_cancel", True, 1.0),
)  # fmt: skip
DEFER_AT = 3.9


@dataclass(frozen=True, slots=True)
class Officer:
    """`skill` 0..1: opens people up and weighs what is said. `bias`: suspicion added for young women going abroad alone."""

    name: str
    skill: float
    thoroughness: float
    bias: float


@dataclass(frozen=True, slots=True)
class Interview:
    """What the officer wrote down, how suspicious it looked, and whether a person would be deferred for it."""

    answers: dict[str, Any]
    suspicion: float
    deferred: bool


def staff(random: Random, office: str, count: int) -> list[Officer]:
    return [
        Officer(f"petugas-{office}-{n:02d}", 0.3 + 0.6 * random.random(), 0.6 + 0.35 * random.random(), 0.6 * random.random() ** 2)
        for n in range(1, count + 1)
    ]  # fmt: skip


def mood(officer: Officer, day: date) -> float:
    """-0.5 .. 0.5, the same all day."""
    return Random(f"{officer.name}/{day.toordinal()}").random() - 0.5


def interview(a: Applicant, officer: Officer, feeling: float, level: str, random: Random, day: date) -> Interview:
    patience = 1.6 if level == "deep" else 1.3 if level == "control_sample" else 1.0
    opens = random.random() < a.openness * (0.5 + officer.skill) * patience
    known = {**a.told, **a.true} if opens and a.true else a.told
    thorough = 1.0 if a.interview_level is not None else 0.97
    asked = thorough if level != "standard" else officer.thoroughness + 0.1 * feeling
    answers: dict[str, Any] = {
        "interview_level": level, "officer": officer.name,
        "duration_s": int((110 + 250 * random.random()) * (3 if level != "standard" else 1)),
    }  # fmt: skip
    for name, value in known.items():
        chance = asked if level != "standard" or name in _CORE else asked * 0.35
        if random.random() < chance:
            answers[name] = value
    suspicion = sum(weight for name, value, weight in _TELLS if answers.get(name) == value) * (
        0.6 + 0.6 * officer.skill
    )
    suspicion += (
        officer.bias
        if a.who.sex == "P" and 17 <= a.who.age(day) <= 45 and a.form.get("purpose") in ("wisata", "kunjungan_keluarga")
        else 0.0
    )
    suspicion += 0.6 if a.counter.get("spoke_via_escort") else 0.0
    noise = random.gauss(0, 1.15)
    return Interview(answers, suspicion, suspicion + feeling + noise > DEFER_AT)


def level_of(a: Applicant, officer: Officer, random: Random, control_sample: float) -> str:
    """A deep interview by a hunch; the control sample by lot, and the officer does not know why."""
    if a.interview_level is not None:
        return a.interview_level
    if random.random() < control_sample:
        return "control_sample"
    hunch = 0.01 + 0.08 * officer.skill * (a.truth != "ordinary") + 0.1 * bool(a.counter.get("spoke_via_escort"))
    return "deep" if random.random() < hunch else "standard"
