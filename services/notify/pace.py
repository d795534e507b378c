"""Keys of messages, and how long to wait for the next try. Pure; nothing random in a verb."""

from uuid import uuid5

from services.contracts import ids

BACKOFF_S = (2, 5, 15, 60, 180, 600)
LONGEST_WAIT_S = 3600.0  # a receiver may ask for a pause, not for for ever


def backoff(attempt: int, key: str) -> float:
    """Seconds until the next try; spread by the message's own key, so that a storm does not come back all at once."""
    spread = 0.75 + uuid5(ids.NAMESPACE, f"{key}/{attempt}").int % 1000 / 2000
    return BACKOFF_S[min(attempt, len(BACKOFF_S)) - 1] * spread


def key(name: str) -> str:
    """The same for the same alert, place in its chain, person and channel."""
    return str(uuid5(ids.NAMESPACE, name))
