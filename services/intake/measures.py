"""Metrics of the door. No label holds a name of an unknown field: those stand in `/unknown-fields`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from phonenumbers import SUPPORTED_REGIONS
from prometheus_client import Counter as Metric
from prometheus_client import Gauge, Histogram

from services.contracts.calendar import WIB, is_working_day
from services.contracts.regions import desa
from services.contracts.upstream import UpstreamData
from services.intake.check import Checked, Rejected

EVENTS = Metric("tppo_intake_events_total", "Events by door and answer.", ["door", "answer"])
FAULTS = Metric("tppo_intake_faults_total", "Faults found in refused events, by rule.", ["rule"])
TAKEN = Metric("tppo_intake_taken_total", "Accepted events by type and office.", ["type", "office"])
LAST = Gauge("tppo_intake_last_event_seconds", "Unix time when the last event of a source was taken.", ["source"])
OPEN = Gauge("tppo_intake_office_open", "1 in office hours (08 to 16 WIB) of a working day, else 0.")
UNREADABLE = Metric("tppo_intake_unreadable_values_total", "Values that could not be normalised, by field.", ["field"])
UNKNOWN = Metric("tppo_intake_unknown_fields_total", "Fields of events that the dictionary does not know.")
UNKNOWN_CODES = Metric(
    "tppo_intake_unknown_codes_total", "Well-formed region and country codes that no list has, by field.", ["field"]
)
RESENT = Metric("tppo_intake_resent_total", "Owed events that were sent again.")
LOOKED_AT_MANY = Gauge(
    "tppo_intake_actors_over_reveal_limit", "Actors who had more applications revealed in the last hour than the limit."
)
DESTROYED = Metric("tppo_intake_destroyed_total", "Applications whose data key was destroyed at the end of retention.")
REVEALS = Metric("tppo_intake_reveals_total", "Reveals of personal values, by result.", ["result"])
SECONDS = Histogram(
    "tppo_intake_batch_seconds",
    "Time from a batch being received to its answer.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

unknown_names: Counter[str] = Counter()
_NAMES_KEPT = 1000


def count_fields(unreadable: Counter[str], unknown: Iterable[str]) -> None:
    for field, times in unreadable.items():
        UNREADABLE.labels(field).inc(times)
    for name in unknown:
        UNKNOWN.inc()
        if name in unknown_names or len(unknown_names) < _NAMES_KEPT:
            unknown_names[name[:64]] += 1


def count_taken(door: str, events: Sequence[Checked], answers: Sequence[str]) -> None:
    """Answers given, and what was new by type, office and source. Sources and offices are few: labels of a token's holder."""
    for answer, times in Counter(answers).items():
        EVENTS.labels(door, answer).inc(times)
    accepted = [c for c, answer in zip(events, answers, strict=True) if answer == "accepted"]
    for checked in accepted:
        count_unknown_codes(checked.data)
    for (type_, office), times in Counter((c.event.type, c.event.officecode) for c in accepted).items():
        TAKEN.labels(type_, _bounded("office", office)).inc(times)
    for source in {c.event.source for c in accepted}:
        LAST.labels(_bounded("source", source)).set_to_current_time()


def look_at_the_clock(now: datetime) -> None:
    """Whether a silent source means something."""
    here = now.astimezone(WIB)
    OPEN.set(is_working_day(here.date()) and 8 <= here.hour < 16)


def count_unknown_codes(data: UpstreamData) -> None:
    """Well-formed codes of regions that today's list does not have: old codes are normal, many new ones are a mistake."""
    for name in ("ktp_desa_code", "domicile_desa_code", "desa_code"):
        code = getattr(data, name, None)
        if code is not None and code not in desa():
            UNKNOWN_CODES.labels(name).inc()
    for country in getattr(data, "dest_countries", None) or ():
        if country not in SUPPORTED_REGIONS:
            UNKNOWN_CODES.labels("dest_countries").inc()


def count_rejected(door: str, rejected: Rejected) -> None:
    EVENTS.labels(door, "rejected").inc()
    for fault in rejected.faults:
        FAULTS.labels(fault.rule).inc()


_labels: dict[str, set[str]] = {"office": set(), "source": set()}
_LABELS_KEPT = 300


def _bounded(label: str, value: str) -> str:
    """A label grows with what senders write, so only so many are told apart."""
    known = _labels[label]
    if value not in known and len(known) >= _LABELS_KEPT:
        return "other"
    known.add(value)
    return value
