"""A ring played through intake, broker and store in another order than it happened: it is found, told, drawn, and ends as a clean run."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from services.cli.offline import Offline
from services.contracts.assessments import RiskAssessed
from services.contracts.network import RingAssessed
from services.embedded.player import Player
from services.embedded.stack import SERVICES
from services.risk.network.rings import standing
from services.simulator.scene import Scene
from tests.build import TOKENS
from tests.stack.conftest import Played, newest_of, running
from tests.waiting import until

SCENARIO, MEMBERS = "tersebar", 12


def events() -> list[dict[str, Any]]:
    return Scene(SCENARIO, date(2025, 1, 6), seed=5, speak=True, size=MEMBERS).events()


def interleaved(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each application in its own order, the applications among one another in any."""
    by_subject: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_subject.setdefault(event["subject"], []).append(event)
    order = [event["subject"] for event in events]
    random.Random(11).shuffle(order)
    return [by_subject[subject].pop(0) for subject in order]


@pytest.fixture(scope="module")
def clean() -> Offline:
    """The same events in order of time, through the plain functions."""
    offline = Offline(TOKENS, datetime.now(UTC))
    offline.run((orjson.dumps(e) for e in events()), lambda _: None)
    return offline


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory, own_broker: str | None) -> Iterator[Played]:
    with running(tmp_path_factory.mktemp("ring"), own_broker, *SERVICES) as played:
        player = Player(played.stack, interleaved(events()))
        player.run()
        player.must_live()
        yield played


def newest(played: Played) -> dict[str, RiskAssessed]:
    return newest_of(played.read(RiskAssessed.TOPIC))


def essence(assessed: RiskAssessed) -> tuple[Any, ...]:
    """All that does not name a token: those differ from key to key."""
    net = {kind: {k: v for k, v in said.items() if k != "ring_id"} for kind, said in assessed.facts["net"].items()}
    return (
        assessed.level,
        assessed.e_np,
        assessed.e_tppo,
        assessed.indicators,
        net,
        assessed.facts["hist"],
        assessed.notices,
    )


def rings(played: Played) -> dict[str, RingAssessed]:
    return standing((RingAssessed.decode(r.value) for r in played.read(RingAssessed.TOPIC)), {})


def test_every_member_ends_where_a_clean_run_in_order_ends(ring: Played, clean: Offline) -> None:
    wanted = {a: essence(assessed) for a, assessed in clean.last.items()}
    until(lambda: {a: essence(n) for a, n in newest(ring).items()} == wanted, "what a clean run says", 90)
    fired = Counter(f.id for a in newest(ring).values() for f in a.findings)
    assert fired["shared_host_contact_abroad"] > 0
    assert fired["cross_kabupaten_ring"] == MEMBERS


def test_the_ring_has_the_same_id_and_members_whatever_the_order(ring: Played, clean: Offline) -> None:
    until(lambda: rings(ring).keys() == clean.network.rings.keys(), "the ring to be told", 30)
    for ring_id, said in rings(ring).items():
        meant = clean.network.rings[ring_id]
        assert (said.members, said.kabupaten, said.density) == (meant.members, meant.kabupaten, meant.density)
        assert len(said.entities) == len(meant.entities)


def test_assessments_that_the_network_caused_are_told_apart_and_recompute_themselves(ring: Played) -> None:
    causes = Counter(a.cause for a in newest(ring).values())
    assert causes["signal"] > 0


def tppo(ring: Played, *arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "220", "TPPO_DATA": str(ring.stack.folder)})


def test_a_person_can_see_the_ring_and_what_ties_it(ring: Played, tmp_path: Path) -> None:
    (ring_id,) = rings(ring)
    listed = tppo(ring, "ring", "list").stdout
    assert ring_id in listed
    shown = tppo(ring, "ring", "show", ring_id[:8], "--picture", str(tmp_path / "ring.svg"))
    assert shown.exit_code == 0, shown.output
    assert "diduga calon korban" in shown.stdout
    assert "nomor tuan rumah · host's phone" in shown.stdout
    assert f"{MEMBERS} pemohon" in (tmp_path / "ring.svg").read_text()
    as_json = orjson.loads(tppo(ring, "ring", "show", ring_id, "--json").stdout)
    printed = {e["subject"]: e["time"][:10] for e in events() if e["type"] == "passport.printed"}
    lines = {m: next(line for line in shown.stdout.splitlines() if m in line) for m in as_json["members"]}
    assert {m: printed[m] in line for m, line in lines.items() if m in printed} == dict.fromkeys(printed, True)
    token = next(e["token"] for e in as_json["entities"] if e["kind"] == "host_phone")
    entity = tppo(ring, "entity", "show", token)
    assert entity.exit_code == 0, entity.output
    assert all(member in entity.stdout for member in as_json["members"])
    assert len(orjson.loads(tppo(ring, "entity", "show", token, "--json").stdout)["members"]) == MEMBERS


def test_an_explanation_names_count_window_and_what_was_not_counted(ring: Played) -> None:
    tied = next(a for a in newest(ring).values() if "shared_host_contact_abroad" in {f.id for f in a.findings})
    told = tppo(ring, "explain", tied.assessment_id, "--verify")
    assert told.exit_code == 0, told.output
    assert "net.host_phone: 12 keluarga · households" in " ".join(told.stdout.split())
    assert "verified: the same bytes" in told.stdout


def test_what_nobody_names_is_said_so(ring: Played) -> None:
    assert "no application names" in tppo(ring, "entity", "show", "phone.1.none").output
    assert "no ring has" in tppo(ring, "ring", "show", "nothing").output
