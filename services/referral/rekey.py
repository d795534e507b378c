"""Moves the facts of cases to newer token keys, a few cases a turn of the loop; safe to repeat and to cut short."""

from collections.abc import Callable, Iterable
from typing import Any

from services.contracts import tokens
from services.contracts.tokens import Newer
from services.referral.store import CaseStore

Newest = Callable[[Iterable[str], int], tuple[int, dict[str, str]]]
A_TURN = 50


class Rekey:
    """What is wanted stands in the store; how far it is, only here.

    Each worker of several walks over all cases once it has heard of newer keys: from then on it writes no older token itself.
    """

    def __init__(self, store: CaseStore, newest: Newest) -> None:
        self._store, self._newest = store, newest
        self.wanted, self._done = store.versions()
        self._after = ""

    def state(self) -> dict[str, Any]:
        return {"moving": self.wanted > self._done, "token_version": self._done}

    def want(self, version: int) -> None:
        self._store.want_version(version)

    def facts(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Facts of an assessment, no older than what the cases hold: contacts are compared with the roster by their tokens."""
        found = set(tokens.found(facts))
        if min(tokens.versions(found), default=self.wanted) >= self.wanted:
            return facts
        moved: dict[str, Any] = tokens.moved(facts, Newer(*self._newest(found, self.wanted)))
        return moved

    def turn(self) -> int:
        """One step; returns how many cases were looked at."""
        wanted, _ = self._store.versions()  # another worker may have been told
        if wanted > self.wanted:
            self.wanted, self._after = wanted, ""
        if self.wanted <= self._done:
            return 0
        cases = self._store.tokens_after(self._after, A_TURN)
        for case in cases:
            held = {
                "facts": case.get("facts", {}),
                "referrals": case.get("referrals", []),
                "ring_entities": case.get("ring_entities", []),
            }
            moved = self.facts(held)
            if moved is not held and not self._store.set_moved(case["_id"], case["version"], moved):
                break  # read again with the next step
            self._after = case["_id"]
        if not cases:
            self._store.all_moved(self.wanted)
            self._done = self.wanted
        return len(cases)
