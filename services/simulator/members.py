"""Who the members of a group are: people as its scenario wants them, kin among them, in the order they come."""

from dataclasses import dataclass, replace
from datetime import date
from random import Random

from services.simulator.applicant import Applicant, cast_as, honest
from services.simulator.group import NEIGHBOURS, Group
from services.simulator.mix import Mix, Pick
from services.simulator.people import Person, Population, a_desa
from services.simulator.scenario import Scenario
from services.simulator.values import picker


@dataclass(frozen=True)
class Homes:
    """Draws the kabupaten of anybody, and of seafarers, who come from other coasts too [S11]."""

    any: Pick
    seafarers: Pick


@dataclass(frozen=True)
class Members:
    """Makes the applicants of a group, each from the group's own chance."""

    people: Population
    mix: Mix
    homes: Homes

    def party(self, group: Group, day: date, most: int) -> list[Applicant]:
        """The next party of a group: one person, or a family."""
        s, random = group.scenario, group.random
        purpose = picker(s.purpose)(random)
        if "other_purpose" in group.learnt and s.other_purpose:
            purpose = s.other_purpose
        kin = s.people.kin
        people = (
            self._kin(s, group, day, most)
            if kin != "alone"
            else [one(s, group.desa, random, day, self.people, self.homes)]
        )
        party = []
        for n, who in enumerate(people):
            group.made += 1
            a = honest(who, purpose, random, day, group.common, self.mix, application_type=s.application_type)
            a = cast_as(a, s, random, day, group.common, self.mix, group)
            if "other_office" in group.learnt:
                a.office = NEIGHBOURS[int(random.random() * len(NEIGHBOURS))]
            _kin_details(a, n, people, s)
            party.append(a)
        return party

    def _kin(self, s: Scenario, group: Group, day: date, most: int) -> list[Person]:
        random, first = group.random, one(s, group.desa, group.random, day, self.people, self.homes)
        made = self.people.person
        if s.people.kin == "twins":
            parents = tuple(made(random, day, first.desa, first.age(day) + 27, sex, like=first).nik for sex in "LP")
            both = replace(first, parents=parents)
            number = made(random, day, first.desa, first.age(day), first.sex, like=first)
            # Born on the same day: the serial tells them apart.
            twin = replace(number, birth=first.birth, parents=parents, nik=first.nik[:12] + number.nik[12:])
            return [both, twin][:most]
        if s.people.kin == "grandchildren":
            return [
                first,
                *(
                    made(random, day, first.desa, 6 + int(random.random() * 9), "PL"[n % 2], like=first)
                    for n in range(most - 1)
                ),
            ]
        if s.purpose.keys() == {"berobat"}:
            mother = made(random, day, first.desa, first.age(day) + 26, "P", like=first)
            return [replace(first, parents=(mother.nik,)), mother][:most]
        other = made(random, day, first.desa, max(19, first.age(day) - 2), "P" if first.sex == "L" else "L", like=first)
        return [first, other][:most]


def one(s: Scenario, desa: str, random: Random, day: date, people: Population, homes: Homes) -> Person:
    """One person as the scenario wants them, living where it says."""
    women = s.people.women if s.people.women is not None else 0.5
    home = {"one_desa": desa, "area": ""}.get(s.people.from_)
    if s.people.from_ == "one_kecamatan":
        home = a_desa(random, desa[:6])
    elif s.people.from_ == "one_kabupaten":
        home = a_desa(random, desa[:4])
    elif s.people.from_ == "seafarer_area":
        home = a_desa(random, homes.seafarers(random))
    return people.person(random, day, home or a_desa(random, homes.any(random)), random.randint(*s.people.age), "P" if random.random() < women else "L")  # fmt: skip


def _kin_details(a: Applicant, n: int, people: list[Person], s: Scenario) -> None:
    others = [p for p in people if p is not a.who]
    if not others:
        return
    if s.people.kin == "twins":
        a.biometrics = {"bms_result": "other_identity", "other_identity": others[0].nik}
    elif s.people.kin == "grandchildren":
        grandmother = n == 0
        a.form["companions"] = [
            {"nik": p.nik, "relation": "cucu" if grandmother else "nenek"}
            for p in (others if grandmother else people[:1])
        ]
        if grandmother:
            a.counter = {}
        else:
            a.form["parent_consents"] = [{"parent": "ibu", "verified": True}]
    else:
        a.form["companions"] = [{"nik": p.nik, "relation": "keluarga"} for p in others]
