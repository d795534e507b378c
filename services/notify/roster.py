"""Who can be told: people, their hours, leave, ways to reach them, and which role of which agency they hold. Data, strict, read once."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.contracts.calendar import WIB, is_working_day
from services.runtime.yaml_file import YamlFile

_DAY = timedelta(days=1)
Ref = Annotated[str, Field(pattern=r"^[a-z0-9-]{3,64}$", description="reference of a person, no name")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hours(_Strict):
    """When a person can be reached, Western Indonesian time. `to` before `from` goes past midnight."""

    days: Literal["working", "all"]
    start: time = Field(alias="from")
    end: time = Field(alias="to")

    def cover(self, moment: datetime) -> bool:
        local = moment.astimezone(WIB)
        for began in (local.date(), local.date() - _DAY):
            if self.days == "working" and not is_working_day(began):
                continue
            opens = datetime.combine(began, self.start, WIB)
            closes = datetime.combine(began + (_DAY if self.end <= self.start else timedelta()), self.end, WIB)
            if opens <= local < closes:
                return True
        return False

    def next_start(self, moment: datetime) -> datetime:
        """When they begin next, at or after a moment outside them."""
        day = moment.astimezone(WIB).date()
        while True:
            opens = datetime.combine(day, self.start, WIB)
            if opens >= moment and (self.days == "all" or is_working_day(day)):
                return opens
            day += _DAY


class Leave(_Strict):
    """Away, both days included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> "Leave":
        if self.last < self.first:
            raise ValueError("ends before it begins")
        return self


class Way(_Strict):
    """A channel and an address in it."""

    channel: str
    to: str = Field(min_length=3, max_length=400)


class Person(_Strict):
    """Somebody who can help. Channels in the order in which they are tried."""

    hours: str
    language: Literal["id", "en"] = "id"
    channels: list[Way] = Field(min_length=1)
    phone: str | None = Field(None, description="own phone, only to see whether it stands on a case")
    leave: list[Leave] = []

    def away(self, moment: datetime) -> bool:
        today = moment.astimezone(WIB).date()
        return any(each.first <= today <= each.last for each in self.leave)


class Swap(_Strict):
    """Somebody else takes the duty for a while."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    person: Ref


class Rota(_Strict):
    """People take turns of equal length, from a moment on; at the moment of hand-over the next one is on duty."""

    people: list[Ref] = Field(min_length=2)
    start: datetime = Field(alias="from")
    every_hours: int = Field(ge=1, le=24 * 31)
    swaps: list[Swap] = []

    def on_duty(self, moment: datetime) -> str:
        for swap in self.swaps:
            if swap.start <= moment < swap.end:
                return swap.person
        turns = (moment - self.start) // timedelta(hours=self.every_hours)
        return self.people[turns % len(self.people)]

    def in_order(self, moment: datetime) -> list[str]:
        """Who is on duty first, then the others: somebody who does not answer must not be the end."""
        first = self.on_duty(moment)
        return [first, *(p for p in self.people if p != first)]


class Target(_Strict):
    """An agency, or a role of our own office: who holds which role, in order."""

    must_act: bool = Field(
        False, description="may get alerts on which a life depends: somebody is reachable at every hour"
    )
    asked: str = Field("liaison", description="the role that a request without one means")
    roles: dict[str, list[Ref] | Rota] = Field(min_length=1)


class Roster(_Strict):
    """Everybody."""

    fallback: str
    hours: dict[str, Hours]
    people: dict[Ref, Person]
    targets: dict[str, Target]

    @classmethod
    def load(cls, path: Path, channels: set[str]) -> "Roster":
        """YamlFault names file, line and key of the first thing that is wrong."""
        file = YamlFile(path)
        try:
            roster = cls.model_validate(file.data)
        except ValidationError as error:
            first = error.errors()[0]
            raise file.fault(
                [p for p in first["loc"] if p not in ("Rota", "list[constrained-str]")], first["msg"]
            ) from None
        for place, text in roster._faults(channels):
            raise file.fault(place, text)
        return roster

    def _faults(self, channels: set[str]) -> list[tuple[tuple[str | int, ...], str]]:
        found: list[tuple[tuple[str | int, ...], str]] = []
        if self.fallback not in self.targets:
            found.append((("fallback",), f"{self.fallback} is no target"))
        for ref, person in self.people.items():
            if person.hours not in self.hours:
                found.append(
                    (("people", ref, "hours"), f"there are no hours {person.hours}; known: {', '.join(self.hours)}")
                )
            for number, way in enumerate(person.channels):
                if way.channel not in channels:
                    known = ", ".join(sorted(channels))
                    found.append(
                        (("people", ref, "channels", number), f"unknown channel {way.channel}; known: {known}")
                    )
        for name, target in self.targets.items():
            if target.asked not in target.roles:
                found.append((("targets", name), f"nobody is its {target.asked}, whom a request without a role asks"))
            for role, held in target.roles.items():
                refs = [*held.people, *(s.person for s in held.swaps)] if isinstance(held, Rota) else held
                if not refs:
                    found.append((("targets", name, "roles", role), "nobody is there"))
                found += [
                    (("targets", name, "roles", role), f"{ref} is not among the people")
                    for ref in refs
                    if ref not in self.people
                ]
        return found

    def resolve(self, to: str) -> tuple[str, str, str | None]:
        """Target and role of a request, and why when it is not the one that was asked.

        `polres-3301` is its liaison, `polres-3301:head` its head. A role that nobody holds falls to the agency's liaison, an agency
        without people to the fallback.
        """
        name, _, role = to.partition(":")
        if to in self.targets:
            return to, self.targets[to].asked, None
        if name in self.targets:
            if role in self.targets[name].roles:
                return name, role, None
            return name, self.targets[name].asked, f"nobody is named for {to}; its agency is told"
        return self.fallback, self.targets[self.fallback].asked, f"nobody is named for {to}"

    def holders(self, target: str, role: str, moment: datetime) -> list[str]:
        """References of who holds a role, in the order in which they are told; who is on leave is left out."""
        known = self.targets.get(target)
        held = known.roles.get(role, []) if known else []
        refs = held.in_order(moment) if isinstance(held, Rota) else held
        return [ref for ref in refs if not self.people[ref].away(moment)]

    def in_hours(self, ref: str, moment: datetime) -> bool:
        return self.hours[self.people[ref].hours].cover(moment)
