"""One office day: applications with all their events, in the upstream format. Small; the simulated world takes its place.

Same seed, same events. Truth is simple: a few applicants are in danger, and their answers show it.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random

from services.contracts.calendar import WIB, is_working_day
from services.simulator.application import Application, Event, event
from services.simulator.troubles import TROUBLE

LICENCES = (
    ("PPIU-101", "ppiu", "PT Amanah Contoh Wisata", "active"),
    ("PPIU-102", "ppiu", "PT Safar Contoh", "suspended"),
    ("P3MI-201", "p3mi", "PT Karya Contoh Mandiri", "active"),
    ("SIU-301", "siuppak", "PT Samudra Contoh", "active"),
    ("SO-401", "lpk_so", "LPK Sakura Contoh", "active"),
)


def last_working_day(today: date) -> date:
    """The day itself when it is one."""
    while not is_working_day(today):
        today -= timedelta(days=1)
    return today


def play(day: date, *, applications: int = 160, seed: int = 1) -> list[Event]:
    """All events of the day's applications, in the order of their time."""
    random = Random(f"{seed}/{day.isoformat()}")
    events = list(_licences(day))
    for number in range(applications):
        trouble = TROUBLE.get(number % 160)
        events += Application(random, number, day, trouble).events()
    return sorted(events, key=_when)


def _licences(day: date) -> Iterator[Event]:
    for number, kind, name, status in LICENCES:
        at = datetime.combine(day - timedelta(days=30), time(5), WIB)
        data = {"kind": kind, "license_no": number, "name": name, "status": status, "valid_to": f"{day.year + 2}-12-31"}
        yield event(f"lic-{number}-{day}", "license.snapshot", f"LIC-{number}", at, data)


def _when(event: Event) -> tuple[datetime, str]:
    return datetime.fromisoformat(event["time"]), event["id"]
