"""Every ring, lone applicant and hard negative leads its trace through intake and risk to where its file says."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime

import orjson
import pytest

from services.cli.offline import Offline
from services.referral.tables import Tables
from services.risk.pack import Pack
from services.risk.policy import Policy, Row
from services.simulator.scenario import Scenario, cast
from services.simulator.scene import Scene
from tests.build import TOKENS
from tests.simulator.signs import FILES, Events

PACK, TABLES = Pack.load(), Tables.load()
LATER = datetime(2027, 11, 1, tzinfo=UTC)


def played(scenario: Scenario, pack: Pack = PACK) -> tuple[Scene, Offline]:
    in_danger = scenario.truth != "ordinary"
    scene = Scene(scenario.id, date(2026, 1, 5), seed=5, speak=in_danger, size=12 if in_danger else None)
    offline = Offline(TOKENS, LATER, pack, TABLES)
    offline.run((orjson.dumps(e) for e in scene.events()), lambda _: None)
    return scene, offline


@pytest.mark.parametrize("name", sorted(cast()))
def test_a_scenario_leads_where_its_file_says(name: str) -> None:
    scenario = cast()[name]
    scene, offline = played(scenario)
    assert offline.bad == []
    assert len(offline.last) == len(scene.truths) - (scenario.kind == "ring") >= min(scenario.size)
    fired = Counter(f.id for a in offline.last.values() for f in a.findings)
    protected = Counter(p for a in offline.last.values() for p in a.protective)
    assert [sign for sign in scenario.expects.signs if not fired[sign]] == []
    assert [sign for sign in scenario.expects.protective if not protected[sign]] == []
    assert max(a.level for a in offline.last.values()) <= scenario.expects.max_level
    if scenario.truth != "ordinary":
        assert scenario.expects.signs


@pytest.mark.parametrize("name", sorted(n for n, s in cast().items() if s.expects.allowed))
def test_scores_fall_when_the_allow_list_names_what_they_share(name: str) -> None:
    scenario = cast()[name]
    _, before = played(scenario)
    for kind, level in scenario.expects.allowed.items():
        shared = {e.id: "approved" for e in before.network.entities.values() if len(e.of_kind(kind)) >= 3}
        row = Row(
            valid_from=date(2025, 1, 1),
            valid_to=date(2027, 12, 31),
            legal_ref="test",
            approved_by="test",
            value={kind: shared},
        )
        policy = Policy(PACK.policy.rows | {"exclusions": (row,)})
        _, after = played(scenario, replace(PACK, policy=policy))
        assert max(a.level for a in before.last.values()) > level
        assert max(a.level for a in after.last.values()) <= level
        assert after.network.rings == {}


# The reference wages are to be filled by the office (R23).
WAGES = Row(valid_from=date(2025, 1, 1), legal_ref="test", approved_by="test", value={"MY": {"pabrik": 6_000_000}})


def from_file(events: Events) -> set[str]:
    offline = Offline(TOKENS, LATER, replace(PACK, policy=Policy(PACK.policy.rows | {"ref_wage": (WAGES,)})), TABLES)
    offline.run((orjson.dumps(e) for e in events), lambda _: None)
    assert [b.rejected.reason for b in offline.bad] == []
    return {f.id for a in offline.last.values() for f in a.findings}


@pytest.mark.parametrize("sign", FILES)
def test_a_sign_says_yes_on_an_event_file_that_passed_intake(sign: str) -> None:
    assert sign in from_file(FILES[sign])


def test_every_sign_says_yes_somewhere() -> None:
    """Each scenario plays above with the signs that it must lead to; the rest have a file of their own."""
    shown = {sign for scenario in cast().values() for sign in scenario.expects.signs} | FILES.keys()
    assert {i.id for i in PACK.indicators} == shown
