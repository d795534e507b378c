"""assess: what the facts of an application say, why, and which question to ask first.

Pure: no clock, no store, no broker. It never decides; a score is a work-order for a person (design, section 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from services.contracts import ids
from services.contracts.assessments import Finding, GroupScore, RiskAssessed, ShadowAssessed
from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted
from services.risk.evaluate import Answers, Memo, evaluate
from services.risk.evidence import Fired, counted, level_of
from services.risk.fold import NOTHING, Facts, folded
from services.risk.indicator import Indicator
from services.risk.pack import Pack
from services.risk.record import Record


@dataclass(frozen=True)
class Cause:
    """What an assessment answers: an event of the record, or something that came from elsewhere."""

    id: str
    at: str
    office_code: str
    kind: Literal["event", "signal", "outcome"] = "event"

    @classmethod
    def of(cls, event: EventAccepted, kind: Literal["event", "signal", "outcome"] = "event") -> "Cause":
        return cls(event.event_id, event.at, event.office_code, kind)


def assess(record: Record, cause: Cause, pack: Pack) -> RiskAssessed:
    """The assessment that `cause`, already in the record, leads to. Same record and pack: same bytes."""
    record.folded = folded(record.events, record.beside, record.folded)
    facts = record.folded.facts
    found, record.memo = _from_facts(facts, cause, record.application_id, record.revision, pack, record.memo)
    return found


def day_of(facts: Mapping[str, Any], at: str) -> date:
    """The day of the application, else of the event: what held then decides, not what holds today (law-and-policy.md, section 8)."""
    return local_date(parse_time(facts.get("calc", {}).get("submitted_at", at)))


def recompute(assessed: RiskAssessed, pack: Pack) -> RiskAssessed:
    """The assessment that its own facts give with a pack: the same bytes when it is the pack it names (promise 5)."""
    facts = NOTHING.facts | assessed.facts
    cause = Cause(assessed.caused_by, assessed.at, assessed.office_code, assessed.cause)
    return _from_facts(facts, cause, assessed.application_id, assessed.record_version, pack, None)[0]


def shadowed(assessed: RiskAssessed, pack: Pack) -> ShadowAssessed:
    """What other rules say on the facts of an assessment."""
    other = recompute(assessed, pack)
    return ShadowAssessed(
        assessment_id=assessed.assessment_id,
        application_id=assessed.application_id,
        at=assessed.at,
        office_code=assessed.office_code,
        record_version=assessed.record_version,
        level=other.level,
        must_act=other.must_act,
        e_np=other.e_np,
        e_tppo=other.e_tppo,
        findings=[f.id for f in other.findings],
        pack_digest=pack.digest,
    )


def _from_facts(
    facts: Facts, cause: Cause, application_id: str, record_version: int, pack: Pack, memo: Memo | None
) -> tuple[RiskAssessed, Memo]:
    facts = facts | {"policy": pack.policy.at(day_of(facts, cause.at), cause.office_code)}
    memo = evaluate(pack, facts, memo)
    answers = memo.answers
    level = level_of(answers.evidence, answers.fired, facts["policy"]["thresholds"]["levels"])
    fired = sorted(answers.fired, key=_heaviest)
    np, tppo = counted(fired), counted(fired, "tppo")
    return RiskAssessed.trusted(
        assessment_id=ids.assessment_id(cause.id),
        application_id=application_id,
        caused_by=cause.id,
        cause=cause.kind,
        at=cause.at,
        office_code=cause.office_code,
        record_version=record_version,
        level=level.level,
        must_act=level.must_act,
        must_review=level.must_review,
        e_np=answers.evidence.e_np,
        e_tppo=answers.evidence.e_tppo,
        reasons=list(level.reasons),
        notices=["issued-passport"] if _issued_and_tied(level.level, facts, answers) else None,
        indicators=answers.indicators,
        protective=[p.id for p in answers.protective],
        findings=[_finding(f, facts, answers, np[f.indicator.id], tppo[f.indicator.id]) for f in fired],
        groups=[GroupScore(group=g, raw=raw, capped=capped) for g, raw, capped in answers.evidence.groups],
        dimensions=answers.dimensions,
        questions=answers.questions,
        facts={section: values for section, values in facts.items() if values and section != "policy"},
        pack_digest=pack.digest,
    ), memo


def _issued_and_tied(level: int, facts: Facts, answers: Answers) -> bool:
    """The passport is out, and what others say makes it worth a deep look: a supervisor must hear of it (indicators.md, section 9)."""
    return level >= ISSUED_FROM and bool(facts["prn"]) and any(f.indicator.of_others for f in answers.fired)


ISSUED_FROM = 2


def _heaviest(fired: Fired) -> tuple[int, int]:
    return -fired.weight, fired.indicator.number


def _finding(fired: Fired, facts: Facts, answers: Answers, np: int, tppo: int) -> Finding:
    indicator = fired.indicator
    return Finding(
        id=indicator.id,
        version=indicator.version,
        dimension=indicator.dimension,
        group=indicator.group,
        weight=fired.weight,
        counts_np=np,
        counts_tppo=tppo,
        grade=indicator.grade,
        objective=indicator.objective,
        title_id=indicator.title.id,
        title_en=indicator.title.en,
        clears_id=indicator.clears.id,
        clears_en=indicator.clears.en,
        inputs={name: value for name in indicator.reads if (value := _fact(facts, name)) is not None},
        exclusions=[p.id for p in answers.protective] + _not_counted(indicator, facts),
    )


def _not_counted(indicator: Indicator, facts: Facts) -> list[str]:
    """Why other applications were taken out of the counts that the sign reads."""
    kinds = {name.split(".")[1] for name in indicator.reads if name.startswith("net.")}
    said = [facts["net"][kind] for kind in sorted(kinds) if isinstance(facts["net"].get(kind), dict)]
    return sorted({why for each in said for why in each.get("exclusions", ())})


def _fact(facts: Facts, name: str) -> Any:
    section, _, field = name.partition(".")
    return facts.get(section, {}).get(field)
