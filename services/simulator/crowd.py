"""The ordinary people of an office, one party after the other: alone, a family, by a village go-between, or in quiet danger."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from services.simulator.applicant import Applicant, cast_as, honest
from services.simulator.group import Common, good_firms
from services.simulator.members import Homes, one
from services.simulator.mix import Mix, Pick, Purpose
from services.simulator.people import Person, Population, a_desa
from services.simulator.scenario import cast
from services.simulator.values import picker

GO_BETWEENS = 40  # of villages, with 5 to 40 people a year each
TRAVEL_PHONE = 0.2  # of the pilgrims: the organiser's phone on the form
FAMILY = 2.42  # people of a family that applies together, on average
PARTY = 1.3  # people of an ordinary party on average: a lot is drawn for each party, rates are for each application


class Crowd:
    """Draws parties from the chance of its office."""

    def __init__(self, random: Random, people: Population, mix: Mix, homes: Homes, first: date, rate: float) -> None:
        self.random, self.people, self.mix, self.homes = random, people, mix, homes
        self._firm_phones: dict[str, str] = {}
        lone = {s.id: s.share for s in cast().values() if s.kind == "lone" and s.share}
        self._lone, self._lone_share = picker(lone), sum(lone.values()) / 100
        self._go_betweens = [
            (a_desa(random, homes.any(random)), Common(random, people, first, ""))
            for _ in range(max(1, int(GO_BETWEENS * rate / 160)))
        ]

    def party(self, day: date, pick: Pick, recent: Sequence[Applicant]) -> list[Applicant]:
        """One person or one family. `pick` draws the purpose of an honest one, `recent` applied a moment ago."""
        random = self.random
        lot = random.random() / PARTY
        if lot < self._lone_share:
            return [self._alone_in_danger(day)]
        if lot < self._lone_share + self.mix.rate("duplicate") and recent:
            return [self._again(day, recent)]
        purpose = pick(random)
        kind = self.mix.purposes[purpose]
        if random.random() < families(kind):
            return self._family(purpose, day)
        helper = self._go_betweens[int(random.random() * len(self._go_betweens))] if random.random() < self.mix.raw["shared_phone"]["go_between"] * PARTY * 1.2 else None  # fmt: skip
        desa = (
            helper[0]
            if helper
            else a_desa(random, (self.homes.seafarers if purpose.startswith("pelaut") else self.homes.any)(random))
        )
        who = self._person(purpose, desa, day)
        a = honest(who, purpose, random, day, self.common(purpose, day, desa), self.mix)
        if helper is not None:
            a.party = a.phone_of = "go_between"
            a.form |= {"phone": helper[1].get("phone"), "account": helper[1].get("account")}
            a.booking = {"device": helper[1].get("device"), "ip": helper[1].get("ip")}
        elif purpose == "umrah" and random.random() < TRAVEL_PHONE:
            self._of_travel_group([a])
        return [a]

    def common(self, purpose: str, day: date, desa: str) -> Common:
        """What one party has in common: a licensed firm when the purpose has one."""
        kind = self.mix.honest[purpose].firm
        firms = good_firms(kind) if kind else ()
        return Common(
            self.random, self.people, day, desa, firms[int(self.random.random() * len(firms))] if firms else None
        )

    def _person(self, purpose: str, desa: str, day: date) -> Person:
        kind, random = self.mix.purposes[purpose], self.random
        low, high, mode = kind.age
        age = int(random.triangular(low, high, mode))
        return self.people.person(random, day, desa, age, "P" if random.random() < kind.women else "L")

    def _family(self, purpose: str, day: date) -> list[Applicant]:
        random = self.random
        head = self._person(purpose, a_desa(random, self.homes.any(random)), day)
        people = [
            head,
            self.people.person(
                random, day, head.desa, max(20, head.age(day) - 3), "P" if head.sex == "L" else "L", like=head
            ),
        ]
        while len(people) < 4 and random.random() < 0.32:
            age = max(1, head.age(day) - 24 - int(random.random() * 6))
            people.append(
                self.people.person(
                    random,
                    day,
                    head.desa,
                    age,
                    "LP"[int(random.random() * 2)],
                    like=head,
                    parents=(people[0].nik, people[1].nik),
                )
            )
        one_phone = random.random() < 0.9
        common = self.common(purpose, day, head.desa)
        depart = (day + timedelta(days=20 + int(random.random() * 90))).isoformat()
        party = []
        for n, who in enumerate(people):
            a = honest(who, purpose, random, day, common, self.mix)
            a.party = "family"
            a.form["companions"] = [{"nik": p.nik, "relation": _relation(n, m)} for m, p in enumerate(people) if m != n]
            if "depart_date" in a.form:
                a.form["depart_date"] = depart
            if one_phone or who.age(day) < 17:
                a.form |= {"phone": head.phone, "email": head.email, "account": head.email}
                a.payment, a.phone_of = {"payer_account": head.email}, "family"
            if who.age(day) < 17:
                a.form["parent_consents"] = [{"parent": "ayah", "verified": True}, {"parent": "ibu", "verified": True}]
                a.counter = {
                    "escort_present": True,
                    "escort": {"name": head.name, "phone": head.phone},
                    "escort_relation": "parent",
                }
            party.append(a)
        if purpose == "umrah" and random.random() < TRAVEL_PHONE:
            self._of_travel_group(party)
        return party

    def _of_travel_group(self, party: list[Applicant]) -> None:
        """Filled in by the licensed organiser of the journey, whose phone stands on the form."""
        for a in party:
            firm = a.form.get("agent_license_no")
            if firm is not None:
                a.party = a.phone_of = "licensed_group"
                a.form["phone"] = self._firm_phones.setdefault(firm, self.people.phone(self.random))

    def _alone_in_danger(self, day: date) -> Applicant:
        random = self.random
        s = cast()[self._lone(random)]
        desa = a_desa(random, self.homes.any(random))
        who = one(s, desa, random, day, self.people, self.homes)
        common = Common(random, self.people, day, desa)
        a = honest(who, picker(s.purpose)(random), random, day, common, self.mix)
        return cast_as(a, s, random, day, common, self.mix, None)

    def _again(self, day: date, recent: Sequence[Applicant]) -> Applicant:
        """Somebody who has just applied applies once more; the central check finds it."""
        known = recent[int(self.random.random() * len(recent))]
        a = honest(
            known.who, known.purpose, self.random, day, self.common(known.purpose, day, known.who.desa), self.mix
        )
        a.duplicate = True
        return a


def families(kind: Purpose) -> float:
    """Share of parties that are families, from the share of applications that come in one."""
    return kind.family / (FAMILY - (FAMILY - 1) * kind.family)


def _relation(mine: int, other: int) -> str:
    if mine < 2 and other < 2:
        return "spouse"
    if mine < 2:
        return "child"
    return "parent" if other < 2 else "saudara"
