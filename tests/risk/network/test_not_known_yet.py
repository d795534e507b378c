"""What nobody can know yet is not held against anybody: twins before the network has answered, a tour before its papers are seen."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from services.cli.offline import Offline
from services.contracts.assessments import RiskAssessed
from services.simulator.scene import Scene
from tests.build import TOKENS, submitted, upstream


def assessments(events: list[dict[str, Any]]) -> list[RiskAssessed]:
    """All of them, one event after the other."""
    offline, found = Offline(TOKENS, datetime.now(UTC)), list[RiskAssessed]()
    for event in events:
        offline.run([orjson.dumps(event)], found.append)
    assert offline.bad == []
    return found


@pytest.mark.parametrize("scenario", ["kembar", "rombongan_ppiu"])
def test_nobody_is_looked_at_deeply_on_the_way(scenario: str) -> None:
    found = assessments(Scene(scenario, date(2025, 1, 6), seed=5).events())
    assert found
    assert [(a.application_id, a.level) for a in found if a.level >= 2] == []


def test_another_identity_that_nobody_knows_is_no_family_as_soon_as_the_network_has_answered() -> None:
    hit = upstream(
        "biometrics.captured",
        {"bms_result": "other_identity", "other_identity": "3301040507909999"},
        subject=submitted()["subject"],
        id="hit",
    )
    found = assessments([submitted(), hit])
    answers = [(a.cause, a.indicators["biometric_other_identity"]) for a in found]
    assert ("event", "unknown") in answers
    assert answers[-1] == ("signal", "yes")


@pytest.mark.parametrize("papers", [True, False])
def test_a_tour_that_was_interviewed_without_a_list_is_counted(papers: bool) -> None:
    events = []
    for event in Scene("rombongan_ppiu", date(2025, 1, 6), seed=5).events():
        if event["type"] == "documents.checked":
            event["data"]["items"] = [i for i in event["data"]["items"] if i["type"] != "daftar_rombongan"]
        if papers or event["type"] != "documents.checked":
            events.append(event)
    last = {a.application_id: a for a in assessments(events)}
    assert max(a.facts["net"].get("phone", {}).get("households", 0) for a in last.values()) > 2
