"""assess: explains and recomputes itself, and knows no prohibited input."""

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.assessments import RiskAssessed
from services.contracts.message import Message
from services.contracts.passport_events import EventAccepted
from services.intake.accept import accept
from services.risk.assess import Cause, assess, recompute
from services.risk.fold import fold
from services.risk.licences import Licence, facts
from services.risk.pack import Pack
from services.risk.policy import Policy, PolicyError
from services.risk.record import Record
from services.simulator.day import play
from tests.build import FORM, TOKENS, checked, house, record, submitted, upstream

PACK = Pack.load()
DAY = play(date(2026, 11, 24), applications=160)


def of(number: int) -> list[EventAccepted]:
    """House events of one application of the simulated day."""
    return [accept(checked(e), [], TOKENS).event for e in DAY if e["subject"].endswith(f"-{number:04d}")]


def final(events: list[EventAccepted]) -> RiskAssessed:
    return assess(record(*events), Cause.of(events[-1]), PACK)


@pytest.mark.parametrize("number", [7, 23, 41, 58, 77, 96, 112, 140, 1, 2, 3])
def test_promise_5_an_assessment_recomputes_itself_from_what_it_carries(number: int) -> None:
    sent = final(of(number)).encode()
    received = RiskAssessed.decode(sent)
    assert recompute(received, PACK).encode() == sent
    assert received.pack_digest == PACK.digest


@pytest.mark.parametrize("number", [7, 23, 41, 58, 77])
def test_an_assessment_is_encoded_as_every_message_is(number: int) -> None:
    assessed = final(of(number))
    assert assessed.encode() == Message.encode(assessed)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([7, 41, 77, 96, 112, 5]), st.data())
def test_promise_4_the_same_events_give_the_same_assessment_in_any_order(number: int, data: st.DataObject) -> None:
    events = of(number)
    order = data.draw(st.permutations(events))
    last = events[-1]
    assert (
        assess(record(*order), Cause.of(last), PACK).encode() == assess(record(*events), Cause.of(last), PACK).encode()
    )


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([7, 41, 77, 112, 9]), st.data())
def test_evaluating_only_what_changed_equals_a_full_evaluation(number: int, data: st.DataObject) -> None:
    order = data.draw(st.permutations(of(number)))
    growing = Record(order[0].application_id)
    for event in order:
        growing.add(event)
        step = assess(growing, Cause.of(event), PACK)
        fresh = assess(Record(growing.application_id, 0, dict(growing.events)), Cause.of(event), PACK)
        assert step.encode() == fresh.encode()


def test_promise_6_an_application_of_which_little_is_known_has_no_finding() -> None:
    """Missing is not suspicious: required fields alone answer nothing with yes."""
    found = final([accept(checked(submitted()), [], TOKENS).event])
    assert found.findings == []
    assert found.level == 0
    assert "yes" not in found.indicators.values()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_promise_6_leaving_a_fact_out_never_makes_a_new_finding_but_by_lifting_an_exclusion(
    data: st.DataObject,
) -> None:
    """A fact that is absent is unknown. What a missing paper at the counter means is the one exception (index 14)."""
    events = of(data.draw(st.sampled_from([7, 23, 41, 58, 77, 96, 3, 4, 5])))
    victim = data.draw(st.sampled_from([e for e in events if e.data]))
    field = data.draw(st.sampled_from(sorted(victim.data)))
    less = victim.model_copy(update={"data": {k: v for k, v in victim.data.items() if k != field}})
    before = {f.id for f in final(events).findings}
    after = {f.id for f in final([less if e is victim else e for e in events]).findings}
    assert after - before <= {
        "seafarer_papers_missing",
        "form_vs_interview_conflict",
        "near_majority_unverified",
        "fishing_crew_distant_water",
    }


def test_promise_9_sex_and_marital_status_move_nothing_but_tokens() -> None:
    """Changed consistently on form, NIK and registry."""

    def result(sex: str, status: str, nik: str) -> dict[str, Any]:
        form = submitted(nik=nik, sex=sex, marital_status=status)
        registry = upstream(
            "dukcapil.verified",
            {"match": "exact", "sex": sex, "marital_status": status},
            time="2026-11-20T10:00:00+07:00",
        )
        known = [(form["time"], checked(form).data)]
        events = [accept(checked(form), [], TOKENS).event, accept(checked(registry), known, TOKENS).event]
        found = orjson.loads(final(events).encode())
        del found["facts"]["app"]["subject_token"]
        # an unregistered marriage is a contradiction of papers, not a status: equal for both
        return dict(found)

    woman, man = "3301044507909001", "3301040507909001"
    assert result("P", "belum_kawin", woman) == result("L", "belum_kawin", man)
    assert result("L", "kawin", man) == result("L", "belum_kawin", man)


@pytest.mark.parametrize("field", ["occupation", "birth_place", "full_name"])
def test_promise_9_what_is_prohibited_moves_nothing(field: str) -> None:
    one, two = submitted(**{field: "Satu Contoh"}), submitted(**{field: "Dua Contoh"})
    assert (
        final([accept(checked(one), [], TOKENS).event]).encode()
        == final([accept(checked(two), [], TOKENS).event]).encode()
    )


def test_promise_9_adult_age_moves_nothing() -> None:
    def result(birth: str) -> bytes:
        nik = f"330104{int(birth[8:]) + 40}{birth[5:7]}{birth[2:4]}9001"
        event = accept(checked(submitted(birth_date=birth, nik=nik)), [], TOKENS).event
        event.data["subject_token"] = "same"
        return final([event]).encode()

    assert result("1990-07-05") == result("1960-07-05") == result("2002-07-05")


