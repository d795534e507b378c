"""What the running system says of itself, from its metrics and the ledger, as one row of figures."""

import json
import re
import urllib.request
from typing import Any

from services.embedded.stack import Addresses

_EVENTS = re.compile(r'^tppo_intake_events_total\{answer="(\w+)",door="(\w+)"\} ([\d.e+]+)$', re.MULTILINE)


class Figures:
    """Reads; keeps nothing."""

    def __init__(self, where: Addresses) -> None:
        self._where = where

    def read(self, sent: int) -> dict[str, Any]:
        """The figures of the demo's last line. `sent` is what the player sent so far."""
        answers = {"accepted": 0, "duplicate": 0, "rejected": 0}
        for answer, _, count in _EVENTS.findall(_get(f"{self._where.admin['intake']}/metrics")):
            if answer in answers:
                answers[answer] += int(float(count))
        ledger = json.loads(_get(f"{self._where.admin['ledger']}/summary"))
        lost = sent - sum(answers.values())
        return {
            "sent": sent,
            "accepted": answers["accepted"],
            "duplicates": answers["duplicate"],
            "rejected": answers["rejected"],
            "assessed": ledger["assessed"],
            "recorded": ledger["recorded"],
            "dead_lettered": ledger["dead_lettered"],
            "cases": ledger["cases"],
            "referrals": ledger["referrals"],
            "alerts": ledger["alerts"],
            "delivered": ledger["delivered"],
            "unaccounted": max(lost, 0) + abs(answers["accepted"] - ledger["accepted"]) + ledger["unaccounted"],
        }

    def settled(self, now: dict[str, Any]) -> bool:
        outcomes = now["assessed"] + now["recorded"] + now["dead_lettered"]
        return bool(now["unaccounted"] == 0 and outcomes == now["accepted"])


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body.decode()
