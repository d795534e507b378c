"""One immigration office through the days: who comes, in which order, and what groups are on their way."""

from collections import defaultdict
from datetime import date, timedelta
from random import Random

from services.contracts.calendar import is_working_day
from services.simulator import season
from services.simulator.applicant import Applicant, honest
from services.simulator.country import residents
from services.simulator.crowd import FAMILY, Crowd, families
from services.simulator.delivery import outages
from services.simulator.group import Common, Group, good_firms
from services.simulator.life import Desk, Window
from services.simulator.members import Homes, Members
from services.simulator.mix import Mix
from services.simulator.officers import staff
from services.simulator.people import Population, a_desa
from services.simulator.scenario import Scenario, cast
from services.simulator.values import picker

# Kecamatan with most migrant workers [S64b]; organisers recruit there more often.
RECRUITING = ("330106", "330103", "330104", "330105", "330102")
SEA_DAYS, ON_SEA_DAYS, ON_OTHERS = 0.08, 4.0, 0.74  # seafarers dominate some days [S11]; the mean stays
REMEMBERED = 60  # applicants among whom a duplicate is found


class Office:
    """Draws the applicants of each working day. All chance comes from its own generator."""

    def __init__(
        self, code: str, random: Random, people: Population, mix: Mix, first: date, last: date, *,
        rate: float, plant: tuple[str, ...] = (), rings: int | None = None,
    ) -> None:  # fmt: skip
        self.code, self.random, self.people, self.mix, self.rate = code, random, people, mix, rate
        self._homes = (
            Homes(mix.kabupaten, mix.seafarer_kabupaten) if code == "CLP" else Homes(residents(code), residents(code))
        )
        officers = staff(random, code, max(4, int(rate / 25)))
        down = outages(random, first, last, mix.raw["process"]["registry_outages_a_year"])
        self.offline: tuple[Window, ...] = outages(random, first, last, mix.raw["process"]["office_outages_a_year"])
        self.desk = Desk(officers, mix, down)
        self.groups: list[Group] = []
        self.members = Members(people, mix, self._homes)
        self._crowd = Crowd(random, people, mix, self._homes, first, rate)
        self._returning: dict[date, list[Applicant]] = defaultdict(list)
        self._recent: list[Applicant] = []
        self._backlog = 0.0
        self._started = 0
        self._plan_groups(first, last, plant, rings)

    # -- groups

    def _plan_groups(self, first: date, last: date, plant: tuple[str, ...], rings: int | None) -> None:
        random, days = self.random, (last - first).days + 1
        scale = days / 365 * self.rate / 160
        truth = self.mix.raw["truth"]
        drawn = int(random.randint(*truth["rings_a_year"]) * scale + random.random())
        every = [s for s in cast().values() if s.kind == "ring"]
        for _ in range(drawn if rings is None else rings):
            self._start(every[int(random.random() * len(every))], first, days)
        for s in cast().values():
            if s.kind == "negative" and s.per_year:
                for _ in range(int(random.randint(*s.per_year) * scale + random.random())):
                    self._start(s, first, days)
        if rings is None and random.random() < truth["large_ring_chance"] * scale:
            self._start(cast()["lpk_korea"], first, days, large=True)
        for name in plant:
            self._start(cast()[name], first, 1 if days < 40 else days // 2)

    def _start(self, s: Scenario, first: date, days: int, *, large: bool = False) -> None:
        begin = first + timedelta(days=int(self.random.random() * days))
        self.groups.append(self.group_of(s, Random(self.random.getrandbits(64)), begin, large=large))

    def group_of(self, s: Scenario, random: Random, begin: date, *, large: bool = False) -> Group:
        """A new group with its own chance, not yet among those that come by themselves."""
        self._started += 1
        desa = self._origin(s)
        firms = good_firms(s.firm) if s.firm else ()
        common = Common(random, self.people, begin, desa, firms[int(random.random() * len(firms))] if firms else None)
        size = random.randint(*(s.large_size if large and s.large_size else s.size))
        return Group(f"{self.code}-{s.id}-{self._started:03d}", s, random, common, desa, size, begin)

    def _origin(self, s: Scenario) -> str:
        random = self.random
        if s.people.from_ == "seafarer_area":
            return a_desa(random, self._homes.seafarers(random))
        if s.kind == "ring" and self.code == "CLP" and random.random() < 0.5:
            return a_desa(random, RECRUITING[int(random.random() * len(RECRUITING))])
        return a_desa(random, self._homes.any(random))

    # -- one day

    def day(self, day: date) -> list[Applicant]:
        """The applicants of one working day in the order of their slots; families stay together."""
        parties = self._of_groups(day) + [[a] for a in self._returning.pop(day, [])]
        field = sum(len(p) for p in parties if p and p[0].channel in ("eazy", "simpatik"))
        counter = sum(map(len, parties)) - field
        weights = season.weights(day, self.mix.shapes)
        wanted = self._quota(day, sum(weights.values()) / 100)
        sea = ON_SEA_DAYS if self.random.random() < SEA_DAYS else ON_OTHERS
        pick = picker(
            {p: w * (sea if p.startswith("pelaut") else 1.0) / self._party_size(p) for p, w in weights.items()}
        )
        while counter < wanted:
            party = self._crowd.party(day, pick, self._recent)
            parties.append(party)
            counter += len(party)
        self.random.shuffle(parties)
        applicants = [a for party in parties for a in party]
        for a in applicants:
            a.office = a.office or self.code
        self._recent = applicants[-REMEMBERED:]
        return applicants

    def _party_size(self, purpose: str) -> float:
        return 1 + families(self.mix.purposes[purpose]) * (FAMILY - 1)

    def _quota(self, day: date, demand: float) -> int:
        """Slots taken: the demand of the season, at most the quota; the rest comes on later days."""
        mean = self.rate * demand * season.weekday(day) + self._backlog
        drawn = max(0.0, self.random.gauss(mean, mean**0.5))
        taken: float = min(drawn, self.rate * self.mix.raw["quota"]["factor"])
        self._backlog = max(0.0, drawn - taken)
        return max(1, round(taken))

    def _of_groups(self, day: date) -> list[list[Applicant]]:
        found: list[list[Applicant]] = []
        for group in self.groups:
            count = group.due(day)
            while count > 0:
                party = self.members.party(group, day, count)
                count -= len(party)
                found.append(party)
        self.groups = [g for g in self.groups if g.left > 0 or g.scenario.kind == "ring"]
        return found

    def comes_again(self, a: Applicant, day: date, application_type: str) -> None:
        """Plan another application of the same person."""
        while not is_working_day(day):
            day += timedelta(days=1)
        common: Common = self._crowd.common(a.purpose, day, a.who.desa)
        again = honest(a.who, a.purpose, self.random, day, common, self.mix, application_type=application_type)
        again.truth, again.openness, again.true = a.truth, a.openness, a.true
        self._returning[day].append(again)
