"""The fairness store: what is counted, and that no count of fewer than thirty leaves or can be worked out."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.groups import SMALLEST, GroupsRequest, counted, groups_of
from services.intake.vault import MasterKey

MASTER = MasterKey(os.urandom(32))
AT = "2026-11-20T09:15:00+07:00"


def vaulted(name: str, state: str = "open", **form: Any) -> dict[str, Any]:
    """As the store keeps it."""
    key = MASTER.new_data_key(name)
    event = {"id": "e1", "type": "application.submitted", "at": AT, "sealed": key.seal("e1", orjson.dumps(form))}
    return {"_id": name, "state": state, "key": key.wrapped, "events": [event]}


def asked(documents: list[dict[str, Any]], flagged: list[str]) -> dict[str, Any]:
    ids = [d["_id"] for d in documents]
    request = GroupsRequest(applications=ids, flagged={"flagged": flagged}, purpose="pack_trial", actor="a")

    async def each() -> AsyncIterator[dict[str, Any]]:
        for document in documents:
            yield document

    return asyncio.run(counted(request, each(), MASTER))


@pytest.mark.parametrize(
    ("form", "groups"),
    [
        ({"sex": "P", "birth_date": "2008-11-21"}, {"sex": "P", "age": "<18", "sex_and_age": "P 17–45"}),
        ({"sex": "P", "birth_date": "2008-11-20"}, {"sex": "P", "age": "18–24", "sex_and_age": "P 17–45"}),
        ({"sex": "L", "birth_date": "1990-01-01"}, {"sex": "L", "age": "35–44", "sex_and_age": "others"}),
        ({"sex": "P", "birth_date": "1980-01-01", "marital_status": "kawin"}, {"sex": "P", "age": "45+", "sex_and_age": "others", "marital_status": "kawin"}),
        ({"purpose": "wisata"}, {}),
    ],
)  # fmt: skip
def test_groups_of_a_form(form: dict[str, Any], groups: dict[str, str]) -> None:
    assert dict(groups_of(form, AT)) == groups


def test_flagged_ones_are_counted_in_their_group_and_nobody_who_is_erased_or_restricted() -> None:
    people = [vaulted(f"P{n}", sex="P") for n in range(40)] + [vaulted(f"L{n}", sex="L") for n in range(60)]
    gone = [vaulted("X1", "restricted", sex="P"), {"_id": "X2", "state": "erased", "key": b"", "events": []}]
    found = asked(people + gone, ["P1", "P2", "L1", "X1"])
    assert found == {
        "counted": 100,
        "groups": {"sex": {"L": {"n": 60, "flagged": {"flagged": 1}}, "P": {"n": 40, "flagged": {"flagged": 2}}}},
    }


@given(
    st.lists(st.sampled_from(["kawin", "belum_kawin", "cerai_hidup", "cerai_mati"]), min_size=SMALLEST, max_size=130)
)
def test_no_group_of_fewer_than_thirty_is_told_or_left_over(statuses: list[str]) -> None:
    found = asked([vaulted(f"A{n}", marital_status=s) for n, s in enumerate(statuses)], ["A0"])
    told = found["groups"].get("marital_status", {})
    sizes = Counter(statuses)
    assert all(group["n"] >= SMALLEST for group in told.values())
    assert sum(group["n"] for group in told.values()) in (0, len(statuses))
    assert all(sizes[name] == group["n"] for name, group in told.items() if name != "others")


def test_fewer_than_thirty_are_not_asked_about() -> None:
    with pytest.raises(ValueError, match="at least 30"):
        GroupsRequest(applications=["A"] * 29, flagged={}, purpose="pack_trial", actor="a")
