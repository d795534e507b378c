"""Rules that never fire, examples that do not hold, agencies nobody can reach: named, before anybody waits in vain."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.cli.route import RECEIVERS
from services.notify import channels
from services.notify.roster import Roster
from services.referral.lint import explained, faults
from services.referral.tables import Example, Route, Tables
from services.risk.pack import Pack
from tests.referral.cases import TABLES, assessed

INDICATORS = {i.id for i in Pack.load().indicators}
REACHED = set(Roster.load(RECEIVERS, channels.names()).targets)


def test_the_shipped_rules_are_sound() -> None:
    assert list(faults(TABLES, INDICATORS, REACHED)) == []


def changed(name: str, **more: Any) -> Tables:
    routes = tuple(r.model_copy(update=more) if r.name == name else r for r in TABLES.routes)
    # A compiled condition stands beside the fields: make the rule anew.
    return replace(TABLES, routes=tuple(Route.model_validate(r.model_dump()) for r in routes))


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (lambda: changed("identity_doubt", when="level > 9"), "identity_doubt: when: is never true over the examples"),
        (lambda: changed("identity_doubt", when="'dukcapil_nomatch' in findings"), "dukcapil_nomatch is no indicator"),
        (lambda: changed("identity_doubt", examples=[]), "none shows when it does not fire"),
        (lambda: changed("identity_doubt", when="true"), "examples.1: should not fire"),
        (lambda: changed("identity_doubt", when="false"), "is missing, and the rule is not by_hand"),
        (lambda: changed("child_review", when="person.is_minor && must_act"), "child_review: never does anything: child_protection"),
        (lambda: without("disdukcapil-3303"), "identity_doubt: territory: no disdukcapil for 3303"),
        (lambda: without("lpsk"), "witness_protection: role: no lpsk at all"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_do_its_work_is_named(tables: Callable[[], Tables], words: str) -> None:
    assert any(words in fault for fault in faults(tables(), INDICATORS, REACHED))


def without(agency: str) -> Tables:
    return replace(TABLES, agencies={k: v for k, v in TABLES.agencies.items() if k != agency})


def test_an_agency_that_nobody_can_be_told_at_is_named() -> None:
    found = list(faults(TABLES, INDICATORS, REACHED - {"polres-3302"}))
    assert found == ["agencies/polri.yaml: polres-3302: has no address: nobody of it stands in the receivers"]


def test_an_agency_whose_territory_another_one_has_is_named() -> None:
    twin = TABLES.agencies["polres-3302"].model_copy(update={"agency_id": "polres-x", "territory": ["3301"]})
    tables = replace(TABLES, agencies=dict(TABLES.agencies) | {"polres-x": twin})
    assert any(
        "polres-x: never asked: polres-3301" in f or "polres-3301: never asked" in f
        for f in faults(tables, INDICATORS, REACHED | {"polres-x"})
    )


def test_explained_says_of_every_rule_what_it_answers_and_where_it_would_go() -> None:
    told = {r["rule"]: r for r in explained(assessed("dukcapil_no_match"), TABLES)}
    assert (told["identity_doubt"]["says"], told["identity_doubt"]["agency_id"]) == ("yes", "disdukcapil-3302")
    assert told["protect_now"]["says"] == "no"
    assert told["victim_support_social"]["says"] == "by hand"
    assert Example(fires=True).level == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"asked_for": ["3301012001"]}, "polres-3302: asked_for: 3301012001 goes to polres-3301"),
        ({"not_for": ["3302042012"]}, "polres-3302: not_for: 3302042012 comes here"),
        ({"not_for": []}, "polres-3302: not_for: no example shows whose questions go elsewhere"),
    ],
)
def test_an_example_of_an_agency_that_does_not_hold_is_named(change: dict[str, Any], words: str) -> None:
    agency = TABLES.agencies["polres-3302"].model_copy(update=change)
    tables = replace(TABLES, agencies=dict(TABLES.agencies) | {"polres-3302": agency})
    assert list(faults(tables, INDICATORS, REACHED)) == [f"agencies/polri.yaml: {words}"]
