"""accept: what leaves the door, and that nothing else does."""

from datetime import date
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.schemas import HERE
from services.contracts.upstream import REGISTRY
from services.intake import derive, nik
from services.intake.accept import accept, related
from services.intake.vault import MasterKey
from tests.build import FORM, NOW, TOKENS, accepted, checked, submitted, upstream

CLEAR = {
    "nik": "3301044507909001", "kk_no": "3301041203109001", "full_name": "Siti Rahayu Contoh", "birth_place": "Kroya",
    "phone": "081200009876", "email": "siti.rahasia@contoh.example", "account": "akun.rahasia@contoh.example",
    "occupation": "penjahit", "domicile_addr": "Jl. Melati No. 77 RT 03/RW 04", "host_name": "Paman Rahasia",
    "host_phone": "+60123450099", "host_addr": "Lorong Rahasia 5", "id_pmi": "PMI-778899", "seaman_book_no": "SB778899",
    "bst_no": "BST778899", "prev_passport": "X9778899",
}  # fmt: skip


def test_no_clear_value_of_a_form_leaves() -> None:
    people = {"sponsor": {"name": "Pak Sponsor Rahasia", "phone": "081299990001"}, "agent": {"name": "Agen Rahasia"}}
    event = accept(
        checked(submitted(**CLEAR, **people, birth_date="1990-07-05", sex="P", marital_status="kawin")), [], TOKENS
    ).event
    sent = event.encode().decode()
    values = [
        *CLEAR.values(),
        "1990-07-05",
        "Pak Sponsor Rahasia",
        "081299990001",
        "Agen Rahasia",
        "kawin",
        "6281200009876",
    ]
    assert [v for v in values if v in sent] == []
    assert "sex" not in event.data
    assert "marital_status" not in event.data


@pytest.mark.parametrize("type_", sorted(REGISTRY))
def test_no_clear_value_of_any_full_example_leaves(type_: str) -> None:
    raw = orjson.loads((HERE / "examples" / "passport-raw" / "v1" / f"{type_}.full.json").read_bytes())
    sent = accept(checked(raw), [], TOKENS).event.encode().decode()
    secret = _secrets(REGISTRY[type_], raw["data"])
    assert [v for v in secret if v in sent] == []


def _secrets(model: Any, data: dict[str, Any]) -> set[str]:
    """Texts of the fields that must not leave; one that a coded field happens to share is no secret."""
    secret: set[str] = set()
    coded: set[str] = set()
    for name, info in model.model_fields.items():
        texts = {t for t in _texts(data.get(name)) if len(t) > 5}
        if info.json_schema_extra["x-leaves"] in ("kept", "nested"):
            coded |= texts
        else:
            secret |= texts
    return secret - coded


def _texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return {t for k, v in value.items() if k != "kind" for t in _texts(v)}
    return {t for v in value for t in _texts(v)} if isinstance(value, list) else set()


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=8, max_size=30).filter(lambda t: "\x00" not in t and t.isprintable()))
def test_no_name_leaves_whatever_it_is(name: str) -> None:
    """Two forms that differ in names alone are the same bytes outside: nothing of a name is in them."""

    def sent(value: str) -> bytes:
        return accepted(submitted(full_name=value, occupation=value, host_name=value)).encode()

    assert sent(name) == sent("Nama Lain Contoh")


def test_a_field_that_cannot_be_normalised_is_unknown_and_counted_r02() -> None:
    found = accept(checked(submitted(phone="bukan nomor", email="tanpa at")), [], TOKENS)
    assert "phone_token" not in found.event.data
    assert found.unreadable == {"phone": 1, "email": 1}


def test_accepting_is_deterministic() -> None:
    assert accepted(submitted(**CLEAR)).encode() == accepted(submitted(**CLEAR)).encode()


@pytest.mark.parametrize(
    ("birth", "minor", "near"),
    [
        ("2008-11-21", True, True),
        ("2008-11-20", False, True),
        ("2006-11-21", False, True),
        ("2006-11-20", False, False),
    ],
)
def test_age_is_that_of_the_day_of_submission_r30(birth: str, minor: bool, near: bool) -> None:
    person = accepted(submitted(birth_date=birth)).person
    assert (person.is_minor, person.is_17_19) == (minor, near if birth != "2006-11-20" else False)


