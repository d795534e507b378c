"""What one client may do: how many events a second, for which sources and offices. Plain, with the time passed in."""

from dataclasses import dataclass, field

from services.contracts.dead_letters import Fault
from services.contracts.envelope import UpstreamEvent
from services.intake.messages import fault
from services.runtime.identity import Caller

KEPT = 10_000  # clients remembered; a client that was quiet for so many others begins anew


@dataclass
class RateLimit:
    """A bucket for each client: `burst` events at once, refilled by `rate` events a second."""

    rate: float
    burst: float
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, client: str, events: int, now: float) -> float:
        """Seconds the client must wait; 0 takes the events out of its bucket. `now` is any steady clock."""
        left, at = self._buckets.pop(client, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.rate)
        # A batch larger than the bucket passes once the bucket is full: it could never pass otherwise.
        enough = left >= min(events, self.burst)
        self._buckets[client] = (left - events if enough else left, now)
        while len(self._buckets) > KEPT:
            self._buckets.pop(next(iter(self._buckets)))
        return 0.0 if enough else (min(events, self.burst) - left) / self.rate


def not_yours(who: Caller, event: UpstreamEvent) -> Fault | None:
    """A token may be for some sources and offices only (claims `sources`, `offices`); without the claim, for all."""
    for claim, path, value in (("offices", "officecode", event.officecode), ("sources", "source", event.source)):
        allowed = who.claims.get(claim)
        if allowed is not None and value not in (allowed.split() if isinstance(allowed, str) else allowed):
            return fault(path, "not_yours")
    return None
