"""Metrics of the door. No label holds a name of an unknown field: those stand in `/unknown-fields`."""

from collections import Counter
from collections.abc import Iterable

from prometheus_client import Counter as Metric
from prometheus_client import Histogram

EVENTS = Metric("tppo_intake_events_total", "Events by door and answer.", ["door", "answer"])
FAULTS = Metric("tppo_intake_faults_total", "Faults found in refused events, by rule.", ["rule"])
UNREADABLE = Metric("tppo_intake_unreadable_values_total", "Values that could not be normalised, by field.", ["field"])
UNKNOWN = Metric("tppo_intake_unknown_fields_total", "Fields of events that the dictionary does not know.")
RESENT = Metric("tppo_intake_resent_total", "Owed events that were sent again.")
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
