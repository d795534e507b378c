"""Assessments and cases for the tests of referral."""

from datetime import UTC, datetime
from typing import Any

from services.contracts.assessments import Finding, RiskAssessed
from services.contracts.referrals import ReferralAnswered
from services.referral.case import Actor, Case
from services.referral.route import route
from services.referral.steps import Step
from services.referral.tables import Tables

TABLES = Tables.load()
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)  # a Friday, 10:00 WIB
BOSS = Actor(ref="pengawas-1", role="supervisor")


def finding(id_: str) -> Finding:
    return Finding(
        id=id_, version=1, dimension="means", group="G_x", weight=80, grade="D", objective=True, title_id="Judul",
        title_en="Title", clears_id="Bukti", clears_en="Proof", inputs={},
    )  # fmt: skip


def assessed(
    *findings: str,
    level: int = 3,
    act: bool = False,
    review: bool = False,
    version: int = 5,
    kab: str | None = "3304",
    **facts: Any,
) -> RiskAssessed:
    app: dict[str, Any] = {"purpose": "wisata", "dest_countries": ["MY"], "phone_token": "phone.1." + "a" * 32}
    if kab:
        app["domicile_desa_code"] = f"{kab}042012"
    return RiskAssessed(
        assessment_id=f"as-{version}", application_id="A1", caused_by="e1", cause="event", at="2026-11-20T09:00:00+07:00",
        office_code="CLP", record_version=version, level=level, must_act=act, must_review=review, e_np=200, e_tppo=100,
        reasons=["evidence"], indicators={}, protective=[], findings=[finding(f) for f in findings], groups=[], dimensions={},
        questions=[], facts={"app": app, "person": {"is_minor": False, "nik_kab": "3302"}} | facts, pack_digest="0",
    )  # fmt: skip


def step_of(message: RiskAssessed, case: Case | None = None) -> Step:
    found = route(message, case, TABLES, NOW)
    assert found is not None
    return found


def sent(step: Step, kind: type[Any]) -> list[Any]:
    return [m for _, m in step.messages if isinstance(m, kind)]


THREAT: dict[str, Any] = {"int": {"threat_disclosed": True}}


def waiting(step: Step, question: str) -> str:
    return next(r.referral_id for r in step.case.referrals if r.question == question and r.state == "planned")


def answered(
    referral_id: str, status: str = "final", code: str | None = "lp_filed", answer_id: str = "j1", **more: Any
) -> ReferralAnswered:
    return ReferralAnswered(
        answer_id=answer_id, referral_id=referral_id, status=status, code=code if status == "final" else None,
        answered_at="2026-11-21T09:00:00+07:00", **more,
    )  # fmt: skip
