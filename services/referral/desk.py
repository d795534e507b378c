"""What the interviewing officer sees of an assessment: signs in plain words and the questions to ask first. Never a score."""

from typing import Any, Literal

from services.contracts.assessments import RiskAssessed
from services.referral.route import QUESTIONS, needs_case
from services.referral.sample import Sample

LEVELS = {1: "perhatian", 2: "pendalaman", 3: "rujuk"}
# The structured interview of everybody who is drawn: open questions, nothing about looks or home (practice.md).
STANDARD = (
    "Untuk apa Saudara bepergian, ke mana, dan berapa lama?",
    "Siapa yang mengajak atau mengurus perjalanan ini, dan bagaimana Saudara mengenalnya?",
    "Siapa yang membayar, berapa, dan apakah ada utang?",
    "Di mana Saudara akan tinggal, dan apa yang akan Saudara lakukan di sana?",
    "Siapa yang memegang dokumen Saudara, dan adakah yang membuat Saudara takut?",
)


def seen(assessed: RiskAssessed, sample: Sample) -> dict[str, Any] | None:
    """None when there is nothing to ask beyond the routine. Who is drawn looks alike, flagged or not, until the interview is on record."""
    flagged, name = _flagged(assessed), assessed.application_id
    if not assessed.facts.get("int") and not _urgent(assessed):
        drawn = sample.own_view_first(name) if flagged else sample.control(name)
        if drawn:
            return _shown(name, "structured", "tanpa penilaian", list(STANDARD), level=None)
    if not flagged:
        return None
    return {
        "application_id": name,
        "interview": "deep" if assessed.level >= 2 or _urgent(assessed) else "routine",
        "assessment_id": assessed.assessment_id,
        "level": assessed.level,
        "level_id": LEVELS.get(assessed.level, "biasa"),
        "must_act": assessed.must_act,
        "must_review": assessed.must_review,
        "dimensions": assessed.dimensions,
        "findings": [
            {"sentence_id": f.title_id, "sentence_en": f.title_en, "clears_id": f.clears_id} for f in assessed.findings
        ],
        "questions": [q.text_id for q in assessed.questions[:QUESTIONS]],
    }


def routine(application_id: str) -> dict[str, Any]:
    """Nothing is known that calls for a deeper talk."""
    return _shown(application_id, "routine", "biasa", [], level=0)


def control(assessed: RiskAssessed, sample: Sample) -> list[Literal["drawn", "interviewed", "found"]]:
    """What an assessment says of one that may be of the control sample: nothing of somebody who was flagged before the interview."""
    if not sample.control(assessed.application_id):
        return []
    if not assessed.facts.get("int"):
        return [] if _flagged(assessed) else ["drawn"]
    return ["interviewed", "found"] if needs_case(assessed) else ["interviewed"]


def _flagged(assessed: RiskAssessed) -> bool:
    return assessed.level > 0 or assessed.must_act or assessed.must_review


def _urgent(assessed: RiskAssessed) -> bool:
    return assessed.level == 3 or assessed.must_act or assessed.must_review


def _shown(name: str, interview: str, level_id: str, questions: list[str], *, level: int | None) -> dict[str, Any]:
    return {
        "application_id": name, "interview": interview, "level": level, "level_id": level_id, "must_act": False, "must_review": False,
        "findings": [], "questions": questions,
    }  # fmt: skip
