"""What a change of rules would do, before it judges anybody: two packs over the same applications. Pure; decides nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from services.contracts.assessments import RiskAssessed
from services.contracts.calendar import is_working_day
from services.contracts.passport_events import EventAccepted
from services.risk import licences
from services.risk.assess import Cause, assess, day_of
from services.risk.batch import has_application
from services.risk.indicator import Condition
from services.risk.pack import Pack
from services.risk.record import Record

RIGHT = frozenset({"confirmed_tppo", "pmi_np_not_tppo", "tppm"})
WRONG = frozenset({"cleared", "identity_error_not_crime"})
DEEP = 2  # from this level on the office holds a deep interview
SHOWN_FIELDS = (
    "condition",
    "decibans",
    "graded",
    "group",
    "dimension",
    "must_act",
    "must_review",
    "outputs",
    "switches_off",
)


@dataclass(frozen=True)
class Verdict:
    """What of an assessment a change of rules may move."""

    office: str
    day: date
    level: int
    must_act: bool
    must_review: bool
    score: int
    fired: frozenset[str]
    groups: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, assessed: RiskAssessed) -> "Verdict":
        form = assessed.facts.get("app", {})  # no form yet, or none at all
        told = {"kabupaten": form.get("domicile_desa_code", "")[:4]}
        told |= {name: form.get(name) for name in ("purpose", "application_type")}
        return cls(
            assessed.office_code, day_of(assessed.facts, assessed.at), assessed.level, assessed.must_act, assessed.must_review,
            max(assessed.e_np, assessed.e_tppo), frozenset(f.id for f in assessed.findings),
            tuple((name, value) for name, value in told.items() if value),
        )  # fmt: skip


def judge(events: Iterable[EventAccepted], packs: Sequence[Pack]) -> list[dict[str, Verdict]]:
    """For each pack the last verdict on every application, with all its events and every licence snapshot known."""
    records: dict[str, Record] = {}
    snapshots: dict[str, list[EventAccepted]] = {}
    for event in events:
        if event.type == "license.snapshot" and "license_no" in event.data:
            snapshots.setdefault(event.data["license_no"], []).append(event)
        elif has_application(event):
            records.setdefault(event.application_id, Record(event.application_id)).add(event)
    known = {number: licences.Licence(number, tuple(seen)) for number, seen in snapshots.items()}
    found: list[dict[str, Verdict]] = [{} for _ in packs]
    for application, record in records.items():
        record.beside["lic"] = licences.facts(record.events.values(), known, bool(known))
        last = Cause.of(record.last)
        for pack, verdicts in zip(packs, found, strict=True):
            record.memo = None
            verdicts[application] = Verdict.of(assess(record, last, pack))
    return found


def strongest(record: Record, known: Mapping[str, licences.Licence], packs: Sequence[Pack]) -> list[Verdict]:
    """For each pack the verdict of the highest level that the application ever had, event by event; the first of equal ones."""
    found = []
    events = record.in_order()
    for pack in packs:
        growing = Record(record.application_id)
        best: RiskAssessed | None = None
        for event in events:
            growing.add(event)
            growing.beside = record.beside | {"lic": licences.facts(growing.events.values(), known, bool(known))}
            assessed = assess(growing, Cause.of(event), pack)
            if best is None or assessed.level > best.level:
                best = assessed
        assert best is not None
        found.append(Verdict.of(best))
    return found


def outcome(record: Record) -> Literal["right", "wrong"] | None:
    """What people found out about an application, when it says whether a flag was right."""
    codes = [e.data.get("code") for e in record.in_order() if e.type == "referral.outcome" and e.data.get("code")]
    return None if not codes else "right" if codes[-1] in RIGHT else "wrong" if codes[-1] in WRONG else None


def fitting(verdicts: Sequence[Verdict], share: float, levels: Sequence[int]) -> int | None:
    """The lowest evidence of level 2, in tenths of a deciban, that keeps deep interviews within a share of all applications.

    Between those of levels 1 and 3; None when even the highest of them is too low. Whom a person must look at is always seen
    (indicators.md, section 4: thresholds follow from a budget).
    """
    must = sum(v.must_act or v.must_review for v in verdicts)
    rest = [v.score for v in verdicts if not (v.must_act or v.must_review)]
    within = (t for t in range(levels[0] + 1, levels[2]) if must + sum(s >= t for s in rest) <= share * len(verdicts))
    return next(within, None)


@dataclass
class Report:
    """Counts over all applications; `moved` names those whose level changes."""

    applications: int = 0
    levels: Counter[tuple[int, int]] = field(default_factory=Counter)
    fired: dict[str, tuple[int, int]] = field(default_factory=dict)  # by indicator, only where they differ
    offices: dict[str, "Office"] = field(default_factory=dict)
    moved: dict[str, tuple[int, int]] = field(default_factory=dict)
    right: tuple[int, int] = (0, 0)  # flagged for a deep interview and confirmed by people: now, then
    wrong: tuple[int, int] = (0, 0)  # … and cleared by people


@dataclass(frozen=True)
class Office:
    """A day of one office: deep interviews now and then, all applications; and every verdict of the other rules."""

    now: float
    then: float
    applications: float
    verdicts: tuple[Verdict, ...]


def compare(
    now: Mapping[str, Verdict],
    then: Mapping[str, Verdict],
    outcomes: Mapping[str, Literal["right", "wrong"]] | None = None,
) -> Report:
    """By application id; an application that only one side has is a fault of the caller (KeyError)."""
    report = Report(len(now))
    known = outcomes or {}
    for word in ("right", "wrong"):
        flagged = [sum(known.get(a) == word and v.level >= DEEP for a, v in side.items()) for side in (now, then)]
        setattr(report, word, tuple(flagged))
    fired_now, fired_then = Counter[str](), Counter[str]()
    for application, before in now.items():
        after = then[application]
        report.levels[before.level, after.level] += 1
        if before.level != after.level:
            report.moved[application] = (before.level, after.level)
        fired_now.update(before.fired)
        fired_then.update(after.fired)
    report.fired = {
        i: (fired_now[i], fired_then[i]) for i in sorted(fired_now | fired_then) if fired_now[i] != fired_then[i]
    }
    for office in sorted({v.office for v in now.values()}):
        days = len({v.day for v in now.values() if v.office == office and is_working_day(v.day)}) or 1
        mine = [a for a, v in now.items() if v.office == office]
        deep = [sum(side[a].level >= DEEP for a in mine) / days for side in (now, then)]
        report.offices[office] = Office(deep[0], deep[1], len(mine) / days, tuple(then[a] for a in mine))
    return report


def differences(one: Pack, two: Pack) -> Iterable[str]:
    """One sentence for each rule or table that is new, gone or other."""
    before, after = ({c.id: c for c in pack.conditions} for pack in (one, two))
    for id_ in sorted(before.keys() | after.keys()):
        if id_ not in after:
            yield f"{id_}: is gone"
        elif id_ not in before:
            yield f"{id_}: is new: {after[id_].condition}"
        else:
            yield from _changed(before[id_], after[id_])
    tables, newer = one.policy.dump(), two.policy.dump()
    for name in sorted(tables.keys() | newer.keys()):
        if tables.get(name) != newer.get(name):
            rows = [row for row in newer.get(name, ()) if row not in tables.get(name, ())]
            gone = [row for row in tables.get(name, ()) if row not in newer.get(name, ())]
            yield f"policy {name}: " + "; ".join(
                [f"+ from {r['valid_from']} {r['value']}" for r in rows]
                + [f"- from {r['valid_from']} {r['value']}" for r in gone]
            )


def _changed(before: Condition, after: Condition) -> Iterable[str]:
    one, two = before.model_dump(mode="json"), after.model_dump(mode="json")
    for name in SHOWN_FIELDS:
        if one.get(name) != two.get(name):
            yield f"{before.id}: {name}: {one.get(name)} → {two.get(name)}"
    other = sorted(n for n in one.keys() | two.keys() if one.get(n) != two.get(n) and n not in SHOWN_FIELDS)
    if other:
        yield f"{before.id}: other text or examples: {', '.join(other)}"
