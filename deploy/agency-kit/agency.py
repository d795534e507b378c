"""An agency's consumer in sixty lines: wait for referrals, open each, acknowledge, answer. Needs only `pip install httpx`.

    TPPO_URL=https://rujukan.example TPPO_TOKEN_FILE=token python agency.py

`decide` is the only part that is yours: it gets one referral with its fields and returns an answer. What it raises is told and the
referral is left for a person; nothing else stops. The place in the queue is kept in a file: a restart loses and repeats nothing,
since the same answer_id is taken once.
"""

import os
import pathlib
import sys
import time
from typing import Any

import httpx

PLACE = pathlib.Path(os.environ.get("TPPO_PLACE_FILE", "place"))
ONCE = os.environ.get("TPPO_ONCE") == "1"


def decide(referral: dict[str, Any]) -> dict[str, Any] | None:
    """Your work. `referral["codes"]` are the codes you may answer, `values` and `entities` what you may see."""
    print(referral["referral_ref"], referral["question_id"], "tenggat", referral["deadline"])
    return None  # a person answers later; or {"status": "final", "code": "lp_filed", "marks": ["E1"]}


def connect() -> httpx.Client:
    """The token is read anew for every connection: your identity provider renews the file."""
    token = pathlib.Path(os.environ["TPPO_TOKEN_FILE"]).read_text().strip()
    return httpx.Client(base_url=os.environ["TPPO_URL"], headers={"Authorization": f"Bearer {token}"}, timeout=60)


def answer(http: httpx.Client, referral_id: str, answer_id: str, body: dict[str, Any]) -> None:
    got = http.post(f"/agency/referrals/{referral_id}/answers", json={"answer_id": answer_id, **body})
    if got.status_code == 409:  # refused for good: the reason is for a person
        print(referral_id, got.json()["detail"], file=sys.stderr)
        return
    got.raise_for_status()


def one(http: httpx.Client, referral_id: str) -> None:
    got = http.get(f"/agency/referrals/{referral_id}")
    if got.status_code in (404, 409, 410):  # withdrawn in the meantime, or paused at the person's request
        return
    got.raise_for_status()
    answer(http, referral_id, f"ack-{referral_id}", {"status": "acknowledged"})
    decided = decide(got.json())
    if decided is not None:
        answer(http, referral_id, f"final-{referral_id}", decided)


def run() -> None:
    while True:
        after = PLACE.read_text() if PLACE.exists() else ""
        try:
            with connect() as http:
                # A case that was just written is listed a second later: "once" waits for it.
                query = {"state": "sent", "wait": "2" if ONCE else "25"} | ({"after": after} if after else {})
                page = http.get("/agency/referrals", params=query).raise_for_status().json()
                for referral in page["referrals"]:
                    one(http, referral["referral_id"])
            PLACE.write_text(page["after"] or "")
            if ONCE and not page["referrals"]:
                return
        except httpx.HTTPError as error:
            print("tidak terhubung, dicoba lagi / not connected, trying again:", type(error).__name__, file=sys.stderr)
            time.sleep(5)


if __name__ == "__main__":
    run()
