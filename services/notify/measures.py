"""Metrics of notify."""

from prometheus_client import Counter, Gauge, Histogram

STATUS = Counter("tppo_notify_progress_total", "Steps of alerts, by status and channel.", ["status", "channel"])
SENDS = Counter("tppo_notify_sends_total", "Messages handed to a channel, by what it said.", ["channel", "result"])
REPEATED = Counter(
    "tppo_notify_repeated_total", "Messages sent again with the same idempotency key, after a crash or a retry."
)
TO_ACKNOWLEDGE = Histogram(
    "tppo_notify_acknowledge_seconds",
    "From the request of an alert to its acknowledgement.",
    ["severity"],
    buckets=(30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800),
)
OPEN = Gauge("tppo_notify_open_alerts", "Alerts that wait for somebody.")
DUE = Gauge("tppo_notify_due_alerts", "Alerts whose next step is due now.")
OVERDUE_SECONDS = Gauge("tppo_notify_overdue_seconds", "How long the oldest due step waits.")
FAULTS = Gauge(
    "tppo_notify_audit_faults", "Open alerts whose next step is not what it must be, in the auditor's last look."
)
HEARTBEAT = Gauge("tppo_notify_heartbeat_timestamp_seconds", "When the auditor passed last, Unix time.")
SHUT = Gauge("tppo_notify_channel_rests", "1 while a channel rests after failures.", ["channel"])
CHANNEL_UNCHECKED = Gauge(
    "tppo_notify_people_not_tokenised", "People who cannot be told yet, since intake did not answer."
)
