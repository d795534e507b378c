"""Metrics of risk."""

from prometheus_client import Counter, Histogram

ASSESSMENTS = Counter("tppo_risk_assessments_total", "Assessments by level and cause.", ["level", "cause"])
RECORDED = Counter("tppo_risk_facts_recorded_total", "Events without an application that were kept.")
FINDINGS = Counter("tppo_risk_findings_total", "Indicators that answered yes.", ["indicator"])
KNOWN = Counter("tppo_risk_known_events_total", "Events that came again and changed nothing.")
UNUSABLE = Counter(
    "tppo_risk_unusable_facts_total",
    "Facts of a wrong type or out of range, taken out before the assessment.",
    ["type", "fact"],
)
SIGHTINGS = Counter("tppo_risk_sightings_total", "Rows, marks and reviews of entities that were taken.")
SIGNALS = Counter("tppo_risk_signals_total", "What entities said to their members.")
RINGS = Counter("tppo_risk_rings_total", "Rings that came, grew, merged or fell apart.")
PACKS_REFUSED = Counter("tppo_risk_packs_refused_total", "Rule packs that were to be activated and did not hold.")
BATCH_EVENTS = Histogram("tppo_risk_batch_events", "Events in a batch.", buckets=(1, 5, 10, 50, 100, 250, 500, 1000))
BATCH_SECONDS = Histogram(
    "tppo_risk_batch_seconds",
    "Time of a batch from being read to its state being written.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
