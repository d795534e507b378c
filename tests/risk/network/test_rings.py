"""Rings: connected, named by their earliest member, the same for any order; they merge, fall apart and are never made by a lawful group."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import ids
from services.contracts.network import LinkSuspected
from services.risk.network.rings import Rings, told_of
from tests.risk.network.build import row, token


def tied(thing: int, *numbers: int, version: int = 1, kind: Any = "phone", **more: Any) -> LinkSuspected:
    entity = token(kind, thing)
    members = [row(n, n, entity=entity, entity_kind=kind, **more) for n in numbers]
    weak = True if more.get("weak") else None
    return LinkSuspected(entity=entity, entity_kind=kind, members=members, weak=weak, record_version=version)


def state(rings: Rings) -> dict[str, Any]:
    return {
        r.ring_id: (r.members, r.entities, r.supports, r.density, r.licensed, r.kabupaten, told_of(r).model_dump())
        for r in rings.rings()
    }


def test_a_ring_is_named_by_its_earliest_member() -> None:
    rings = Rings()
    step = rings.take(tied(1, 5, 3, 4))
    assert step is not None
    (ring,) = step.rings
    assert ring.members == ["A00003", "A00004", "A00005"]
    assert ring.ring_id == ids.ring_id(row(3, 3).seen_at, "A00003")
    assert ring.density == 1.0
    assert "nomor HP" in ring.hypothesis_id
    assert {s.application_id: s.ring.people for s in step.signals if s.ring} == dict.fromkeys(ring.members, 3)


def test_two_rings_become_one_that_supersedes_the_younger() -> None:
    rings = Rings()
    rings.take(tied(1, 1, 2, 3))
    young = rings.take(tied(2, 11, 12, 13))
    step = rings.take(tied(3, 3, 11, 20, kind="collector"))
    assert young is not None
    assert step is not None
    (ring,) = step.rings
    assert ring.supersedes == [young.rings[0].ring_id]
    assert len(ring.members) == 7
    assert {s.application_id for s in step.signals} == set(ring.members)


def test_an_earlier_member_that_comes_late_renames_the_ring_and_says_so() -> None:
    rings = Rings()
    before = rings.take(tied(1, 5, 6, 7))
    after = rings.take(tied(1, 2, 5, 6, 7, version=2))
    assert before is not None
    assert after is not None
    assert after.rings[0].supersedes == [before.rings[0].ring_id]


def test_a_ring_whose_tie_is_explained_falls_apart_and_its_members_hear_it() -> None:
    rings = Rings()
    rings.take(tied(1, 1, 2, 3))
    step = rings.take(tied(1, version=2))
    assert step is not None
    assert [r.members for r in step.rings] == [[]]
    assert [s.ring.ring_id for s in step.signals if s.ring] == [None, None, None]
    assert rings.rings() == []


def test_an_older_link_changes_nothing() -> None:
    rings = Rings()
    rings.take(tied(1, 1, 2, 3, version=4))
    assert rings.take(tied(1, 1, 2, 3, 9, version=3)) is None


@pytest.mark.parametrize(
    ("group", "share"),
    [("licensed:U1", 0.5), ("institution:S1", 0.5), ("channel:minimarket", 0.0), ("list_awaited:U1", 0.0)],
)
def test_explained_members_tie_nothing_and_only_lawful_groups_make_a_tour(group: str, share: float) -> None:
    rings = Rings()
    members = [*tied(1, 1, 2, 3, kind="host_phone").members, *tied(1, 4, 5, 6, kind="host_phone", group=group).members]
    step = rings.take(tied(1, kind="host_phone").model_copy(update={"members": members}))
    assert step is not None
    (ring,) = rings.rings()
    assert ring.members == ["A00001", "A00002", "A00003"]
    assert ring.licensed == share
    assert [r.asks_for_a_case for r in step.rings] == [share < 0.5]


@pytest.mark.parametrize(
    ("kind", "members", "kabupaten", "asks"),
    [("phone", 30, 1, False), ("phone", 7, 2, False), ("phone", 8, 2, True), ("collector", 3, 1, True)],
)
def test_a_phone_alone_asks_for_no_case_unless_many_of_several_kabupaten_share_it_r45(
    kind: str, members: int, kabupaten: int, asks: bool
) -> None:
    link = tied(1, *range(1, members + 1), kind=kind)
    rows = [row.model_copy(update={"desa": f"330{1 + n % kabupaten}012001"}) for n, row in enumerate(link.members)]
    step = Rings().take(link.model_copy(update={"members": rows}))
    assert step is not None
    assert [(len(r.members), len(r.kabupaten), r.asks_for_a_case) for r in step.rings] == [(members, kabupaten, asks)]


def test_a_name_without_a_phone_supports_a_ring_and_never_ties_one_r04() -> None:
    rings = Rings()
    assert rings.take(tied(9, 1, 2, 3, 4, 5, kind="recruiter", weak=True)) is not None
    assert rings.rings() == []
    step = rings.take(tied(1, 1, 2, 3))
    assert step is not None
    assert step.rings[0].members == ["A00001", "A00002", "A00003"]
    assert step.rings[0].supports == [{"kind": "recruiter", "token": token("recruiter", 9)}]
    later = rings.take(tied(9, 3, 4, kind="recruiter", weak=True, version=2))
    assert later is not None
    assert later.rings[0].supports is None  # one member alone supports nothing
    assert later.signals == []


def test_a_family_is_no_ring() -> None:
    rings = Rings()
    rings.take(tied(1, 1, 2, 3, 4, household=token("household", 1)))
    assert rings.rings() == []


LINKS = st.lists(
    st.builds(
        lambda thing, members, version: tied(thing, *members, version=version, weak=True if thing > 4 else None),
        st.integers(1, 6), st.lists(st.integers(0, 15), unique=True, max_size=6), st.integers(1, 4),
    ),
    max_size=12, unique_by=lambda k: (k.entity, k.record_version),
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(LINKS, st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_in_the_same_rings(links: list[LinkSuspected], random: Any) -> None:
    clean, messy = Rings(), Rings()
    for each in sorted(links, key=lambda k: k.record_version):
        clean.take(each)
    shuffled = [*links, *links[:3]]
    random.shuffle(shuffled)
    for each in shuffled:
        messy.take(each)
    assert state(messy) == state(clean)
    newest = {k.entity: k for k in sorted(links, key=lambda k: k.record_version)}
    assert state(Rings(newest.values())) == state(clean)  # as after a restart


@settings(deadline=None, max_examples=100)
@given(LINKS)
def test_what_members_were_told_is_what_the_rings_are(links: list[LinkSuspected]) -> None:
    rings, told = Rings(), {}
    for each in links:
        step = rings.take(each)
        for signal in step.signals if step else ():
            told[signal.application_id] = signal.ring
    now = {m: told_of(ring) for ring in rings.rings() for m in ring.members}
    assert {a: facts for a, facts in told.items() if facts and facts.ring_id} == now


@pytest.mark.parametrize("members", [5, 150])
def test_a_picture_can_be_drawn(members: int, tmp_path: Any) -> None:
    from services.risk.network.picture import draw

    rings = Rings()
    links = [tied(1, *range(members)), tied(2, *range(members // 2, members), kind="host_phone")]
    steps = [rings.take(k) for k in links]
    assert steps[-1] is not None
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    for file in (one, two):
        draw(steps[-1].rings[-1], links, file)
    assert one.read_bytes() == two.read_bytes()
    assert f"{members} pemohon" in one.read_text()
