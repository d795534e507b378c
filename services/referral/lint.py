"""What is wrong with routes beyond their shape: rules that never fire, examples that do not hold, questions nobody answers. Pure."""

from collections.abc import Collection, Iterator
from typing import Any

from services.contracts.assessments import Finding, RiskAssessed
from services.referral.place import kabupaten
from services.referral.route import variables
from services.referral.tables import DEFAULT_AGENCY, Agency, Example, Route, Tables
from services.runtime import conditions

HOME = ("3301", "3302", "3303", "3304", "3305")


def faults(tables: Tables, indicators: Collection[str], reached: Collection[str]) -> Iterator[str]:
    """Sentences that name the rule. `indicators`: ids of the catalogue; `reached`: agencies that somebody can be told at."""
    for rule in tables.routes:
        yield from _examples(rule)
        yield from _names(rule, indicators)
        if not rule.by_hand and rule.when == "false":
            yield f"routes.yaml: {rule.name}: when: is missing, and the rule is not by_hand"
        if rule.territory != "any":
            for kab in HOME:
                if tables.find(rule.role, kab).agency_id == DEFAULT_AGENCY:
                    yield f"routes.yaml: {rule.name}: territory: no {rule.role} for {kab}"
        elif tables.first(rule.role).agency_id == DEFAULT_AGENCY:
            yield f"routes.yaml: {rule.name}: role: no {rule.role} at all"
    seen: dict[tuple[str, str, str], str] = {}
    for rule in tables.routes:
        same = (rule.role, rule.code, rule.when)
        if not rule.by_hand and same in seen:
            yield f"routes.yaml: {rule.name}: never does anything: {seen[same]} asks the same on the same condition before it"
        seen.setdefault(same, rule.name)
    for agency in tables.agencies.values():
        yield from _places(agency, tables)
        if agency.agency_id not in reached:
            yield f"agencies/{agency.role}.yaml: {agency.agency_id}: has no address: nobody of it stands in the receivers"
        for place in agency.territory:
            found = tables.find(agency.role, place)
            if (
                place
                and agency.level != "national"
                and found.agency_id != agency.agency_id
                and place in found.territory
            ):
                yield f"agencies/{agency.role}.yaml: {agency.agency_id}: never asked: {found.agency_id} has its territory {place} too"


def assessed(example: Example) -> RiskAssessed:
    """An assessment as an example describes it."""
    findings = [
        Finding(
            id=f, version=1, dimension="means", group="G", weight=1, grade="D", objective=True, title_id=f, title_en=f,
            clears_id="", clears_en="", inputs={},
        )
        for f in example.findings
    ]  # fmt: skip
    return RiskAssessed(
        assessment_id="example", application_id="EXAMPLE", caused_by="example", cause="event", at="2026-01-01T00:00:00+07:00",
        office_code="CLP", record_version=1, level=example.level, must_act=example.must_act, must_review=example.must_review,
        e_np=0, e_tppo=0, reasons=[], indicators={}, protective=[], findings=findings, groups=[], dimensions={}, questions=[],
        facts=example.facts, pack_digest="",
    )  # fmt: skip


def explained(message: RiskAssessed, tables: Tables) -> list[dict[str, Any]]:
    """Every rule: what it says to an assessment, and where the question would go."""
    context, found = conditions.context(variables(message)), []
    for rule in tables.routes:
        place = kabupaten(message.facts, rule.territory)
        agency = tables.agency_for(rule, place)
        says = "by hand" if rule.by_hand else conditions.answer(rule.program, context)
        found.append({
            "rule": rule.name, "says": says, "agency_id": agency.agency_id, "place": place, "fields": rule.fields,
            "mode": rule.mode if agency.role == rule.role else "on_approval", "consent": rule.consent,
            "deadline": rule.deadline.model_dump(exclude_none=True), "question_id": rule.question.id,
        })  # fmt: skip
    return found


def _examples(rule: Route) -> Iterator[str]:
    said = set()
    for number, example in enumerate(rule.examples):
        fires = conditions.answer(rule.program, conditions.context(variables(assessed(example)))) == "yes"
        said.add(fires)
        if fires != example.fires:
            yield f"routes.yaml: {rule.name}: examples.{number}: should {'' if example.fires else 'not '}fire"
    if not rule.by_hand and True not in said:
        yield f"routes.yaml: {rule.name}: when: is never true over the examples"
    if not rule.by_hand and False not in said:
        yield f"routes.yaml: {rule.name}: examples: none shows when it does not fire"


def _places(agency: Agency, tables: Tables) -> Iterator[str]:
    """An agency's own examples: whose questions it gets by place, and whose not."""
    where = f"agencies/{agency.role}.yaml: {agency.agency_id}"
    for code in agency.asked_for:
        if (found := tables.find(agency.role, code).agency_id) != agency.agency_id:
            yield f"{where}: asked_for: {code} goes to {found}"
    for code in agency.not_for:
        if tables.find(agency.role, code).agency_id == agency.agency_id:
            yield f"{where}: not_for: {code} comes here"
    if not agency.not_for:
        yield f"{where}: not_for: no example shows whose questions go elsewhere"


def _names(rule: Route, indicators: Collection[str]) -> Iterator[str]:
    for name in sorted(rule.named() - set(indicators)):
        yield f"routes.yaml: {rule.name}: when: {name} is no indicator"
