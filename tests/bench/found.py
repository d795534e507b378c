"""`make bench-found`: which rings are found, when, and how many passports were out by then; what hard negatives look like.

Each scenario of the cast comes alone, with officers as they are (they do not ask everything): three times through the functions of the
whole way, event by event, and once through the whole system on Apache Kafka, day by day.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import orjson

from services.cli.offline import Offline
from services.contracts.assessments import RiskAssessed
from services.contracts.fields import parse_time
from services.simulator.scenario import Scenario, cast
from services.simulator.scene import Scene
from tests.bench import found_system, report
from tests.build import TOKENS

FIRST_DAY = date(2025, 1, 6)  # all that follows lies in the past: the door takes nothing from the future
SEEDS = (5, 6, 7)
FLAG = 2


@dataclass
class Played:
    """What happened to one group, in event time."""

    submitted: list[datetime] = field(default_factory=list)
    printed: list[datetime] = field(default_factory=list)
    flagged: datetime | None = None
    ring: datetime | None = None  # told, and grave enough for a case of its own
    levels: Counter[int] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)  # applications that were at level 2 or 3 at some time
    issued_notices: int = 0

    @property
    def found(self) -> datetime | None:
        """A member is flagged, or the ring brought to people as a case; whichever comes first."""
        return min((at for at in (self.flagged, self.ring) if at), default=None)

    def after(self, member: int) -> timedelta | None:
        """From the submission of member number `member` (from 1) until it is found."""
        return self.found - sorted(self.submitted)[member - 1] if self.found and len(self.submitted) >= member else None


def events_of(scenario: Scenario, seed: int) -> list[dict[str, Any]]:
    return Scene(scenario.id, FIRST_DAY, seed=seed, size=12 if scenario.kind == "ring" else None).events()


def begun(events: list[dict[str, Any]]) -> Played:
    found = Played()
    for event in events:
        at = parse_time(event["time"])
        if event["type"] == "application.submitted":
            found.submitted.append(at)
        elif event["type"] == "passport.printed":
            found.printed.append(at)
    return found


def play(scenario: Scenario, seed: int) -> Played:
    """Through the plain functions."""
    events = events_of(scenario, seed)
    found = begun(events)
    offline = Offline(TOKENS, datetime.now(UTC))
    noticed: set[str] = set()

    def each(assessed: RiskAssessed) -> None:
        at = parse_time(assessed.at)
        if assessed.level >= FLAG:
            found.reached.add(assessed.application_id)
            found.flagged = min(at, found.flagged or at)
        if assessed.notices:
            noticed.add(assessed.application_id)

    for event in events:  # one after the other, so that nobody hears of a later one before
        offline.run([orjson.dumps(event)], each)
        if found.ring is None and any(r.asks_for_a_case for r in offline.network.rings.values()):
            found.ring = parse_time(event["time"])
    assert offline.bad == []
    found.levels = Counter(a.level for a in offline.last.values())
    found.issued_notices = len(noticed)
    return found


def play_through(system: found_system.System, scenario: Scenario, seed: int) -> Played:
    """Through door, broker, store and risk; times are those of the last event of a day."""
    events = events_of(scenario, seed)
    found = begun(events)
    system.forget()
    newest: dict[str, RiskAssessed] = {}
    noticed: set[str] = set()
    for at, assessments, rings in system.days(events):
        for assessed in assessments:
            before = newest.get(assessed.application_id)
            if before is None or assessed.record_version > before.record_version:
                newest[assessed.application_id] = assessed
            if assessed.notices:
                noticed.add(assessed.application_id)
            if assessed.level >= FLAG:
                found.reached.add(assessed.application_id)
                found.flagged = found.flagged or at
        if found.ring is None and any(r.asks_for_a_case for r in rings):
            found.ring = at
    found.levels = Counter(a.level for a in newest.values())
    found.issued_notices = len(noticed)
    return found


def lines() -> Iterator[str]:
    yield "# Which rings are found, and when"
    yield ""
    yield f"{report.machine()}. `make bench-found`; rings of 12 members, officers as they are. Days of event time."
    yield ""
    yield "## Through the whole system: door, Apache Kafka 4.4, store, risk; one seed, day by day"
    yield ""
    with found_system.running() as system:
        yield from tables(lambda scenario: [play_through(system, scenario, SEEDS[0])])
    yield ""
    yield "## Through the plain functions, three seeds, medians"
    yield ""
    yield from tables(lambda scenario: [play(scenario, seed) for seed in SEEDS])


def tables(played: Callable[[Scenario], list[Played]]) -> Iterator[str]:
    yield "| ring | found | by a flagged member | by a case of the ring | first member → found | third member → found | passports printed before | `issued-passport` notices | members at level 2 or 3 in the end |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, scenario in cast().items():
        if scenario.kind == "ring":
            yield ring_line(name, played(scenario))
    yield ""
    yield "| hard negative | applications | level 0 in the end | 1 | 2 | 3 | at level 2 or 3 on the way | worlds with a case of a ring |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, scenario in cast().items():
        if scenario.kind == "negative":
            plays = played(scenario)
            levels = sum((p.levels for p in plays), Counter[int]())
            ends = " | ".join(str(levels[n]) for n in range(4))
            told = sum(p.ring is not None for p in plays)
            yield f"| {name} | {sum(levels.values())} | {ends} | {sum(len(p.reached) for p in plays)} | {told} of {len(plays)} |"


def ring_line(name: str, plays: list[Played]) -> str:
    found = [p for p in plays if p.found]
    printed = [sum(at < p.found for at in p.printed) for p in plays if p.found]
    flagged, told = sum(p.flagged is not None for p in plays), sum(p.ring is not None for p in plays)
    members = sum(len(p.submitted) for p in plays)
    deep = sum(p.levels[2] + p.levels[3] for p in plays)
    return (
        f"| {name} | {len(found)} of {len(plays)} | {flagged} | {told} | {_days(found, 1)} | {_days(found, 3)} "
        f"| {median(printed) if printed else '–'} | {sum(p.issued_notices for p in plays)} | {deep} of {members} |"
    )


def _days(plays: list[Played], member: int) -> str:
    days = [after.total_seconds() / 86400 for p in plays if (after := p.after(member)) is not None]
    return f"{median(days):.1f}" if days else "–"


def main() -> None:
    report.tell("found", lines())


if __name__ == "__main__":
    main()
