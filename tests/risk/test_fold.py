"""Facts are folded from the set of events: order and duplication change nothing (promise 4)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.passport_events import EventAccepted
from services.risk.fold import SECTIONS, fold, folded
from tests.build import house

EVENTS = [
    house(
        "application.submitted", "2026-11-10T09:00:00+07:00", "s1", {"is_minor": False}, purpose="umrah", stay_days=10
    ),
    house("application.submitted", "2026-11-11T09:00:00+07:00", "s2", purpose="wisata"),
    house("dukcapil.verified", "2026-11-12T09:00:00+07:00", "d1", match="none"),
    house("dukcapil.verified", "2026-11-12T10:30:00+07:00", "d2", match="none"),
    house("dukcapil.verified", "2026-11-12T09:30:00+07:00", "d3", match="unavailable"),
    house("siskop2mi.verified", "2026-11-12T09:40:00+07:00", "k1", status="not_found"),
    house("interview.completed", "2026-11-12T11:00:00+07:00", "i1", threat_disclosed=True, purpose_confirmed="kerja"),
    house("interview.completed", "2026-11-13T11:00:00+07:00", "i2", threat_disclosed=False, payer="self"),
    house("interview.completed", "2026-11-13T11:00:00+07:00", "i3", payer="sponsor"),
    house("applicant.checked_in", "2026-11-12T08:00:00+07:00", "c1", escort_relation="istri"),
]


@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=5))
def test_promise_4_any_order_and_any_duplication_give_the_same_facts(
    order: list[EventAccepted], more: list[EventAccepted]
) -> None:
    assert fold([*order, *more]) == fold(EVENTS)


def test_the_later_event_time_wins_field_by_field_r52() -> None:
    facts = fold(EVENTS)
    assert facts["app"] == {"purpose": "wisata", "stay_days": 10}


def test_equal_times_are_decided_by_the_event_id() -> None:
    assert fold(EVENTS)["int"]["payer"] == "sponsor"


def test_a_must_act_fact_is_not_lowered_by_a_later_false_r52() -> None:
    assert fold(EVENTS)["int"]["threat_disclosed"] is True


def test_two_nones_an_hour_apart_are_no_match_r17() -> None:
    def answers(*given: tuple[str, str]) -> Any:
        events = [
            house("dukcapil.verified", f"2026-11-12T{at}:00+07:00", f"d{n}", match=m) for n, (at, m) in enumerate(given)
        ]
        return fold(events)["calc"].get("registry_none_twice")

    assert answers(("09:00", "none"), ("10:00", "none")) is True
    assert answers(("09:00", "none"), ("09:59", "none")) is False
    assert answers(("09:00", "none")) is False
    assert answers(("09:00", "none"), ("10:00", "none"), ("11:00", "exact")) is False
    assert answers(("09:00", "none"), ("10:00", "unavailable")) is False
    assert answers(("09:00", "unavailable")) is None


def test_a_stale_answer_of_siskop2mi_is_unknown_r16() -> None:
    def status(checked: str, interviewed: str | None) -> Any:
        events = [
            house("application.submitted", "2026-11-01T09:00:00+07:00", "s", purpose="bekerja_pmi"),
            house("siskop2mi.verified", checked, "k", status="not_found"),
        ]
        if interviewed:
            events.append(house("interview.completed", interviewed, "i"))
        return fold(events)["calc"].get("siskop2mi")

    assert status("2026-11-01T10:00:00+07:00", None) == "not_found"
    assert status("2026-11-01T10:00:00+07:00", "2026-11-04T10:00:00+07:00") == "not_found"
    assert status("2026-11-01T10:00:00+07:00", "2026-11-04T10:00:01+07:00") is None
    assert status("2026-11-05T10:00:00+07:00", "2026-11-04T10:00:00+07:00") == "not_found"
    assert status("2026-10-29T08:59:59+07:00", None) is None


def test_form_and_interview_are_compared_only_where_both_speak_r26() -> None:
    def conflicts(form: dict[str, Any], told: dict[str, Any]) -> Any:
        events = [
            house("application.submitted", "2026-11-01T09:00:00+07:00", "s", **form),
            house("interview.completed", "2026-11-02T09:00:00+07:00", "i", **told),
        ]
        return fold(events)["calc"].get("form_conflicts")

    assert conflicts({"purpose": "wisata"}, {"purpose_confirmed": "kerja"}) is None
    assert conflicts({"purpose": "wisata", "stay_days": 5}, {"purpose_confirmed": "kerja", "stay_days": 90}) == 2
    assert conflicts({"purpose": "bekerja_pmi", "stay_days": 5}, {"purpose_confirmed": "kerja", "stay_days": 5}) == 0


def test_relations_are_read_in_both_languages_r31() -> None:
    assert fold(EVENTS)["chk"]["escort_relation"] == "spouse"


def test_no_event_gives_every_section_and_no_fact() -> None:
    facts = fold([])
    assert facts.keys() == set(SECTIONS)
    assert not any(v for s, v in facts.items() if s != "calc")


def test_a_parent_or_all_needed_consents_make_company_good_r30() -> None:
    def calc(
        consents: list[dict[str, Any]], companions: list[dict[str, Any]], statement: bool = False
    ) -> dict[str, Any]:
        events = [
            house(
                "application.submitted",
                "2026-11-01T09:00:00+07:00",
                "s",
                parent_consents=consents,
                companions=companions,
            )
        ]
        items = [{"type": "surat_pernyataan_ketidakhadiran", "verdict": "verified"}] if statement else []
        events.append(house("documents.checked", "2026-11-02T09:00:00+07:00", "d", items=items))
        return fold(events)["calc"]

    both = [{"parent": "ayah", "verified": True}, {"parent": "ibu", "verified": True}]
    assert calc(both, [{"relation": "bibi"}])["consents_verified"] is True
    assert calc(both[:1], [{"relation": "bibi"}])["consents_verified"] is False
    assert calc(both[:1], [{"relation": "bibi"}], statement=True)["consents_verified"] is True
    assert calc([], [{"relation": "bibi"}])["consents_verified"] is False
    assert calc([{"parent": "wali", "verified": True}], [])["consents_verified"] is True
    assert calc([], [{"relation": "bibi"}])["minor_company"] == "other"
    assert calc([], [{"relation": "bibi"}, {"relation": "ibu"}])["minor_company"] == "parental"
    assert "minor_company" not in calc([], [])


BESIDE: list[dict[str, dict[str, Any]]] = [{}, {"lic": {"feed": True}}, {"net": {"phone": {"households": 3}}}]


@given(st.permutations(range(len(EVENTS))), st.data())
def test_facts_extended_event_by_event_are_those_of_all_events_at_once(order: list[int], data: st.DataObject) -> None:
    """Whatever comes late or early, and whatever other records say meanwhile."""
    events: dict[str, EventAccepted] = {}
    so_far = None
    for place in order:
        events[EVENTS[place].event_id] = EVENTS[place]
        beside = data.draw(st.sampled_from(BESIDE))
        so_far = folded(events, beside, so_far)
        assert so_far.facts == fold(events.values(), beside)
