"""One office day for demonstrations and tests: an ordinary day of the simulated world in which some people are in danger and say so.

The day is richer in danger than a real one, at places that are always the same. Same arguments, same events.
"""

from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

import orjson

from services.contracts.calendar import is_working_day
from services.simulator.applicant import Applicant
from services.simulator.office import Office
from services.simulator.scenario import cast
from services.simulator.scene import speaking
from services.simulator.world import Plan, World

# Number of the slot: whom we meet there.
SHOWN = {
    7: "terancam", 23: "anak_kerja", 41: "terjerat_utang", 58: "terjerat_utang", 77: "prt_timur_tengah", 96: "penampungan_dokumen",
    112: "nenek_tiga_cucu", 140: "eks_pmi_wisata",
}  # fmt: skip
HOME = {23: "3304"}  # the child lives in Banjarnegara, so that the README can name the queue of its agency


def last_working_day(today: date) -> date:
    """The day itself when it is one."""
    while not is_working_day(today):
        today -= timedelta(days=1)
    return today


def play(day: date, *, applications: int = 160, seed: int = 1) -> list[dict[str, Any]]:
    """All upstream events of the day's applications up to its end, in the order of their time."""
    world = _Day(Plan(day, day, seed=seed, rate=applications, rings=0), applications)
    end = (day + timedelta(days=1)).isoformat()
    events: dict[str, dict[str, Any]] = {}
    for arrived in world.stream():
        event = orjson.loads(arrived.line)
        events.setdefault(event["id"], event)
    return sorted((e for e in events.values() if e["time"] < end), key=lambda e: (e["time"], e["id"]))


class _Day(World):
    """A world of one day with an exact number of applications."""

    def __init__(self, plan: Plan, applications: int) -> None:
        super().__init__(plan, lambda _: None)
        self._count = applications

    def applicants(self, office: Office, day: date) -> list[Applicant]:
        found = [a for a in office.day(day) if a.truth == "ordinary" and a.scenario is None]
        while len(found) < self._count:
            found += [a for a in office.day(day) if a.truth == "ordinary" and a.scenario is None]
        chosen = found[: self._count]
        for number, name in SHOWN.items():
            if number < self._count:
                chosen[number] = _shown(office, name, day, f"{self.plan.seed}/{day}/{number}", HOME.get(number, ""))
        for a in chosen:
            a.office = office.code
        return chosen


def _shown(office: Office, name: str, day: date, seed: str, home: str) -> Applicant:
    """One person of a scenario who speaks, in a deep interview. Of the grandmother's party: a grandchild."""
    for attempt in count():
        group = office.group_of(cast()[name], Random(f"{seed}/{attempt}"), day)
        a = speaking(office.members.party(group, day, group.size)[-1])
        if a.who.desa.startswith(home):
            break
    a.group = None
    return a
