"""One scenario alone on the stage: for trying rules, for training, for tests. Same arguments, same events."""

from datetime import date, timedelta
from typing import Any

import orjson

from services.contracts.calendar import is_working_day
from services.simulator.applicant import Applicant
from services.simulator.group import Group
from services.simulator.office import Office
from services.simulator.scenario import cast
from services.simulator.world import Plan, World

SPEAKS = 9.0  # openness of somebody who tells everything when asked


def speaking(a: Applicant) -> Applicant:
    """The same person in a deep interview, telling what is true."""
    a.openness, a.interview_level = SPEAKS, "deep"
    return a


class Scene(World):
    """A world in which one group comes, and nobody else. With `speak`, everybody tells the truth in a deep interview."""

    def __init__(
        self, scenario: str, first: date, *, seed: int = 1, speak: bool = False, size: int | None = None
    ) -> None:
        self.truths: list[dict[str, Any]] = []
        super().__init__(Plan(first, first + timedelta(days=400), seed=seed, rings=0), self.truths.append)
        self._speak = speak
        (office,) = self.offices
        self.group: Group = office.group_of(cast()[scenario], office.random, first)
        if size is not None:
            self.group.left = self.group.size = size

    def applicants(self, office: Office, day: date) -> list[Applicant]:
        count = self.group.due(day) if is_working_day(day) else 0
        found: list[Applicant] = []
        while len(found) < count:
            found += office.members.party(self.group, day, count - len(found))
        for a in found:
            a.office = a.office or office.code
        return [speaking(a) for a in found] if self._speak else found

    def events(self) -> list[dict[str, Any]]:
        """All upstream events in order of arrival."""
        return [orjson.loads(arrived.line) for arrived in self.stream()]
