"""What the interviewing officer sees of an assessment: signs in plain words and the questions to ask first. Never a score."""

from typing import Any

from services.contracts.assessments import RiskAssessed
from services.referral.route import QUESTIONS

LEVELS = {1: "perhatian", 2: "pendalaman", 3: "rujuk"}


def seen(assessed: RiskAssessed) -> dict[str, Any] | None:
    """None at level 0 without anything to review: there is nothing to ask beyond the routine."""
    if assessed.level == 0 and not (assessed.must_act or assessed.must_review):
        return None
    return {
        "application_id": assessed.application_id,
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
    return {
        "application_id": application_id, "level": 0, "level_id": "biasa", "must_act": False, "must_review": False,
        "findings": [], "questions": [],
    }  # fmt: skip
