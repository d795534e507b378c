"""Whether a case history is what it was: its own chain, and against the heads that stand on `case-events`. Pure.

Whoever changes a stored entry must make every later hash anew, and then differs from the heads that were published; whoever
cuts the tail lacks entries that were published.
"""

from collections.abc import Mapping, Sequence

from services.referral.case import Entry, chain_hash


def faults(history: Sequence[Entry], anchored: Mapping[int, str]) -> list[str]:
    """What does not fit, one sentence each. `anchored`: place in the history → published head."""
    found, before = [], "0" * 64
    for place, entry in enumerate(history):
        if entry.seq != place:
            found.append(f"entry {place} says it is number {entry.seq}: one was removed, put in or moved")
            break
        if entry.before != before:
            found.append(f"entry {place} does not follow from the one before it")
        if chain_hash(entry.model_dump()) != entry.hash:
            found.append(f"entry {place} is not what it was when it was written")
        if place in anchored and anchored[place] != entry.hash:
            found.append(f"entry {place} is other than the head that was published")
        before = entry.hash
    if missing := sorted(n for n in anchored if n >= len(history)):
        found.append(f"entries {missing[0]} to {missing[-1]} were published and are not there: the end was cut off")
    return found
