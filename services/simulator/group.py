"""What people of one group have in common, and how a group comes: in batches, and a ring as an agent that learns.

An organiser hears of each refusal and answers as its file says: other phones, another office, another purpose, coached
answers, a pause. Everything is drawn from the group's own chance, so groups do not disturb each other.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from services.contracts.calendar import is_working_day
from services.simulator import numbers
from services.simulator.people import Person, Population
from services.simulator.scenario import Scenario
from services.simulator.values import ABSENT

NEIGHBOURS = ("WSB", "PML", "SMG")
HEARS_AFTER = timedelta(days=1)
_MOVABLE = ("phone", "sponsor_phone", "account", "device", "payer", "sponsor", "recruiter")


@dataclass(frozen=True, slots=True)
class Firm:
    """A licensed firm; `lost` is what its licence becomes in the middle of the simulated time."""

    number: str
    kind: str
    name: str
    lost: str | None = None


@cache
def firms() -> tuple[Firm, ...]:
    rows = yaml.safe_load((Path(__file__).parent / "firms.yaml").read_text(encoding="utf-8"))
    return tuple(Firm(**row) for row in rows)


@cache
def good_firms(kind: str) -> tuple[Firm, ...]:
    return tuple(f for f in firms() if f.kind == kind and f.lost is None)


class Common:
    """The means of one group (or of one person alone), made when first asked for."""

    def __init__(self, random: Random, people: Population, day: date, desa: str, firm: Firm | None = None) -> None:
        self._random, self._people, self._day, self._desa, self._firm = random, people, day, desa, firm
        self._made: dict[str, Any] = {}
        self._series: dict[str, int] = {}
        self.person: Person | None = None

    def get(self, name: str) -> Any:
        kind, _, detail = name.partition(":")
        make = getattr(self, f"_each_{kind}", None)
        if make is not None:
            return make(detail)
        if name not in self._made:
            self._made[name] = self._make(kind, detail)
        return self._made[name]

    def known(self, name: str) -> Any:
        """What was made of that name, or None: asking makes nothing."""
        return self._made.get(name)

    def forget(self) -> None:
        """The organiser throws away phones and accounts."""
        for name in _MOVABLE:
            self._made.pop(name, None)

    def _make(self, kind: str, detail: str) -> Any:
        random, people = self._random, self._people
        match kind:
            case "phone":
                return people.phone(random)
            case "sponsor_phone":
                return self.get("sponsor")["phone"]
            case "account" | "payer":
                return f"rek-{int(random.random() * 10**9):09d}"
            case "device":
                return f"perangkat-{int(random.random() * 10**9):09d}"
            case "ip":
                return numbers.ip(int(random.random() * 65536))
            case "host":
                return people.firm_or_go_between(random)["name"]
            case "host_phone":
                return people.phone_abroad(detail)
            case "lpk":
                return people.firm_or_go_between(random, "LPK Contoh ")
            case "firm":
                return {"name": self._firm.name} if self._firm else ABSENT
            case "firm_no":
                return self._firm.number if self._firm else ABSENT
            case "suspended_firm":
                return {"name": "PT Safar Contoh"}
            case "suspended_firm_no":
                return "PPIU-102"
            case "fake_licence":
                return f"TI-{int(random.random() * 10**4):04d}"
            case "address":
                return f"Jl. Kenanga No. {1 + int(random.random() * 99)} RT 01/RW 02"
            case "address_desa":
                return self._desa
            case "depart_date":
                return (self._day + timedelta(days=25 + int(random.random() * 40))).isoformat()
            case "hash":
                return f"{random.getrandbits(64):016x}"
            case "vessel":
                return f"MV Contoh {1 + int(random.random() * 400)}"
            case "agent" | "sponsor" | "recruiter" | "escort" | "collector" | "manning_agent" | "broker" | "signer":
                return people.firm_or_go_between(random)
        raise KeyError(f"a group has nothing called ${kind}")

    def _each_serial(self, kind: str) -> str:
        """Numbers of one series, one after the other."""
        if kind not in self._series:
            self._series[kind] = 10**5 + int(self._random.random() * 8 * 10**5)
        self._series[kind] += 1 + int(self._random.random() * 2)
        return f"{kind[:2].upper()}-{self._series[kind]}"

    def _each_own_host_phone(self, _: str) -> str:
        return self._people.phone_abroad(("MY", "MY", "SG", "TW", "HK")[int(self._random.random() * 5)])

    def _each_true_birth(self, _: str) -> str:
        return self._who().birth.isoformat()

    def _each_raised_birth(self, _: str) -> str:
        """Made three years older, to the day: above 18."""
        birth = self._who().birth
        return birth.replace(year=birth.year - 4, day=min(birth.day, 28)).isoformat()

    def _who(self) -> Person:
        if self.person is None:
            raise KeyError("$true_birth and $raised_birth need a person")
        return self.person


@dataclass
class Group:
    """A ring or a hard negative on its way: who is still to come, and what it has learnt."""

    id: str
    scenario: Scenario
    random: Random
    common: Common
    desa: str
    size: int
    next_day: date
    left: int = 0
    refusals: list[datetime] = field(default_factory=list)
    learnt: list[str] = field(default_factory=list)
    made: int = 0
    heard: int = 0

    def __post_init__(self) -> None:
        self.left = self.size

    def due(self, day: date) -> int:
        """How many come on this day; plans the next one."""
        if self.left <= 0 or day < self.next_day:
            return 0
        low, high = self.scenario.rhythm.batch
        count = min(self.left, self.random.randint(low, high))
        self.left -= count
        self.next_day = _later(day, self.random.randint(*self.scenario.rhythm.every_days))
        return count

    def learn(self, submitted: datetime, day: date) -> None:
        """Take in the refusals that were known by then, one lesson each."""
        known = sum(at + HEARS_AFTER <= submitted for at in self.refusals)
        while self.heard < known:
            self.heard += 1
            lessons = [x for x in self.scenario.adapts if x not in self.learnt] or list(self.scenario.adapts)
            if not lessons:
                continue
            lesson = lessons[int(self.random.random() * len(lessons))]
            self.learnt.append(lesson)
            if lesson == "new_phone":
                self.common.forget()
            if lesson == "pause":
                self.next_day = max(self.next_day, _later(day, self.random.randint(15, 40)))


def _later(day: date, working_days: int) -> date:
    while working_days > 0:
        day += timedelta(days=1)
        working_days -= is_working_day(day)
    return day
