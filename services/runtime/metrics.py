"""Metrics that every service has. Label values are few and never personal."""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("tppo_messages_total", "Messages read from topics, by result.", ["topic", "result"])
DEAD_LETTERS = Counter("tppo_dead_letters_total", "Messages put aside, by kind.", ["topic", "kind"])
HANDLE_SECONDS = Histogram(
    "tppo_batch_handle_seconds",
    "Time from a batch being read to its offsets being committed.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PUBLISHED = Counter("tppo_published_total", "Messages acknowledged by the broker.", ["topic"])
LAST_TURN = Gauge("tppo_loop_last_turn_timestamp_seconds", "When the main loop turned last, Unix time.")
AWAY_SINCE = Gauge("tppo_parts_away", "1 while the broker or the store cannot be reached.")
