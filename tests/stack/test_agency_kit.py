"""The agency kit, run as an agency would run it: both examples read, open, acknowledge, and keep their place."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

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
    assert [r["referral_ref"] for r in waiting.values() if r["referral_ref"] not in ran.stdout] == []
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


def sandbox() -> Any:
    """The sandbox agency as a module; the kit is no package."""
    spec = importlib.util.spec_from_file_location("sandbox", KIT / "sandbox.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sandbox_answers_as_real_agencies_do() -> None:
    habits = Counter(sandbox().habit(f"r{n}")[0] for n in range(10_000))
    assert habits["in_time"] == pytest.approx(6000, rel=0.03)
    assert habits["late"] == pytest.approx(2500, rel=0.06)
    assert habits["never"] == pytest.approx(1500, rel=0.06)


@pytest.mark.usefixtures("told")
def test_the_sandbox_answers_what_is_due_and_leaves_the_rest(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    with played.client("referral", "agency", agency="bp3mi-jateng") as http:

        def states() -> dict[str, str]:
            found: dict[str, str] = {}
            for state in ("sent", "acknowledged", "answered"):
                page = http.get("/agency/referrals", params={"state": state, "limit": 200}).json()["referrals"]
                found |= {r["referral_id"]: state for r in page}
            return found

        module = sandbox()
        monkeypatch.setattr(module, "SPEED", 0.0)
        before = states()
        assert before, "the day asked BP3MI something"
        assert module.Sandbox(http).turn() == 0  # nothing is due yet
        monkeypatch.setattr(module, "SPEED", 1e9)
        agency = module.Sandbox(http)
        agency.turn()
        agency.turn()
        answers = {rid for rid in before if module.habit(rid)[0] != "never"}
        until(
            lambda: all(states().get(rid) == "answered" for rid in answers),
            lambda: f"the answers: {Counter((before[r], states().get(r), module.habit(r)[0]) for r in before)}",
        )
        assert all(states()[rid] == before[rid] for rid in before.keys() - answers)
