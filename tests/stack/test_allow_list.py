"""A big host abroad, played through door, broker, store and risk: scores fall when the allow-list names it, and rise when that ends.

Meanwhile the token keys rotate: the list names the host by an older token, and goes on to hold.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli.main import app
from services.contracts.assessments import RiskAssessed
from services.contracts.network import RingAssessed
from services.embedded.keys import add_version
from services.embedded.player import Player
from services.embedded.stack import Stack
from services.risk.bundle import PARTS
from services.risk.network.rings import standing
from services.risk.pack import HERE
from services.simulator.scene import Scene
from tests.stack.conftest import Follower, Played, is_on_newer_keys, newest_of, running
from tests.stack.test_pump import quiet
from tests.waiting import until

SCENARIO = "tuan_rumah_diaspora"


class Told:
    """The newest that was said about each application, and the rings that stand."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower

    def newest(self) -> dict[str, RiskAssessed]:
        return newest_of(self._follower.all(RiskAssessed.TOPIC))

    def levels(self) -> set[int]:
        return {a.level for a in self.newest().values()}

    def rings(self) -> dict[str, RingAssessed]:
        return standing((RingAssessed.decode(r.value) for r in self._follower.all(RingAssessed.TOPIC)), {})


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, own_broker: str | None) -> Iterator[Played]:
    with running(tmp_path_factory.mktemp("allow"), own_broker, "intake", "risk") as played:
        yield played


@pytest.fixture
def stack(host: Played) -> Stack:
    return host.stack


@pytest.fixture
def told(stack: Stack) -> Iterator[Told]:
    follower = Follower(stack.kafka("admin"), RiskAssessed.TOPIC, RingAssessed.TOPIC)
    yield Told(follower)
    follower.close()


def tppo(stack: Stack, *arguments: str | Path) -> str:
    done = CliRunner().invoke(app, ["pack", *map(str, arguments)], env={"TPPO_DATA": str(stack.folder)})
    assert done.exit_code == 0, done.output
    return done.output


def with_exclusion(folder: Path, token: str) -> Path:
    """The rules that came along, and an entry of the allow-list."""
    for part in PARTS:
        copytree(HERE / part, folder / part)
    entry: dict[str, Any] = {
        "valid_from": date(2024, 1, 1), "valid_to": date(2099, 12, 31), "legal_ref": "indicators.md section 7",
        "approved_by": "head of office", "value": {"host_phone": {token: "community of Cilacap in Johor"}},
    }  # fmt: skip
    (folder / "policy" / "exclusions.yaml").write_text(yaml.safe_dump([entry]))
    return folder


def test_scores_fall_when_an_exclusion_is_added_and_rise_when_it_ends(
    host: Played, stack: Stack, told: Told, tmp_path: Path
) -> None:
    player = Player(stack, Scene(SCENARIO, date(2025, 1, 6), seed=5).events())
    player.start()

    def flagged() -> bool:
        player.must_live()
        return player.done and 2 in told.levels() and bool(told.rings())

    until(flagged, "the host's guests to be flagged", 90)
    (token,) = {e["token"] for ring in told.rings().values() for e in ring.entities if e["kind"] == "host_phone"}
    bundle, keys = tmp_path / "bundle.json", tmp_path / "keys"
    tppo(stack, "build", bundle, with_exclusion(tmp_path / "rules", token))
    tppo(stack, "trial", bundle, "--override", "fewer than thirty applications are kept here")
    for who, role in (("ani", "maker"), ("budi", "checker")):
        tppo(stack, "key", who, keys)
        tppo(stack, "sign", bundle, "--role", role, "--key", keys / f"{who}.private.json")
    tppo(stack, "activate", bundle)
    until(lambda: told.levels() == {0} and not told.rings(), lambda: f"levels to fall: {told.levels()}", 60)
    explained = [a for a in told.newest().values() if a.facts["net"]["host_phone"].get("exclusions")]
    assert explained
    assert all("allow_list:community" in a.facts["net"]["host_phone"]["exclusions"][0] for a in explained)
    assert {a.cause for a in explained} == {"signal"}
    add_version(stack.folder / "keys" / "token_key")
    until(lambda: is_on_newer_keys(host, "risk"), "risk to move to newer keys", 60)
    until(lambda: quiet(host), "risk to have told everybody about the newer tokens", 60)
    assert host.mongo["tppo_risk"]["records"].distinct("key_version") == [2]
    assert told.levels() == {0}
    assert not told.rings()
    tppo(stack, "rollback")
    until(lambda: 2 in told.levels() and bool(told.rings()), lambda: f"levels to rise: {told.levels()}", 60)