def test_the_day_of_submission_is_that_of_western_indonesia() -> None:
    late = submitted(birth_date="2008-11-21") | {"time": "2026-11-20T18:30:00+00:00"}  # 01:30 WIB on the 21st
    assert accepted(late).person.is_minor is False


def test_sex_is_compared_at_the_door_and_only_the_boolean_leaves() -> None:
    assert accepted(submitted(sex="P")).person.nik_sex_conflict is False
    assert accepted(submitted(sex="L")).person.nik_sex_conflict is True
    assert accepted(submitted()).person.nik_sex_conflict is None


def test_the_century_of_a_nik_is_the_declared_one() -> None:
    assert not nik.birth_date_conflict("3301040507059001", date(2005, 7, 5))
    assert not nik.birth_date_conflict("3301040507059001", date(1905, 7, 5))
    assert nik.birth_date_conflict("3301040507059001", date(2005, 7, 6))


DUK = upstream(
    "dukcapil.verified",
    {"match": "exact", "birth_date": "2005-01-01", "last_change_kind": "tgl_lahir", "last_change_at": "2026-09-01"},
    time="2026-11-20T10:00:00+07:00",
)
DOC = upstream(
    "documents.checked", {"items": [{"type": "ijazah", "birth_date": "2010-01-01"}]}, time="2026-11-20T10:05:00+07:00"
)


def test_a_raised_age_is_seen_whichever_event_comes_last() -> None:
    form = submitted(birth_date="2005-01-01")
    orders = [(form, DUK, DOC), (form, DOC, DUK), (DUK, DOC, form), (DOC, form, DUK)]
    for order in orders:
        earlier = [(e["time"], checked(e).data) for e in order[:-1]]
        assert accept(checked(order[-1]), earlier, TOKENS).event.person.age_change_over_18 is True, [
            e["type"] for e in order
        ]


def test_a_change_without_another_paper_says_nothing() -> None:
    form = submitted(birth_date="2005-01-01")
    found = accept(checked(DUK), [(form["time"], checked(form).data)], TOKENS)
    assert found.event.person.age_change_over_18 is None


def test_a_registry_that_is_unavailable_derives_nothing() -> None:
    form = submitted(companions=[{"nik": "3301044507909002", "relation": "ibu"}])
    down = upstream("dukcapil.verified", {"match": "unavailable", "first_ktp_at": "2026-11-01"})
    found = accept(checked(down), [(form["time"], checked(form).data)], TOKENS)
    assert found.event.person.model_dump(exclude_none=True) == {}


def test_ages_are_completed_years() -> None:
    assert derive.age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert derive.age_on(date(2008, 2, 29), date(2026, 3, 1)) == 18


def test_a_sealed_value_opens_only_in_its_own_place() -> None:
    master = MasterKey(b"k" * 32)
    key = master.new_data_key("A1")
    sealed = key.seal("event-1", b"Siti")
    assert b"Siti" not in sealed
    assert master.unwrap(key.wrapped, "A1").open("event-1", sealed) == b"Siti"
    with pytest.raises(InvalidTag):
        key.open("event-2", sealed)
    with pytest.raises(InvalidTag):
        master.unwrap(key.wrapped, "A2")
    assert key.seal("event-1", b"Siti") != sealed


def test_the_form_of_tests_is_good() -> None:
    assert checked(submitted()).event.happened_at < NOW
    assert FORM["purpose"] == "wisata"


@pytest.mark.parametrize(
    ("agent", "number", "wanted"),
    [
        ("PT. Amanah Contoh Wisata", "U1", True),
        ("PT Amanah Conto Wisata", "U1", True),
        ("PT Lain Sama Sekali", "U1", False),
        ("PT Amanah Contoh Wisata", "U2", None),
    ],
)
def test_the_agents_name_is_compared_with_the_licence_holders_r67(agent: str, number: str, wanted: bool | None) -> None:
    licence = upstream(
        "license.snapshot",
        {"kind": "ppiu", "license_no": "U1", "name": "PT Amanah Contoh Wisata", "status": "active"},
        subject="LIC-U1",
    )
    form = checked(submitted(agent={"name": agent}, agent_license_no=number))
    assert related(form) == [f"LIC-{number}"]
    found = accept(form, [(licence["time"], checked(licence).data)], TOKENS).event
    assert found.person.agent_name_matches is wanted
    assert agent not in found.encode().decode()