def test_berjaga_jaga_without_date_or_ticket_scores_nothing() -> None:
    events = [
        accept(checked(submitted(purpose="berjaga_jaga")), [], TOKENS).event,
        accept(
            checked(
                upstream(
                    "interview.completed",
                    {"purpose_confirmed": "berjaga_jaga", "return_ticket": False, "knows_itinerary": 0},
                )
            ),
            [],
            TOKENS,
        ).event,
    ]
    assert (final(events).e_np, final(events).level) == (0, 0)


def test_being_a_former_pmi_alone_is_shown_and_weighs_nothing_r47() -> None:
    events = [
        house("application.submitted", "2026-11-01T09:00:00+07:00", "s", purpose="wisata"),
        house(
            "siskop2mi.verified",
            "2026-11-01T10:00:00+07:00",
            "k",
            status="registered_incomplete",
            registered_before=True,
        ),
    ]
    found = final(events)
    assert [(f.id, f.weight) for f in found.findings] == [("former_pmi_now_visit", 0)]
    assert found.e_np == 0


def test_being_a_former_pmi_weighs_one_when_two_other_groups_fire_r47() -> None:
    events = [
        house("application.submitted", "2026-11-01T09:00:00+07:00", "s", purpose="wisata"),
        house(
            "siskop2mi.verified",
            "2026-11-01T10:00:00+07:00",
            "k",
            status="registered_incomplete",
            registered_before=True,
        ),
        house("interview.completed", "2026-11-01T11:00:00+07:00", "i", told_to_change_visa=True, family_informed=False),
    ]
    assert {f.id: f.weight for f in final(events).findings}["former_pmi_now_visit"] == 10


def test_a_finding_says_what_it_read_and_what_would_clear_it() -> None:
    finding = next(f for f in final(of(41)).findings if f.id == "debt_bondage_signs")
    assert finding.inputs.pop("int.debt_idr") > 0
    assert finding.inputs == {"int.debt_to": "sponsor", "int.debt_repay": "wage_cut"}
    assert "KUR-PMI" in finding.clears_id
    assert finding.title_id
    assert finding.title_en


def test_questions_are_ranked_by_how_far_they_move_the_evidence() -> None:
    found = final([accept(checked(submitted(purpose="bekerja_pmi")), [], TOKENS).event])
    moves = [q.on_yes - q.on_no for q in found.questions]
    assert moves == sorted(moves, reverse=True)
    assert found.questions[0].indicator in (
        "threat_or_fear_disclosed",
        "age_raised_recent_correction",
        "biometric_other_identity",
    )


def test_a_policy_holds_from_its_day_in_its_office(tmp_path: Path) -> None:
    row = "- valid_from: {f}\n  valid_to: {t}\n  office_scope: [{o}]\n  legal_ref: SE\n  approved_by: kepala\n  value: {v}\n"
    text = row.format(f="2017-02-24", t="2023-02-21", o='"*"', v="[surat_kemenag]")
    text += row.format(f="2023-02-22", t="null", o='"*"', v="[]") + row.format(
        f="2024-01-01", t="null", o="SMG", v="[surat_bp2mi]"
    )
    (tmp_path / "letters.yaml").write_text(text)
    policy = Policy.load(tmp_path)
    assert policy.at(date(2023, 2, 21), "CLP") == {"letters": ["surat_kemenag"]}
    assert policy.at(date(2023, 2, 22), "CLP") == {"letters": []}
    assert policy.at(date(2024, 5, 1), "SMG") == {"letters": ["surat_bp2mi"]}
    assert policy.at(date(2016, 1, 1), "CLP") == {}


def test_a_policy_row_with_a_fault_names_file_row_and_key(tmp_path: Path) -> None:
    (tmp_path / "letters.yaml").write_text("- valid_from: 2017-02-24\n  legal_ref: SE\n  value: []\n")
    with pytest.raises(PolicyError, match=r"letters\.yaml: row 1: approved_by"):
        Policy.load(tmp_path)


def snapshot(at: str, status: str, id_: str = "l1", **more: Any) -> EventAccepted:
    return house("license.snapshot", at, id_, kind="ppiu", license_no="U1", name="PT", status=status, **more)


def test_a_licence_is_read_as_of_submission_r51() -> None:
    form = house("application.submitted", "2026-11-10T09:00:00+07:00", "s", agent_license_no="U1")
    licence = Licence(
        "U1", (snapshot("2026-11-01T00:00:00+07:00", "active"), snapshot("2026-11-12T00:00:00+07:00", "revoked", "l2"))
    )
    assert facts([form], {"U1": licence}, any_feed=True) == {
        "feed": True,
        "agent": {"kind": "ppiu", "status": "active"},
    }


def test_without_a_feed_nothing_is_said_and_with_one_absent_is_not_licensed_r24() -> None:
    form = house("application.submitted", "2026-11-10T09:00:00+07:00", "s", agent_license_no="U9")
    assert facts([form], {}, any_feed=False) == {}
    assert facts([form], {}, any_feed=True) == {"feed": True, "agent": {"status": "absent"}}


def test_a_licence_past_its_end_is_expired() -> None:
    form = house("application.submitted", "2026-11-10T09:00:00+07:00", "s", agent_license_no="U1")
    licence = Licence("U1", (snapshot("2026-11-01T00:00:00+07:00", "active", valid_to="2026-11-09"),))
    assert facts([form], {"U1": licence}, any_feed=True)["agent"]["status"] == "expired"


def test_the_form_alone_never_shows_a_section_of_others() -> None:
    assert FORM["purpose"] == "wisata"
    assert fold([])["net"] == {}
