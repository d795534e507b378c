"""Roster, chains and texts: what is shipped holds, and each single mistake is refused with file, line and key."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.notify import channels, duty
from services.notify.chains import Chains
from services.notify.roster import Roster
from services.notify.settings import HERE
from services.notify.text import TEXTS, Texts
from services.referral.tables import Tables
from services.runtime.yaml_file import YamlFault
from tests.notify.play import ROSTER

EMBEDDED = HERE.parent / "embedded" / "chains.yaml"


def test_the_shipped_roster_names_people_for_every_agency_and_role_that_is_asked() -> None:
    shipped, tables = Roster.load(HERE / "receivers.yaml", channels.names()), Tables.load()
    for agency in tables.agencies:
        assert shipped.resolve(agency)[2] is None, agency
    for office in (
        "kanim-clp:supervisor",
        "kanim-clp:kakanim",
        "kanim-clp:inteldakim",
        "gugus-tugas-3305",
        "kanwil-imigrasi-jateng",
    ):
        assert shipped.resolve(office)[2] is None, office


def test_agencies_that_get_must_act_alerts_are_marked_and_reachable_at_every_hour() -> None:
    shipped, tables = Roster.load(HERE / "receivers.yaml", channels.names()), Tables.load()
    urgent = {r.role for r in tables.routes if r.urgent}
    assert urgent
    chain = Chains.load(HERE / "chains.yaml").of("must_act", "x", "new")
    dark = {target for target, _, _ in duty.unreachable(shipped, chain, datetime(2026, 11, 20, tzinfo=UTC))}
    for agency in tables.agencies.values():
        if agency.role in urgent:
            assert shipped.targets[agency.agency_id].must_act, agency.agency_id
            assert agency.agency_id not in dark
    assert not dark & {name for name, target in shipped.targets.items() if target.must_act}
    assert "disnaker-3301" in dark  # offices sleep at night: a warning there


@pytest.mark.parametrize("path", [HERE / "chains.yaml", EMBEDDED])
def test_shipped_chains_hold(path: Path) -> None:
    assert Chains.load(path).of("must_act", "polres-3301", "new").per_hour is None


def test_a_gap_at_night_is_found_and_named() -> None:
    roster = Roster.model_validate(ROSTER)
    chain = Chains.load(HERE / "chains.yaml").of("must_act", "x", "new")
    found = {
        name: (must, when)
        for name, must, when in duty.unreachable(roster, chain, datetime(2026, 11, 20, 3, tzinfo=UTC))
    }
    assert found == {"disnaker-3301": (False, datetime(2026, 11, 20, 9, tzinfo=UTC))}  # 16.00 WIB


Change = Callable[[dict[str, Any]], Any]
ROSTER_MISTAKES: list[tuple[str, Change, str]] = [
    ("fallback", lambda d: d.update(fallback="nobody"), "fallback: nobody is no target"),
    ("hours", lambda d: d["people"]["polres"].update(hours="sometimes"), "people.polres.hours: there are no hours sometimes"),
    ("clock", lambda d: d["hours"]["office"].update({"from": "25:00"}), "hours.office.from"),
    ("days", lambda d: d["hours"]["office"].update(days="sunday"), "hours.office.days"),
    ("channel", lambda d: d["people"]["polres"]["channels"][0].update(channel="fax"), "unknown channel fax; known: mail, sms"),
    ("none", lambda d: d["people"]["polres"].update(channels=[]), "people.polres.channels"),
    ("name", lambda d: d["people"].update({"Pak Budi": d["people"]["polres"]}), "people.Pak Budi"),
    ("stranger", lambda d: d["targets"]["polres-3301"]["roles"].update(head=["ghost"]), "roles.head: ghost is not among the people"),
    ("empty", lambda d: d["targets"]["polres-3301"]["roles"].update(head=[]), "roles.head: nobody is there"),
    ("asked", lambda d: d["targets"]["polres-3301"].update(asked="chief"), "nobody is its chief"),
    ("misspelt", lambda d: d["targets"]["polres-3301"].update(mustact=True), "targets.polres-3301.mustact"),
    ("leave", lambda d: d["people"]["polres"].update(leave=[{"from": "2026-12-02", "to": "2026-12-01"}]), "ends before it begins"),
    ("rota", lambda d: d["targets"]["polres-3301"]["roles"]["duty"].update(people=["piket-a"]), "targets.polres-3301.roles.duty"),
    ("swap", lambda d: d["targets"]["polres-3301"]["roles"]["duty"].update(swaps=[{"from": "2026-11-21T00:00:00+07:00", "to": "2026-11-22T00:00:00+07:00", "person": "ghost"}]), "ghost is not among the people"),
    ("language", lambda d: d["people"]["polres"].update(language="nl"), "people.polres.language"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), [m[1:] for m in ROSTER_MISTAKES], ids=[m[0] for m in ROSTER_MISTAKES])
def test_a_mistake_in_the_roster_is_named(tmp_path: Path, change: Change, words: str) -> None:
    data = yaml.safe_load(yaml.safe_dump(ROSTER))
    change(data)
    path = tmp_path / "receivers.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(YamlFault) as caught:
        Roster.load(path, {"mail", "sms"})
    assert words in str(caught.value)
    assert str(caught.value).startswith("receivers.yaml:")


CHAIN_MISTAKES: list[tuple[str, Change, str]] = [
    ("unknown", lambda d: d["routes"][0].update(chain="nowhere"), "routes.0.chain: there is no chain nowhere"),
    ("shadowed", lambda d: d["routes"].insert(0, {"chain": "in_hours", "examples": [{"severity": "normal", "to": "x", "step": "new"}]}), "takes route 1, not this one"),
    ("last", lambda d: d["routes"].pop(), "the last route must fit everything"),
    ("unused", lambda d: d["chains"].update(spare=d["chains"]["today"]), "chains.spare: no route leads here"),
    ("links", lambda d: d["chains"]["today"].update(links=[]), "chains.today.links"),
    ("wait", lambda d: d["chains"]["today"]["links"][0].update(wait_minutes=0), "chains.today.links.0.wait_minutes"),
    ("hours", lambda d: d["chains"]["today"].update(hours="sometimes"), "chains.today.hours"),
    ("example", lambda d: d["routes"][1].update(examples=[]), "routes.1.examples"),
    ("fallback", lambda d: d["chains"]["at_once"]["links"].pop(), "must end at the fallback"),
    ("misspelt", lambda d: d["routes"][0]["match"].update(severty="high"), "routes.0.match.severty"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), [m[1:] for m in CHAIN_MISTAKES], ids=[m[0] for m in CHAIN_MISTAKES])
def test_a_mistake_in_the_chains_is_named(tmp_path: Path, change: Change, words: str) -> None:
    data = yaml.safe_load((HERE / "chains.yaml").read_text())
    change(data)
    path = tmp_path / "chains.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(YamlFault) as caught:
        Chains.load(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Rujukan {name} menunggu", "one.short.id: unknown field name; known here: code, deadline, ref"),
        ("Rujukan {} menunggu", "unknown field (empty)"),
        ("Rujukan {ref menunggu", "cannot be read"),
        ("Rujukan {ref} " + "a" * 160, "characters long"),
        ("Rujukan {ref} – segera", "letters beyond ASCII"),
    ],
)
def test_a_mistake_in_the_texts_stops_the_start(tmp_path: Path, text: str, words: str) -> None:
    data = yaml.safe_load(TEXTS.read_text())
    data["one"]["short"]["id"] = text
    path = tmp_path / "texts.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(YamlFault) as caught:
        Texts.load(path)
    assert words in str(caught.value)
