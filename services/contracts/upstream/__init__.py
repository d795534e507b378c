"""What the passport system may send: one class per event type, each field with its class and how it leaves intake."""

from services.contracts.upstream import after, application, booking, counter, decision, interview, registry
from services.contracts.upstream.base import REGISTRY, UpstreamData

__all__ = [
    "REGISTRY",
    "UpstreamData",
    "after",
    "application",
    "booking",
    "counter",
    "decision",
    "interview",
    "registry",
]
