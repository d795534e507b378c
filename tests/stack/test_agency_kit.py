"""The agency kit, run as an agency would run it: both examples read, open, acknowledge, and keep their place."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.conftest import Played
from tests.stack.test_hand_over import told, topics  # noqa: F401 - fixtures
from tests.waiting import until

KIT = Path(__file__).parents[2] / "deploy" / "agency-kit"
EXAMPLES = [("polres-3302", [sys.executable, "agency.py"]), ("uptd-ppa-3302", ["node", "agency.mjs"])]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(("agency", "command"), EXAMPLES, ids=["python", "node"])
def test_an_example_reads_opens_and_acknowledges(
    played: Played, tmp_path: Path, agency: str, command: list[str]
) -> None:
    if shutil.which(command[0]) is None:
        assert not os.environ.get("CI"), "CI has node"
        pytest.skip("node is not here")
    (tmp_path / "token").write_text(played.token("referral", "agency", agency=agency))
    with played.client("referral", "agency", agency=agency) as http:
        waiting = {
            r["referral_id"]: r
            for r in http.get("/agency/referrals", params={"limit": 200, "wait": 10}).json()["referrals"]
        }
        assert waiting
    env = os.environ | {
        "TPPO_URL": played.stack.addresses.referral, "TPPO_TOKEN_FILE": str(tmp_path / "token"), "TPPO_ONCE": "1",
        "TPPO_PLACE_FILE": str(tmp_path / "place"),
    }  # fmt: skip
    run = [command[0], str(KIT / command[1])]
    ran = subprocess.run(run, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert all(r["referral_ref"] in ran.stdout for r in waiting.values())
    with played.client("referral", "agency", agency=agency) as http:

        def acknowledged() -> set[str]:
            page = http.get("/agency/referrals", params={"state": "acknowledged", "limit": 200}).json()
            return {r["referral_id"] for r in page["referrals"]}

        until(lambda: waiting.keys() <= acknowledged(), "the acknowledgements")
    again = subprocess.run(run, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0
    assert not [
        r["referral_ref"] for r in waiting.values() if r["referral_ref"] in again.stdout
    ]  # another may come meanwhile
