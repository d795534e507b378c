"""What members hear: the same for any order and any repetition, taken back when it no longer holds, bounded for hubs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.network import (
    EntityMarked,
    EntityReviewed,
    EntitySeen,
    EntitySignalled,
    EntityUnseen,
    LinkSuspected,
)
from services.risk.network import heard, history
from services.risk.network.entity import IN_HAND, Change, Entity
from services.risk.network.link import link, to_pages
from services.risk.network.says import LOOKS_BACK
from services.risk.network.sightings import Shown
from tests.risk.network.build import PHONE, START, row


def no_hubs(_: EntitySeen) -> Sequence[str]:
    return ()


class Network:
    """One entity and what its members keep of what they heard."""

    def __init__(self) -> None:
        self.entity = Entity(PHONE)
        self.kept: dict[str, dict[str, EntitySignalled]] = {}
        self.sent: list[EntitySignalled] = []
        self.links: list[LinkSuspected] = []
        self.pages: list[EntitySeen] = []

    def take(self, *changes: Change) -> "Network":
        done = link(self.entity, changes, no_hubs)
        if done is None:
            return self
        signals = list(done.signals)
        self.pages += [r for page in done.pages for r in page]
        if done.to_all:
            signals += to_pages(self.entity, self.pages, done.at)
        if done.link:
            self.links.append(done.link)
        self.sent += signals
        for signal in signals:
            heard.keep(self.kept.setdefault(signal.application_id, {}), signal)
        return self

    def hears(self, number: int) -> dict[str, Any]:
        """Section `net.phone` of one application."""
        mine = row(number)
        shown = Shown(rows={("phone", PHONE): {}})
        return dict(heard.sections(shown, self.kept.get(mine.application_id, {}), {})["net"]["phone"])

    def all_hear(self) -> list[dict[str, Any]]:
        """Of those who name the entity in the end."""
        return [self.hears(int(row.application_id[1:])) for _, row in sorted(self.entity.rows.items())]


def unseen(number: int, version: int = 2) -> EntityUnseen:
    return EntityUnseen(entity=PHONE, entity_kind="phone", application_id=f"A{number:05}", record_version=version)


def mark(what: Any = "recruiter_confirmed", day: float = 30, **more: Any) -> EntityMarked:
    at = (START + timedelta(days=day)).isoformat()
    return EntityMarked(entity=PHONE, entity_kind="phone", mark=what, marked_at=at, by="polres-cilacap", **more)


def test_members_hear_of_the_third_household_and_not_before() -> None:
    network = Network().take(row(0)).take(row(1))
    assert network.sent == []
    network.take(row(2))
    assert [s.application_id for s in network.sent] == ["A00000", "A00001", "A00002"]
    assert network.hears(0)["households"] == 3


def test_whoever_nobody_joins_is_alone_and_that_is_an_answer() -> None:
    assert Network().take(row(0)).hears(0) == {"households": 1, "minors": 0}


@pytest.mark.parametrize(
    ("change", "households"),
    [
        (unseen(2), 1),
        (row(2, group="licensed:U1", record_version=2), 2),  # told with the reason why the third does not count
        (row(2, 400, record_version=2), 1),  # a correction of the time
    ],
)
def test_what_no_longer_holds_is_taken_back(change: Change, households: int) -> None:
    network = Network().take(row(0), row(1), row(2))
    network.take(change)
    assert [network.hears(n)["households"] for n in (0, 1)] == [households, households]


def test_a_redelivered_batch_and_an_older_version_change_nothing() -> None:
    network = Network().take(row(0), row(1), row(2, record_version=5))
    before, version = list(network.sent), network.entity.version
    network.take(row(0), row(1), row(2, record_version=5), row(2, 400, record_version=4), unseen(2, 4))
    assert (network.sent, network.entity.version) == (before, version)


def test_a_batch_that_is_cut_otherwise_tells_the_same_in_the_end() -> None:
    """The first worker died after it told of two changes; the second takes three at once, and the third takes the finding back."""
    died = Network().take(row(0), row(1)).take(row(2))
    again = Network().take(row(0), row(1))
    again.kept = died.kept  # what was sent is sent
    again.take(row(2), unseen(2))
    assert [again.hears(n)["households"] for n in (0, 1)] == [1, 1]


ROWS = st.lists(
    st.builds(
        lambda n, day, version, group: row(n, day, record_version=version, group=group),
        st.integers(0, 7), st.integers(0, 300), st.integers(1, 3), st.sampled_from([None, None, None, "licensed:U1"]),
    ),
    max_size=14, unique_by=lambda r: (r.application_id, r.record_version),
)  # fmt: skip
OTHERS = st.lists(
    st.sampled_from([unseen(1, 4), unseen(3, 0), mark(), mark("tip", sources=2), mark(day=200)]), max_size=3
)


@settings(deadline=None, max_examples=150)
@given(ROWS, OTHERS, st.randoms(use_true_random=False), st.lists(st.integers(1, 5), max_size=8))
def test_any_order_any_repetition_and_any_cut_end_in_what_a_clean_run_says(
    rows: list[EntitySeen], others: list[Change], random: Any, cuts: list[int]
) -> None:
    # Messages of one application come in order, as they do on one partition; the rest may come in any.
    clean = Network()
    for change in (*sorted(rows, key=lambda r: r.record_version), *others):
        clean.take(change)
    messy, left = Network(), [*rows, *others]
    random.shuffle(left)
    left += random.choices(left, k=3) if left else []
    for size in (*cuts, len(left)):
        messy.take(*left[:size])
        left = left[size:]
    assert messy.entity.rows == clean.entity.rows
    assert messy.all_hear() == clean.all_hear()


def test_a_mark_reaches_every_member_and_only_those_of_its_time() -> None:
    network = Network().take(row(0), row(1, 29), row(2, -400)).take(mark())
    assert network.hears(0)["marked"] == network.hears(1)["marked"] == ["recruiter_confirmed"]
    assert "marked" not in network.hears(2)  # named more than a year before: a number may have another owner by then


def test_a_name_without_a_phone_is_never_marked_or_counted() -> None:
    network = Network().take(*(row(n, weak=True) for n in range(5))).take(mark())
    assert [(k.weak, len(k.members)) for k in network.links] == [(True, 5)]  # supports a ring, and ties none
    assert all("marked" not in network.hears(n) for n in range(5))


def test_tips_of_two_who_passed_them_on_are_two_sources_r55() -> None:
    one = mark("tip", sources=1)
    other = one.model_copy(update={"by": "desa", "mark_id": "2"})
    network = Network().take(row(0), one, one, other)
    sections = heard.sections(Shown(rows={("phone", PHONE): {}}), network.kept["A00000"], {})
    assert sections["net"]["tip"] == {"sources": 2}


def test_a_tip_that_names_a_village_meets_a_name_without_a_phone_there_alone() -> None:
    here, there = "3301012001", "3301022001"
    tip = mark("tip", sources=2, desa=here, mark_id="1")
    network = Network().take(row(0, weak=True, desa=here), row(1, weak=True, desa=there), row(2, weak=True, desa=here))
    network.take(tip, mark("tip", sources=3, mark_id="2"))
    assert [network.hears(n).get("sources") for n in range(3)] == [2, None, 2]


def test_a_review_calls_every_member_again_once() -> None:
    network = Network().take(row(0), row(1))
    review = EntityReviewed(entity=PHONE, reason="licence snapshot", at=START.isoformat(), review_id="r1")
    network.take(review, review)
    assert sorted(s.application_id for s in network.sent) == ["A00000", "A00001"]


def test_a_ring_of_201_does_not_go_quiet_and_a_hub_of_10_000_does_not_flood() -> None:
    network = Network()
    most = 0
    for n in range(900):
        before = len(network.sent)
        network.take(row(n, n / 100))
        most = max(most, len(network.sent) - before)
        if n >= 200:
            assert network.hears(n)["households"] == 200, n
            assert network.hears(n)["hub"] is True
    assert most <= 201  # the steps themselves; between them one newcomer is told alone
    assert len(network.sent) < 900 + sum((13, 25, 50, 100, 200)) + 13 * 12
    assert len(network.entity.rows) <= IN_HAND
    assert len(network.entity.rows) + len(network.pages) == 900
    network.take(mark())
    marked = [s for s in network.sent if s.net and s.net.marked]
    assert {s.application_id for s in marked} == {f"A{n:05}" for n in range(900)}


def test_a_suspicious_link_names_its_members_and_ends_when_they_are_explained() -> None:
    network = Network().take(row(0), row(1), row(2))
    assert [m.application_id for m in network.links[-1].members] == ["A00000", "A00001", "A00002"]
    network.take(row(2, group="licensed:U1", record_version=2))
    assert network.links[-1].members == []


def test_an_entity_reads_back_as_it_was_stored() -> None:
    network = Network().take(row(0), row(1), row(2), mark(), unseen(1))
    again = Entity.of(network.entity.document())
    again.stored = network.entity.stored
    assert again == network.entity


def test_one_more_application_of_a_person_with_hundreds_costs_what_one_of_dozens_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[Any] = []
    told = history.told

    def counted(own: Any, *rest: Any) -> dict[str, Any]:
        calls.append(own)
        return told(own, *rest)

    monkeypatch.setattr(history, "told", counted)

    def application(n: int) -> EntitySeen:
        at = row(n, n).seen_at
        past = {"submitted_at": at, "office": "CLP", "pages": 24}
        return row(n, n, entity_kind="subject", subject=PHONE, past=past)

    entity = Entity(PHONE)
    link(entity, [application(n) for n in range(0, 600, 2)], no_hubs)
    calls.clear()
    done = link(entity, [application(301)], no_hubs)
    assert len(calls) == LOOKS_BACK + 1  # itself and those that look back on it
    assert done is not None
    assert [s.application_id for s in done.signals] == ["A00301"]
    assert done.signals[0].hist is not None
    assert done.signals[0].hist.pages_24_before is True
