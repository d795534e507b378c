"""A sandbox agency that answers as real ones do: in time 60 %, late 25 %, never 15 %. For trials only. Needs `pip install httpx`.

    TPPO_URL=http://127.0.0.1:8082 TPPO_TOKEN_FILE=token python sandbox.py

What becomes of a referral follows from its id alone: a second run does the same. `TPPO_SPEED=60` lets a minute count as an hour of the
way to the deadline; `TPPO_ONCE=1` answers what is due and ends.
"""

import hashlib
import os
import pathlib
import sys
import time
from datetime import UTC, datetime
from typing import Any, Literal

import httpx

Habit = Literal["in_time", "late", "never"]
SPEED = float(os.environ.get("TPPO_SPEED", "1"))
ONCE = os.environ.get("TPPO_ONCE") == "1"


def habit(referral_id: str) -> tuple[Habit, float]:
    """What this agency does with a referral, and when: share of the time to the deadline."""
    draw, when = (
        int.from_bytes(hashlib.sha256(f"{what}{referral_id}".encode()).digest()[:4]) / 2**32 for what in ("a", "b")
    )
    if draw < 0.60:
        return "in_time", 0.1 + 0.8 * when
    return ("late", 1.1 + 0.8 * when) if draw < 0.85 else ("never", float("inf"))


class Sandbox:
    """Remembers only when it first saw a referral."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._seen: dict[str, datetime] = {}

    def turn(self) -> int:
        """Acknowledge and answer what is due; how many answers were given."""
        return sum(self._one(referral) for state in ("sent", "acknowledged") for referral in self._waiting(state))

    def _waiting(self, state: str) -> list[dict[str, Any]]:
        found, after = list[dict[str, Any]](), None
        while True:
            query = {"state": state, "limit": "200"} | ({"after": after} if after else {})
            page = self._http.get("/agency/referrals", params=query).raise_for_status().json()
            if not page["referrals"]:
                return found
            found, after = [*found, *page["referrals"]], page["after"]

    def _one(self, referral: dict[str, Any]) -> int:
        rid, now = referral["referral_id"], datetime.now(UTC)
        what, share = habit(rid)
        first = self._seen.setdefault(rid, now)
        if what == "never" or (now - first) * SPEED < (datetime.fromisoformat(referral["deadline"]) - first) * share:
            return 0
        got = self._http.get(f"/agency/referrals/{rid}")
        if got.status_code in (404, 409, 410):  # withdrawn, or paused at the person's request
            return 0
        codes = [code for code in got.raise_for_status().json()["codes"] if ":" not in code]
        for body in ({"status": "acknowledged"}, {"status": "final", "code": codes[int(share * 1000) % len(codes)]}):
            self._http.post(f"/agency/referrals/{rid}/answers", json={"answer_id": f"{body['status']}-{rid}", **body})
        print(referral["referral_ref"], what, codes[int(share * 1000) % len(codes)])
        return 1


def main() -> None:
    token = pathlib.Path(os.environ["TPPO_TOKEN_FILE"]).read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=os.environ["TPPO_URL"], headers=headers, timeout=60) as http:
        sandbox = Sandbox(http)
        while True:
            try:
                sandbox.turn()
            except httpx.HTTPError as error:
                print("tidak terhubung / not connected:", type(error).__name__, file=sys.stderr)
            if ONCE:
                return
            time.sleep(1)


if __name__ == "__main__":
    main()
