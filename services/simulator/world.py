"""The simulated world: offices through the days, every event as the passport system would send it, and the hidden truth.

Same seed, same bytes: no clock, no hash order, no file but the tables beside this module.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import orjson

from services.contracts.calendar import is_working_day
from services.simulator import aftermath
from services.simulator.applicant import Applicant
from services.simulator.country import country
from services.simulator.delivery import Arrived, Spool, arrival
from services.simulator.group import firms
from services.simulator.life import Life, Step, at, live
from services.simulator.mix import mix
from services.simulator.office import Office
from services.simulator.people import Population
from services.simulator.values import picker

SOURCES = "urn:simkim"
LOOKAHEAD = timedelta(
    days=23
)  # a form is sent at most 21 days before the visit: quota a fortnight ahead, moved by a week
TALKED_ABOUT = 4  # members of a ring after which somebody may give a tip
Truth = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Plan:
    """What to simulate. `rate` is applications a working day and office; in the country offices differ around it."""

    first: date
    last: date
    seed: int = 1
    rate: float = 160.0
    office: str = "CLP"
    national: bool = False
    rings: int | None = None
    plant: tuple[str, ...] = ()


class World:
    """Draws a plan. `truth` is told of every application and group as they are made."""

    def __init__(self, plan: Plan, truth: Truth) -> None:
        self.plan, self._truth, self._mix = plan, truth, mix()
        self._people = Population(plan.first)
        self.offices = self._open()
        self._random = Random(f"{plan.seed}/world")
        self._rings: set[str] = set()
        self._talked_about: set[str] = set()

    def _open(self) -> list[Office]:
        plan = self.plan
        wanted = list(country()) if plan.national else [plan.office]
        found = []
        for code in wanted:
            random = Random(f"{plan.seed}/{code}")
            rate = plan.rate * (0.55 + 0.9 * random.random()) if plan.national else plan.rate
            found.append(
                Office(
                    code, random, self._people, self._mix, plan.first, plan.last,
                    rate=rate, plant=plan.plant, rings=plan.rings,
                )
            )  # fmt: skip
        return found

    def stream(self) -> Iterator[Arrived]:
        """Events in order of arrival, up to the end of the last day."""
        plan, end = self.plan, self.plan.last + timedelta(days=1)
        with Spool() as spool:
            self._licences(spool)
            day = plan.first
            while day < end:
                if is_working_day(day):
                    for office in self.offices:
                        self._office_day(office, day, spool)
                yield from (a for a in spool.take(min(day - LOOKAHEAD, end)))
                day += timedelta(days=1)
            yield from spool.take(end)

    def _office_day(self, office: Office, day: date, spool: Spool) -> None:
        applicants = self.applicants(office, day)
        slots = self._slots(office.random, day, len(applicants))
        for number, (a, visit) in enumerate(zip(applicants, slots, strict=True)):
            self._application(office, a, f"{a.office}-{day:%Y%m%d}-{number:04d}", visit, spool)

    def applicants(self, office: Office, day: date) -> list[Applicant]:
        """Who comes on a day, in the order of the slots."""
        return office.day(day)

    def _slots(self, random: Random, day: date, count: int) -> list[datetime]:
        hours = self._mix.raw["hours"]["fri" if day.weekday() == 4 else "mon_thu"]
        pick = picker(dict(enumerate(hours)))
        start = at(day, 7, 30)
        return sorted(start + timedelta(minutes=30 * pick(random) + int(random.random() * 30)) for _ in range(count))

    def _application(self, office: Office, a: Applicant, name: str, visit: datetime, spool: Spool) -> None:
        random = a.group.random if a.group else office.random
        if a.group:
            a.group.learn(visit - timedelta(days=3), visit.date())
        life = live(a, name, visit, random, office.desk)
        after = aftermath.answers(a, life, random)
        after += aftermath.home_visit(a, life, random, self._mix.rate("home_visit"))
        after += aftermath.journey(a, life, random, self._mix.rate("crossing_seen"))
        self._later(office, a, life, visit.date())
        self._send(spool, office, a, name, life.steps + after, random)
        self._truth(_truth_of(a, name, life))
        if a.group and a.group.scenario.kind == "ring":
            self._of_ring(a.group, visit, spool)

    def _later(self, office: Office, a: Applicant, life: Life, day: date) -> None:
        random = office.random
        lost = aftermath.loses_it(a, life, random, self._mix.rate("lost_again"))
        if lost:
            office.comes_again(a, lost, "hilang")
        elif life.ended == "no_show" and random.random() < 0.35:
            office.comes_again(a, day + timedelta(days=10 + int(random.random() * 30)), "baru")
        elif life.ended == "cancelled_incomplete" and random.random() < 0.4:
            office.comes_again(a, day + timedelta(days=45 + int(random.random() * 60)), "baru")
        elif a.truth != "ordinary" and life.ended in ("deferred", "refused", "withdrawn") and random.random() < 0.25:
            office.comes_again(a, day + timedelta(days=25 + int(random.random() * 60)), "baru")

    def _of_ring(self, group: Any, visit: datetime, spool: Spool) -> None:
        if group.id not in self._rings:
            self._rings.add(group.id)
            self._truth(
                {
                    "kind": "ring",
                    "ring": group.id,
                    "scenario": group.scenario.id,
                    "truth": group.scenario.truth,
                    "size": group.size,
                }
            )
        if group.made >= TALKED_ABOUT and group.id not in self._talked_about:
            self._talked_about.add(group.id)
            for n, (when, type_, data) in enumerate(aftermath.tips(group, visit, group.random)):
                subject = f"TIP-{group.id}" if type_ == "tip.received" else f"ALERT-{group.id}"
                event = _event(f"{subject}-{n}", type_, subject, when, data, "CLP", None, None)
                spool.put(when, orjson.dumps(event))

    def _send(self, spool: Spool, office: Office, a: Applicant, name: str, steps: list[Step], random: Random) -> None:
        redelivered = self._mix.rate("redelivered")
        for n, (when, type_, data) in enumerate(steps):
            event = _event(f"{name}-{n}", type_, name, when, data, a.office or office.code, a.channel, a.point)
            line = orjson.dumps(event)
            arrived = arrival(when, a.channel, office.offline, random)
            spool.put(arrived, line)
            if random.random() < redelivered:
                spool.put(arrived + timedelta(seconds=int(30 + random.random() * 20000)), line)

    def _licences(self, spool: Spool) -> None:
        """A snapshot a month of every licence; some are lost half-way."""
        plan = self.plan
        first = plan.first - timedelta(days=40)
        half = first + (plan.last - first) / 2
        day = first
        while day <= plan.last:
            for firm in firms():
                status = firm.lost if firm.lost and (day >= half or firm.lost == "suspended") else "active"
                data = {
                    "kind": firm.kind,
                    "license_no": firm.number,
                    "name": firm.name,
                    "status": status,
                    "valid_to": f"{plan.last.year + 2}-12-31",
                }
                when = at(day, 5)
                event = _event(
                    f"LIC-{firm.number}-{day}", "license.snapshot", f"LIC-{firm.number}", when, data, "CLP", None, None
                )
                spool.put(when + timedelta(minutes=5), orjson.dumps(event))
            day += timedelta(days=30)


def _event(
    id_: str,
    type_: str,
    subject: str,
    when: datetime,
    data: dict[str, Any],
    office: str,
    channel: str | None,
    point: str | None,
) -> dict[str, Any]:
    event = {
        "specversion": "1.0", "id": id_, "source": f"{SOURCES}:{office.lower()}", "type": type_, "subject": subject,
        "time": when.isoformat(), "officecode": office, "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
    if channel is not None:
        event["servicechannel"] = channel
    if point is not None:
        event["servicepoint"] = point
    return event


def _truth_of(a: Applicant, name: str, life: Life) -> dict[str, Any]:
    return {
        "kind": "application", "application_id": name, "office": a.office, "submitted": life.submitted.isoformat(), "purpose": a.purpose,
        "truth": a.truth, "scenario": a.scenario, "group": a.group.id if a.group else None, "party": a.party, "phone_of": a.phone_of, "ended": life.ended,
        "sex": a.who.sex, "age": a.who.age(life.submitted.date()), "kabupaten": a.who.desa[:4], "level": life.interview.answers["interview_level"] if life.interview else None,
        "deferred_for_np": any(d.get("reason_code") == "dugaan_pmi_np" for _, t, d in life.steps if t == "application.deferred"),
        "rescheduled": life.rescheduled, "incomplete": life.missing, "registry_unavailable": life.unavailable,
    }  # fmt: skip
