"""The dictionary of upstream events: types, required fields, and how every field leaves."""

from typing import Any

import pytest

from services.contracts.fields import DoorModel
from services.contracts.passport_events import house_model, nested_model
from services.contracts.upstream import REGISTRY

# R01
REQUIRED: dict[str, set[str]] = {
    "application.submitted": {"nik", "full_name", "birth_date", "application_type", "purpose"},
    "payment.received": {"billing_id"},
    "payment.expired": {"billing_id"},
    "appointment.booked": {"slot_at"},
    "appointment.rescheduled": {"slot_at"},
    "appointment.no_show": {"slot_at"},
    "documents.checked": {"items"},
    "dukcapil.verified": {"match"},
    "biometrics.captured": {"bms_result"},
    "siskop2mi.verified": {"status"},
    "license.snapshot": {"kind", "license_no", "name", "status"},
    "adjudication.completed": {"result"},
    "application.deferred": {"outcome"},
    "application.refused": {"outcome"},
    "application.cancelled_duplicate": {"outcome"},
    "application.cancelled_incomplete": {"outcome"},
    "application.withdrawn": {"outcome"},
    "application.approved": {"outcome"},
    "passport.printed": {"passport_no"},
    "passport.collected": {"collector_relation"},
    "passport.lost_reported": {"reported_at"},
    "return.recorded": {"kind"},
    "departure.deferred": {"reason_code"},
    "referral.outcome": {"code"},
}
PERSONAL = {
    "nik", "kk_no", "full_name", "birth_place", "birth_date", "sex", "marital_status", "occupation", "phone", "email",
    "account", "domicile_addr", "host_name", "host_phone", "host_addr", "sponsor", "agent", "recruiter", "lpk", "escort",
    "collector", "payer_account", "device", "ip", "passport_no", "prev_passport", "seaman_book_no", "bst_no", "id_pmi",
    "free_text", "transit_plan", "evidence_ref", "parents", "officer", "approver", "signer", "number", "entities",
    "first_ktp_at", "marriage_registered_at", "manning_agent", "other_identity",
}  # fmt: skip


def test_there_are_33_types() -> None:
    assert len(REGISTRY) == 33


@pytest.mark.parametrize("type_", sorted(REGISTRY))
def test_required_fields_are_those_of_r01(type_: str) -> None:
    required = {name for name, info in REGISTRY[type_].model_fields.items() if info.is_required()}
    assert required == REQUIRED.get(type_, set())


@pytest.mark.parametrize("type_", sorted(REGISTRY))
def test_no_personal_field_leaves_under_its_own_name(type_: str) -> None:
    assert not _names(house_model(type_)) & PERSONAL


@pytest.mark.parametrize("type_", sorted(REGISTRY))
def test_every_field_says_its_class_and_meaning(type_: str) -> None:
    for model in _models(REGISTRY[type_]):
        for name, info in model.model_fields.items():
            extra: Any = info.json_schema_extra
            assert extra["x-class"] in "NTPKSFCO", name
            assert extra["x-leaves"], name
            assert info.description, name


def _models(model: type[DoorModel]) -> list[type[DoorModel]]:
    extras: dict[str, Any] = {name: info.json_schema_extra for name, info in model.model_fields.items()}
    return [model, *(nested_model(model, name) for name, extra in extras.items() if extra["x-leaves"] == "nested")]


def _names(model: Any) -> set[str]:
    found = set(model.model_fields)
    for info in model.model_fields.values():
        for part in getattr(info.annotation, "__args__", ()):
            for inner in (part, *getattr(part, "__args__", ())):
                if hasattr(inner, "model_fields"):
                    found |= _names(inner)
    return found
