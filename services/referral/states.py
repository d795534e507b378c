"""The states of a case and the moves between them, as states.yaml says. Data; who may do what is decided in `move`."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.referral.case import ERASED
from services.referral.deadline import Deadline

Role = Literal["system", "officer", "case_officer", "supervisor", "kakanim", "kanwil"]
Need = Literal[
    "below_level_3", "must_be_opened", "no_hold", "deferral", "interview", "legal_ref", "evidence_over", "all_answered",
    "outcome", "uninvolved", "family",
]  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """Indonesian and English."""

    id: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Second(_Strict):
    """Who confirms what another proposed."""

    by: list[Role] = Field(min_length=1)
    from_level: int = Field(0, ge=0, le=3)


class Move(_Strict):
    """One allowed move."""

    by: list[Role] = Field(min_length=1)
    second: Second | None = None
    needs: list[Need] = []


class StateClock(_Strict):
    """Deadline of a state."""

    name: str
    deadline: Deadline
    must_act: Deadline | None = None

    def wait(self, must_act: bool) -> Deadline:
        return (self.must_act if must_act else None) or self.deadline


class State(_Strict):
    """One state."""

    title: Text
    clock: StateClock | None = None
    next: dict[str, Move]
    closed: bool = False
    outcome: str | None = Field(None, description="common outcome code that closing so means")


class ClockStep(_Strict):
    """When somebody is told, and who."""

    at: int = Field(ge=0, le=1000, description="per cent of the deadline")
    to: str | None = Field(None, description="a target of notify's roster; absent for what only the case does")


class ClockRule(_Strict):
    """A clock."""

    title: Text
    deadline: Deadline | None = Field(None, description="when it is no state's or question's")
    must_act: Deadline | None = None
    steps: dict[str, ClockStep] = Field(min_length=1)

    def wait(self, must_act: bool) -> Deadline | None:
        return self.must_act if must_act else self.deadline


class Code(_Strict):
    """One answer of an agency."""

    proposes: str | None = None
    mark: Literal["recruiter_confirmed", "unlicensed", "alerted", "mission_alert", "tip"] | None = None
    days: int | None = Field(None, ge=1, description="how long the mark holds")
    of: list[str] | Literal["any"] | None = Field(None, description="what may stand behind a colon")


# Common outcome codes (agencies.md, section 6). `wrong_agency` and the like are states of an answer, not outcomes.
OUTCOMES = frozenset({
    "confirmed_tppo", "suspected_tppo_open", "pmi_np_not_tppo", "tppm", "fraud_not_tppo", "identity_error_not_crime", "cleared",
    "procedural_route_started", "declined_by_person", "unreachable", "no_capacity", "expired_no_answer",
})  # fmt: skip


Fault = tuple[str, tuple[str, ...], str]  # file, path of keys, what is wrong


def faults(
    states: dict[str, State], clocks: dict[str, ClockRule], codes: dict[str, dict[str, Code]]
) -> Iterator[Fault]:
    """What is wrong between the tables."""
    reached = {to for state in states.values() for to in state.next} | {"flagged", ERASED}
    for name, state in states.items():
        for to in state.next:
            if to not in states:
                yield "states.yaml", (name, "next", to), "no such state"
        if state.clock and state.clock.name not in clocks:
            yield "states.yaml", (name, "clock", "name"), f"clocks.yaml has no {state.clock.name}"
        if state.outcome and state.outcome not in OUTCOMES:
            yield "states.yaml", (name, "outcome"), f"{state.outcome} is no common outcome"
        if not state.next and name != ERASED:
            yield "states.yaml", (name, "next"), "nobody could ever leave this state"
        if not state.closed and not state.clock and not any("system" in m.by for m in state.next.values()):
            yield "states.yaml", (name,), "an open state needs a clock"
        if name not in reached:
            yield "states.yaml", (name,), "no move leads there"
    if "flagged" not in states or ERASED not in states:
        yield "states.yaml", (), "flagged and erased must be there"
    for name, rule in clocks.items():
        ordered = [step.at for step in rule.steps.values()]
        if ordered != sorted(ordered):
            yield "clocks.yaml", (name, "steps"), "are not in the order of their percentages"
        for step, each in rule.steps.items():
            if each.to is not None and set(_PLACE.findall(each.to)) - {"agency", "office", "kab"}:
                yield "clocks.yaml", (name, "steps", step, "to"), "may name {agency}, {office} and {kab} only"
    for name in NEEDED_CLOCKS - clocks.keys():
        yield "clocks.yaml", (name,), "this clock must be there"
    for role, answers in codes.items():
        for code, means in answers.items():
            if means.proposes and means.proposes not in OUTCOMES:
                yield "answers.yaml", (role, code, "proposes"), f"{means.proposes} is no common outcome"
            if means.mark == "recruiter_confirmed" and role != "polri":
                yield "answers.yaml", (role, code, "mark"), "only the police confirm a recruiter (R36)"
            if means.mark and means.mark not in ("recruiter_confirmed", "tip") and not means.days:
                yield "answers.yaml", (role, code, "days"), "this mark must end"
    if "common" not in codes:
        yield "answers.yaml", ("common",), "must be there"


_PLACE = re.compile(r"\{([^}]*)\}")
NEEDED_CLOCKS = frozenset({"answer", "approval", "fields", "desk", "open", "law", "news", "glass"})
