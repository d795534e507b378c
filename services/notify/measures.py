"""Metrics of notify."""

from prometheus_client import Counter, Gauge

STATUS = Counter("tppo_notify_progress_total", "Steps of alerts, by status and channel.", ["status", "channel"])
OPEN = Gauge("tppo_notify_due_alerts", "Alerts whose next step is due now.")
