"""The simulated world: same seed, same bytes; lives as in the office; organisers that learn; nothing held in memory."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.contracts.fields import parse_time
from services.contracts.upstream import REGISTRY
from services.intake.check import Rejected, check
from services.simulator.country import country
from services.simulator.marginals import Tally
from services.simulator.world import Plan, World

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
# The bytes of a small world. A change of the simulator changes them: look what changed, then write the new digest here.
GOLDEN = "f993517ecf362e6f2e203d69cb210e619a39f6a7bbf0dbc52c95936c7d653619"
SMALL = Plan(date(2026, 3, 2), date(2026, 4, 10), seed=11, rate=12, plant=("scam_daring", "kembar"))


class Year:
    """A year at a quarter of the volume, read once."""

    def __init__(self) -> None:
        self.truths: list[dict[str, Any]] = []
        self.tally = Tally()
        self.types: Counter[str] = Counter()
        self.refused: list[Rejected] = []
        self.last_time: dict[str, datetime] = {}
        self.late = 0
        self.again = 0
        seen: set[str] = set()
        now = datetime(2026, 1, 2, tzinfo=UTC)

        def truth(line: dict[str, Any]) -> None:
            self.truths.append(line)
            self.tally.truth(line)

        for arrived in World(Plan(FIRST, LAST, seed=2, rate=40, rings=8), truth).stream():
            event = orjson.loads(arrived.line)
            self.tally.event(event)
            self.types[event["type"]] += 1
            checked = check(arrived.line, now)
            if isinstance(checked, Rejected):
                self.refused.append(checked)
            self.again += event["id"] in seen
            seen.add(event["id"])
            at = parse_time(event["time"])
            self.late += at < self.last_time.get(event["subject"], at)
            self.last_time[event["subject"]] = at

    @property
    def applications(self) -> list[dict[str, Any]]:
        return [t for t in self.truths if t["kind"] == "application"]


@pytest.fixture(scope="module")
def year() -> Year:
    return Year()


def test_every_event_passes_the_validation_of_intake(year: Year) -> None:
    assert year.refused == []
    assert sum(year.types.values()) > 100_000


def test_every_event_type_occurs(year: Year) -> None:
    assert set(year.types) == set(REGISTRY)


def test_events_come_late_and_some_come_twice(year: Year) -> None:
    total = sum(year.types.values())
    assert 0.001 < year.again / total < 0.01
    assert year.late > 50


def test_the_marginals_are_those_of_the_reference(year: Year) -> None:
    """Within 2.5 points; what counts a handful is left out (the committed table of a whole year has it)."""
    few = ("partner", "rings", "ring", "applications a working day", "residence others")
    off = [
        line
        for line in year.tally.lines()
        if not line.what.startswith(few) and abs(line.difference) > max(2.5, 0.06 * line.high)
    ]
    assert [(line.what, line.target, round(line.generated, 2)) for line in off] == []


def test_hidden_truth_is_told_for_every_application(year: Year) -> None:
    submitted = {t["application_id"] for t in year.applications}
    assert len(submitted) == len(year.applications)
    assert {t["truth"] for t in year.applications} == {"ordinary", "pmi_np", "tppo"}
    assert all(t["scenario"] for t in year.applications if t["truth"] != "ordinary" and t["party"] != "alone")


def test_an_application_begins_with_the_form_and_ends_after_its_decision() -> None:
    steps: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for arrived in World(SMALL, lambda _: None).stream():
        event = orjson.loads(arrived.line)
        steps[event["subject"]].append((event["time"], event["type"]))
    order = ["application.submitted", "payment.received", "appointment.booked", "applicant.checked_in", "interview.completed",
             "application.approved", "passport.printed", "passport.collected"]  # fmt: skip
    for subject, found in steps.items():
        if subject.startswith(("LIC", "TIP", "ALERT")):
            continue
        first: dict[str, str] = {}
        for at, type_ in sorted(found):
            first.setdefault(type_, at)
        times = [first[t] for t in order if t in first]
        assert times == sorted(times)
        assert min(found)[1] == "application.submitted"


def test_nothing_arrives_before_it_happened_and_the_file_is_in_order_of_arrival() -> None:
    before = datetime(2000, 1, 1, tzinfo=UTC)
    for arrived in World(SMALL, lambda _: None).stream():
        assert arrived.at >= before
        before = arrived.at
        assert parse_time(orjson.loads(arrived.line)["time"]) <= arrived.at
        assert arrived.at.date() <= SMALL.last


def test_the_days_of_the_office_are_working_days_and_visits_are_in_office_hours() -> None:
    for arrived in World(SMALL, lambda _: None).stream():
        event = orjson.loads(arrived.line)
        if event["type"] == "applicant.checked_in":
            at = parse_time(event["time"])
            assert at.weekday() < 5
            assert 7 <= at.hour < 16


def test_organisers_learn_from_refusals() -> None:
    """Over some rings, every kind of lesson is taken at least once."""
    lessons: Counter[str] = Counter()
    for seed in range(3):
        plan = Plan(FIRST, LAST, seed=seed, rate=2, rings=30)
        world = World(plan, lambda _: None)
        for _ in world.stream():
            pass
        (office,) = world.offices
        for group in office.groups:
            lessons.update(group.learnt)
    assert set(lessons) == {"new_phone", "own_phones", "other_office", "other_purpose", "coach", "pause"}


def test_a_ring_that_learnt_to_go_elsewhere_applies_elsewhere() -> None:
    truths: list[dict[str, Any]] = []
    for _ in World(Plan(FIRST, LAST, seed=1, rate=2, rings=40), truths.append).stream():
        pass
    offices = {t["office"] for t in truths if t["kind"] == "application" and t["party"] == "ring"}
    assert "CLP" in offices
    assert len(offices) > 1


def digest(plan: Plan = SMALL) -> str:
    """Of all events, then of all truth."""
    events, truth = hashlib.sha256(), hashlib.sha256()
    for arrived in World(plan, lambda line: truth.update(orjson.dumps(line))).stream():
        events.update(arrived.line)
    return events.hexdigest()[:32] + truth.hexdigest()[:32]


def test_same_seed_same_bytes_on_every_python() -> None:
    """`make test-python` runs this on a second Python version, against the same digest."""
    assert digest() == GOLDEN


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_same_bytes_with_any_hash_seed(hash_seed: str) -> None:
    code = "from tests.simulator.test_world import digest; print(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == GOLDEN


def test_another_seed_is_another_world() -> None:
    assert digest(Plan(SMALL.first, SMALL.last, seed=12, rate=12)) != GOLDEN


def test_the_country_has_151_offices_and_every_kabupaten_once() -> None:
    offices = country()
    areas = [k for part in offices.values() for k in part]
    assert len(offices) == 151
    assert len(areas) == len(set(areas)) == 514


def test_a_national_day_comes_from_all_offices() -> None:
    day = date(2026, 3, 3)
    offices = Counter(
        orjson.loads(a.line)["officecode"]
        for a in World(Plan(day, day, rate=4, national=True), lambda _: None).stream()
    )
    assert len(offices) == 151


def test_a_world_that_begins_on_another_day_has_other_people() -> None:
    """Days played one after the other into one system must not share people or phones."""

    def phones(first: date) -> set[str]:
        lines = World(Plan(first, first + timedelta(days=3), rate=30), lambda _: None).stream()
        forms = [e["data"] for e in (orjson.loads(a.line) for a in lines) if e["type"] == "application.submitted"]
        return {f["nik"] for f in forms} | {f["phone"][-9:] for f in forms}

    assert not phones(date(2026, 3, 2)) & phones(date(2026, 3, 9))
