"""Bad input gets every fault at once, by path and rule, and never the value."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.check import Checked, Rejected, check, parse
from tests.build import FORM, NOW, submitted, upstream

SECRET = "3301044507909001"


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


BAD: dict[str, tuple[bytes, int, str]] = {
    "not json": (b"{nik", 400, ""),
    "invalid utf-8": (b'{"id": "\xff"}', 400, ""),
    "lone surrogate": (b'{"id": "\\ud800"}', 400, ""),
    "nan": (orjson.dumps(submitted()).replace(b'"wisata"', b"NaN"), 400, ""),
    "byte order mark": (b"\xef\xbb\xbf" + orjson.dumps(submitted()), 400, ""),
    "utf-16": (orjson.dumps(submitted()).decode().encode("utf-16"), 400, ""),
    "infinity": (orjson.dumps(submitted()).replace(b'"wisata"', b"Infinity"), 400, ""),
    "a comment": (b"// x\n" + orjson.dumps(submitted()), 400, ""),
    "trailing comma": (orjson.dumps(submitted())[:-1] + b",}", 400, ""),
    "single quotes": (b"{'id': 'x'}", 400, ""),
    "cut in the middle": (orjson.dumps(submitted())[:100], 400, ""),
    "empty": (b"", 400, ""),
    "a number": (b"7", 400, ""),
    "a field twice": (orjson.dumps(submitted())[:-1] + b', "id": "other"}', 400, ""),
    "a field of data twice": (orjson.dumps(submitted()).replace(b'"data":{', b'"data": {"nik":"1",'), 400, ""),
    "huge number": (orjson.dumps(submitted()).replace(b'"wisata"', b"1" + b"0" * 400), 400, ""),
    "number beyond its range": (orjson.dumps(submitted(stay_days=10**9)), 422, "data.stay_days"),
    "a fraction": (orjson.dumps(submitted(stay_days=7.5)), 422, "data.stay_days"),
    "true as a number": (orjson.dumps(submitted(stay_days=True)), 422, "data.stay_days"),
    "one as a truth": (orjson.dumps(upstream("applicant.checked_in", {"escort_present": 1})), 422, "data.escort_present"),
    "type is a number": (orjson.dumps(submitted() | {"type": 7}), 422, "type"),
    "empty id": (orjson.dumps(submitted() | {"id": ""}), 422, "id"),
    "long id": (orjson.dumps(submitted() | {"id": "x" * 300}), 422, "id"),
    "line break in the subject": (orjson.dumps(submitted() | {"subject": "A1\r\nX: y"}), 422, "subject"),
    "office with a path": (orjson.dumps(submitted() | {"officecode": "../CLP"}), 422, "officecode"),
    "unknown channel": (orjson.dumps(submitted() | {"servicechannel": "pasar"}), 422, "servicechannel"),
    "service point with a blank": (orjson.dumps(submitted() | {"servicepoint": "A 1"}), 422, "servicepoint"),
    "month 13": (orjson.dumps(submitted() | {"time": "2026-13-01T09:00:00+07:00"}), 422, "time"),
    "hour 25": (orjson.dumps(submitted() | {"time": "2026-11-20T25:00:00+07:00"}), 422, "time"),
    "time as a number": (orjson.dumps(submitted() | {"time": 1764000000}), 422, "time"),
    "person without a name": (orjson.dumps(submitted(agent={"phone": "0812"})), 422, "data.agent.name"),
    "person as a text": (orjson.dumps(submitted(agent="Pak Agen")), 422, "data.agent"),
    "companion as a text": (orjson.dumps(submitted(companions=["ibu"])), 422, "data.companions.0"),
    "desa too short": (orjson.dumps(submitted(ktp_desa_code="3301")), 422, "data.ktp_desa_code"),
    "data schema of another type": (orjson.dumps(submitted() | {"dataschema": "urn:tppo:payment.received:1"}), 422, "dataschema"),
    "licence with a formula": (orjson.dumps(submitted(agent_license_no="=1+1")), 422, "data.agent_license_no"),
    "a list": (b"[]", 400, ""),
    "a text": (b'"x"', 400, ""),
    "two objects": (b"{} {}", 400, ""),
    "no id": (orjson.dumps({k: v for k, v in submitted().items() if k != "id"}), 400, "id"),
    "no source": (orjson.dumps({k: v for k, v in submitted().items() if k != "source"}), 400, "source"),
    "no time": (orjson.dumps({k: v for k, v in submitted().items() if k != "time"}), 422, "time"),
    "no office": (orjson.dumps({k: v for k, v in submitted().items() if k != "officecode"}), 422, "officecode"),
    "wrong specversion": (orjson.dumps(submitted() | {"specversion": "0.3"}), 422, "specversion"),
    "unknown type": (orjson.dumps(submitted() | {"type": "application.unheard"}), 422, "type"),
    "wrong major": (orjson.dumps(submitted() | {"dataschema": "urn:tppo:application.submitted:2"}), 422, "dataschema"),
    "bad time": (orjson.dumps(submitted() | {"time": "20 November"}), 422, "time"),
    "time without offset": (orjson.dumps(submitted() | {"time": "2026-11-20T09:15:00"}), 422, "time"),
    "future": (orjson.dumps(submitted() | {"time": "2126-11-26T09:15:00+07:00"}), 422, "time"),
    "subject is a NIK": (orjson.dumps(submitted() | {"subject": SECRET}), 422, "subject"),
    "subject with a path": (orjson.dumps(submitted() | {"subject": "../etc"}), 422, "subject"),
    "wrong field type": (orjson.dumps(submitted(stay_days="tujuh")), 422, "data.stay_days"),
    "number as text": (orjson.dumps(submitted(stay_days="7")), 422, "data.stay_days"),
    "negative number": (orjson.dumps(submitted(stay_days=-1)), 422, "data.stay_days"),
    "nik with letters": (orjson.dumps(submitted(nik="33010445O7909001")), 422, "data.nik"),
    "short nik": (orjson.dumps(submitted(nik="330104")), 422, "data.nik"),
    "closed enum": (orjson.dumps(submitted(purpose="jalan_jalan")), 422, "data.purpose"),
    "impossible date": (orjson.dumps(submitted(birth_date="1990-02-30")), 422, "data.birth_date"),
    "country in lower case": (orjson.dumps(submitted(dest_countries=["my"])), 422, "data.dest_countries.0"),
    "null in a required field": (orjson.dumps(submitted(purpose=None)), 422, "data.purpose"),
    "long string": (orjson.dumps(submitted(exit_point="x" * 5000)), 422, "data.exit_point"),
    "1 MB string": (orjson.dumps(submitted(exit_point="x" * 1_000_000)), 413, ""),
    "deep nesting": (orjson.dumps(submitted(extra=deep(40))), 422, "data.extra"),
    "long list": (orjson.dumps(submitted(extra=[1] * 501)), 422, "data.extra"),
    "nul": (orjson.dumps(submitted(full_name="Siti\x00")), 422, "data.full_name"),
    "nul in a name": (orjson.dumps(submitted(**{"a\x00b": 1})), 422, "data"),
    "data is a list": (orjson.dumps(submitted() | {"data": []}), 422, "data"),
    "no data": (orjson.dumps({k: v for k, v in submitted().items() if k != "data"}), 422, "data"),
    "born after the event": (orjson.dumps(submitted(birth_date="2026-11-21")), 422, "data.birth_date"),
    "registry: born after the event": (orjson.dumps(upstream("dukcapil.verified", {"match": "exact", "birth_date": "2027-01-01"})), 422, "data.birth_date"),
    "outcome against its type": (orjson.dumps(upstream("application.deferred", {"outcome": "approved"})), 422, "data.outcome"),
    "evidence due in a year": (orjson.dumps(upstream("application.deferred", {"outcome": "deferred", "evidence_due_at": "2027-11-20T09:15:00+07:00"})), 422, "data.evidence_due_at"),
    "home before leaving": (orjson.dumps(upstream("travel.history", {"trips": [{"country": "MY"}, {"country": "SA", "departed_at": "2026-02-01", "returned_at": "2026-01-01"}]})), 422, "data.trips.1.returned_at"),
    "licence under another subject": (orjson.dumps(upstream("license.snapshot", {"kind": "ppiu", "license_no": "P1", "name": "PT Contoh", "status": "active"})), 422, "subject"),
    "tip under an application": (orjson.dumps(upstream("tip.received", {})), 422, "subject"),
    "closed list of documents": (orjson.dumps(upstream("documents.checked", {"items": [{"issuer": "x"}]})), 422, "data.items.0.type"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_with_its_path(kind: str) -> None:
    raw, status, path = BAD[kind]
    result = check(raw, NOW)
    assert isinstance(result, Rejected)
    assert result.status == status
    assert any(f.path.startswith(path) for f in result.faults), result.faults
    assert all(f.rule and f.reason for f in result.faults)


def test_bad_input_is_of_at_least_sixty_kinds() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("kind", BAD)
def test_a_fault_is_told_in_both_languages(kind: str) -> None:
    result = check(BAD[kind][0], NOW)
    assert isinstance(result, Rejected)
    assert all(f.reason_id and f.reason_id != f.reason for f in result.faults)


def test_a_fault_says_what_kind_of_value_it_was_and_never_the_value() -> None:
    result = check(orjson.dumps(submitted(nik="rahasia", stay_days=[1, 2], purpose=None)), NOW)
    assert isinstance(result, Rejected)
    kinds = {f.path: f.value_class for f in result.faults}
    assert kinds == {"data.nik": "text of 7", "data.stay_days": "list of 2", "data.purpose": "null"}


@pytest.mark.parametrize(
    "text",
    ['{"a": "x\\": y"}', '{"a" : 1,\n "b": {"a": 2}}', '{"a\\\\": 1}', '{"a": "\\\\"}', '{ "a": [{"b":1}, {"b":2}] }'],
)
def test_a_field_is_not_taken_for_a_second_one(text: str) -> None:
    assert not isinstance(parse(text.encode()), Rejected)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.recursive(st.text(max_size=8) | st.integers(0, 9), lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(max_size=4), i, max_size=3), max_leaves=8), max_size=5))  # fmt: skip
def test_any_spelling_of_good_json_is_read(value: dict[str, Any]) -> None:
    for text in (
        json.dumps(value),
        json.dumps(value, indent=2),
        json.dumps(value, ensure_ascii=False, separators=(" ,", " : ")),
    ):
        assert parse(text.encode()) == value


def test_all_faults_come_at_once() -> None:
    result = check(orjson.dumps(submitted(stay_days="x", purpose="y", birth_date="z") | {"time": "never"}), NOW)
    assert isinstance(result, Rejected)
    assert {f.path for f in result.faults} == {"time", "data.stay_days", "data.purpose", "data.birth_date"}


@pytest.mark.parametrize("field", ["nik", "full_name", "birth_date", "purpose", "exit_point"])
def test_no_fault_repeats_a_value(field: str) -> None:
    secret = "RAHASIA\x00" + "9" * 40
    result = check(orjson.dumps(submitted(**{field: secret})), NOW)
    assert isinstance(result, Rejected)
    assert "RAHASIA" not in result.reason
    assert "999999" not in result.reason


def test_unknown_fields_are_counted_and_no_error() -> None:
    result = check(orjson.dumps(submitted(favourite_colour="biru")), NOW)
    assert isinstance(result, Checked)
    assert result.unknown_fields == ("favourite_colour",)


def test_null_and_an_absent_optional_field_mean_the_same() -> None:
    one, two = check(orjson.dumps(submitted(stay_days=None)), NOW), check(orjson.dumps(submitted()), NOW)
    assert isinstance(one, Checked)
    assert isinstance(two, Checked)
    assert one.data == two.data


@pytest.mark.parametrize("value", ["tidak tahu", "kakak_ipar"])
def test_open_enums_take_printed_and_well_formed_values_r61(value: str) -> None:
    assert isinstance(check(orjson.dumps(upstream("interview.completed", {"host_relation": value})), NOW), Checked)


def test_an_open_enum_refuses_what_is_not_well_formed() -> None:
    assert isinstance(check(orjson.dumps(upstream("interview.completed", {"host_relation": "Kakak!"})), NOW), Rejected)


def test_any_age_is_accepted() -> None:
    assert isinstance(check(orjson.dumps(submitted() | {"time": "1999-11-20T09:15:00+07:00"}), NOW), Checked)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything(raw: bytes) -> None:
    assert isinstance(check(raw, NOW), Checked | Rejected)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*FORM, "dest_countries", "companions", "agent"]), json_values)
def test_no_value_of_a_field_raises_anything(field: str, value: Any) -> None:
    raw = orjson.dumps(submitted(**{field: value}), option=orjson.OPT_NON_STR_KEYS) if _encodable(value) else b""
    assert isinstance(check(raw, NOW), Checked | Rejected)


def _encodable(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True
