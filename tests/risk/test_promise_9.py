"""Promise 9 over a whole day and the network: who somebody is moves nothing; a contradiction moves the boolean that names it."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.cli.offline import Offline
from services.contracts.assessments import RiskAssessed
from services.risk.pack import Pack
from services.simulator.day import play
from tests.build import TOKENS

DAY, PACK = date(2026, 9, 8), Pack.load()
EVENTS = play(DAY, applications=24)
FORMS = {e["subject"]: e["data"] for e in EVENTS if e["type"] == "application.submitted"}
ADULTS = [name for name, form in FORMS.items() if date.fromisoformat(form["birth_date"]) < date(2004, 1, 1)]
OLD = date(2003, 12, 31)  # everybody stays 20 or more on the day


def of_somebody_else(nik: str, birth: date, sex: str) -> str:
    """The same NIK of a person of another birth date and sex: women have 40 added to the day."""
    return f"{nik[:6]}{birth.day + 40 * (sex == 'P'):02}{birth:%m%y}{nik[12:]}"


def replaced(value: Any, by: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: replaced(each, by) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, by) for each in value]
    return by.get(value, value) if isinstance(value, str) else value


def run(events: list[dict[str, Any]]) -> dict[str, RiskAssessed]:
    offline = Offline(TOKENS, datetime(2027, 1, 1, tzinfo=UTC), PACK)
    offline.run((orjson.dumps(e) for e in events), lambda _: None)
    assert offline.bad == []
    return offline.last


def said(assessed: RiskAssessed) -> tuple[Any, ...]:
    """Everything but ids, tokens and what carries them."""
    return (
        assessed.level, assessed.must_act, assessed.must_review, assessed.e_np, assessed.e_tppo, assessed.indicators,
        assessed.protective, [(f.id, f.weight) for f in assessed.findings], assessed.questions, assessed.dimensions,
        assessed.facts["person"],
    )  # fmt: skip


PLAIN = {name: said(assessed) for name, assessed in run(EVENTS).items()}
OTHER = st.fixed_dictionaries(
    {
        "sex": st.sampled_from("LP"),
        "birth": st.dates(date(1950, 1, 1), OLD),
        "marital_status": st.sampled_from(["belum_kawin", "kawin", "cerai_hidup", "cerai_mati"]),
        "occupation": st.sampled_from(["petani", "dosen", "buruh", None]),
        "full_name": st.sampled_from(["Contoh Satu", "Maria Contoh", "I Made Contoh"]),
    }
)


@settings(deadline=None, max_examples=15)
@given(st.dictionaries(st.sampled_from(ADULTS), OTHER, min_size=1))
def test_consistent_changes_of_who_somebody_is_move_nothing_but_ids_and_tokens(
    others: dict[str, dict[str, Any]],
) -> None:
    niks = {FORMS[a]["nik"]: of_somebody_else(FORMS[a]["nik"], o["birth"], o["sex"]) for a, o in others.items()}
    assume(len({*niks.values(), *(f["nik"] for f in FORMS.values() if f["nik"] not in niks)}) == len(FORMS))
    changed = []
    for event in EVENTS:
        event = event | {"data": replaced(event["data"], niks)}
        other = others.get(event["subject"])
        if other is not None:
            was = FORMS[event["subject"]]["birth_date"]
            data = replaced(event["data"], {was: other["birth"].isoformat()})
            for name in ("sex", "marital_status", "full_name", "occupation"):
                if name in data and other[name] is not None:
                    data[name] = other[name]
            event["data"] = data
        changed.append(event)
    assert {name: said(assessed) for name, assessed in run(changed).items()} == PLAIN


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sex": {"L": "P", "P": "L"}}, "nik_sex_conflict"),
        ({"birth_date": "1980-02-03"}, "nik_dob_conflict"),
        ({"marital_status": "kawin"}, "civil_status_conflict"),
    ],
)
def test_a_contradiction_moves_the_boolean_that_names_it_and_no_other_fact(change: dict[str, Any], named: str) -> None:
    ((name, value),) = change.items()
    changed = []
    for event in EVENTS:
        if event["type"] == "application.submitted" and event["subject"] in ADULTS and name in event["data"]:
            new = value[event["data"][name]] if isinstance(value, dict) else value
            event = event | {"data": event["data"] | {name: new}}
        changed.append(event)
    moved = set()
    for application, assessed in run(changed).items():
        before, after = PLAIN[application][-1], assessed.facts["person"]
        moved |= {fact for fact in before.keys() | after.keys() if before.get(fact) != after.get(fact)}
    assert moved == {named}
