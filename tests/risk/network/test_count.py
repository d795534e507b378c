"""How many unrelated households share a thing: windows, families, lawful explanations, hashes, series."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.network import EntitySeen
from services.risk.network import count
from services.risk.network.kinds import KINDS, Kind, told
from services.risk.network.sightings import bands
from tests.risk.network.build import row, token


def households(rows: list[EntitySeen], kind: str = "phone") -> dict[str, int]:
    found = count.widest(count.members(rows), KINDS[kind])
    return {m.row.application_id: count.facts(w, m)["households"] for m, w in found}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([0, 90, 180], [3, 3, 3]),  # the window is inclusive (R15)
        ([0, 90, 181], [2, 2, 2]),
        ([0, 100, 200, 300], [2, 2, 2, 2]),
        ([0, 100, 180, 260, 400], [3, 3, 3, 3, 2]),  # every member by the best window around its own sighting
    ],
)
def test_a_window_holds_the_own_sighting_and_every_member_gets_the_finding(
    days: list[int], expected: list[int]
) -> None:
    found = households([row(n, day) for n, day in enumerate(days)])
    assert list(found.values()) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"household": token("household", 0)}, 2),  # one family card
        ({"household": None}, 3),  # an unknown one is a household of its own (R14)
        ({"household": None, "subject": token("subject", 0)}, 2),  # the same person again
        ({"kin": [token("subject", 0)]}, 2),  # the first is a parent by the registry
        ({"group": "licensed:PPIU-101"}, 2),
        ({"weak": True}, 2),  # a name without a phone (R04)
    ],
)
def test_who_is_not_counted_as_a_stranger(change: dict[str, Any], expected: int) -> None:
    assert max(households([row(0), row(1, 1), row(2, 2, **change)]).values()) == expected


def test_siblings_with_a_parent_in_common_are_one_household() -> None:
    parent = [token("subject", 99)]
    assert set(households([row(0, kin=parent), row(1, kin=parent), row(2)]).values()) == {2}


def test_a_member_with_a_lawful_explanation_is_alone_and_the_others_hear_why() -> None:
    rows = [row(0), row(1), row(2), row(3, group="licensed:U1")]
    found = {m.row.application_id: (count.facts(w, m), w.explanations) for m, w in count.widest(count.members(rows), KINDS["phone"])}  # fmt: skip
    assert found["A00003"][0] == count.ALONE
    assert found["A00000"][0]["households"] == 3
    assert found["A00000"][1] == ("licensed:U1",)


@pytest.mark.parametrize(
    ("true", "members_hear"), [(1, 1), (12, 12), (13, 12), (24, 12), (25, 25), (199, 100), (200, 200), (9000, 200)]
)
def test_counts_are_exact_up_to_12_and_then_steps(true: int, members_hear: int) -> None:
    assert told(true) == members_hear


def flipped(value: int, bits: list[int]) -> str:
    for bit in bits:
        value ^= 1 << bit
    return f"{value:016x}"


@pytest.mark.parametrize(("kind", "parts", "together", "most"), [("answers", 4, 1, 3), ("image", 8, 2, 6)])
@given(st.integers(0, 2**64 - 1), st.data())
def test_hashes_that_are_near_share_an_entity(
    kind: str, parts: int, together: int, most: int, value: int, data: Any
) -> None:
    bits = data.draw(st.lists(st.integers(0, 63), unique=True, max_size=most))
    one, other = (set(bands(kind, f, parts, together)) for f in (f"{value:016x}", flipped(value, bits)))
    assert one & other


def test_answers_are_alike_within_3_bits_at_the_same_host_and_not_transitive_r54() -> None:
    prints = [flipped(0, []), flipped(0, [1, 2, 3]), flipped(0, [1, 2, 3, 4, 5, 6])]
    rows = [row(n, entity_kind="answers", fingerprint=p) for n, p in enumerate(prints)]
    assert list(households(rows, "answers").values()) == [2, 3, 2]
    other_host = [*rows[:2], row(2, entity_kind="answers", fingerprint=prints[2], host="phone.1.x")]
    assert households(other_host, "answers")["A00002"] == 1


@pytest.mark.parametrize(
    ("papers", "expected"),
    [
        ([(0, "2026-01-01"), (5, "2026-01-03"), (10, "2026-01-08")], 3),
        ([(0, "2026-01-01"), (5, "2026-01-03"), (11, "2026-01-08")], 2),  # greatest − least ≤ 10
        ([(0, "2026-01-01"), (5, "2026-01-03"), (10, "2026-01-09")], 2),  # issued within 7 days
    ],
)
def test_documents_in_series_r43(papers: list[tuple[int, str]], expected: int) -> None:
    rows = [row(n, entity_kind="document_series", position=p, day=d) for n, (p, d) in enumerate(papers)]
    assert max(households(rows, "document_series").values()) == expected


@given(st.lists(st.integers(0, 400), min_size=1, max_size=25), st.integers(1, 200))
def test_the_sliding_window_equals_trying_every_interval(days: list[int], length: int) -> None:
    found = count.members([row(n, day) for n, day in enumerate(days)])
    for member, window in count.widest(found, Kind(days=length)):
        own = (member.at - found[0].at) / 86400
        begins = [d - min(days) for d in days if d - min(days) <= own <= d - min(days) + length]
        best = max(sum(b <= d - min(days) <= b + length for d in days) for b in begins)
        assert window.households == best
