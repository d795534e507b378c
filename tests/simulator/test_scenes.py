"""Every ring, lone applicant and hard negative leads its trace through intake and risk to where its file says."""

from collections import Counter
from datetime import UTC, date, datetime

import orjson
import pytest

from services.cli.offline import Offline
from services.referral.tables import Tables
from services.risk.pack import Pack
from services.simulator.scenario import Scenario, cast
from services.simulator.scene import Scene
from tests.build import TOKENS

PACK, TABLES = Pack.load(), Tables.load()
SIGNS = {i.id for i in PACK.indicators if not i.of_others}  # those wait for the network, which is not there yet
LATER = datetime(2027, 11, 1, tzinfo=UTC)
UNTIL_THE_NETWORK = {"kembar": "siblings are known by their household, which the network will say (R64)"}


def played(scenario: Scenario) -> tuple[Scene, Offline]:
    in_danger = scenario.truth != "ordinary"
    scene = Scene(scenario.id, date(2026, 1, 5), seed=5, speak=in_danger, size=12 if in_danger else None)
    offline = Offline(TOKENS, LATER, PACK, TABLES)
    offline.run((orjson.dumps(e) for e in scene.events()), lambda _: None)
    return scene, offline


@pytest.mark.parametrize("name", sorted(cast()))
def test_a_scenario_leads_where_its_file_says(name: str, request: pytest.FixtureRequest) -> None:
    if name in UNTIL_THE_NETWORK:
        request.applymarker(pytest.mark.xfail(reason=UNTIL_THE_NETWORK[name], strict=True))
    scenario = cast()[name]
    scene, offline = played(scenario)
    assert offline.bad == []
    assert len(offline.last) == len(scene.truths) - (scenario.kind == "ring") >= min(scenario.size)
    fired = Counter(f.id for a in offline.last.values() for f in a.findings)
    protected = Counter(p for a in offline.last.values() for p in a.protective)
    known = [sign for sign in scenario.expects.signs if sign in SIGNS]
    assert [sign for sign in known if not fired[sign]] == []
    assert [sign for sign in scenario.expects.protective if not protected[sign]] == []
    assert max(a.level for a in offline.last.values()) <= scenario.expects.max_level
    if scenario.truth != "ordinary":
        assert known
