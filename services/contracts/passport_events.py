"""Topic `passport-events`: validated, tokenised events; no personal value. And what intake says about an application."""

from functools import cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, create_model

from services.contracts.fields import DoorModel, Time
from services.contracts.message import Message
from services.contracts.upstream import REGISTRY


class PersonFacts(BaseModel):
    """Section `person.`: what intake derives from clear values and nothing else may know (events.md, section 6).

    Absent means unknown.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    is_minor: bool | None = Field(None, description="under 18 on the day of application.submitted (R30)")
    is_17_19: bool | None = Field(None, description="17 to 19 on that day; read by near_majority_unverified only")
    nik_structure_ok: bool | None = Field(None, description="NIK rules 2.4(1) to (4)")
    nik_dob_conflict: bool | None = Field(None, description="date in the NIK is not the declared date of birth")
    nik_sex_conflict: bool | None = Field(
        None, description="sex in the NIK is not the declared one; the sex stays here"
    )
    nik_kab: str | None = Field(None, description="kabupaten of first registration, 4 digits; for routing only")
    host_named: bool | None = Field(None, description="the form names the person to be visited")
    host_phone_countries: list[str] | None = Field(None, description="countries of the host's calling code (R58)")
    days_to_departure: int | None = Field(None, description="days from submission to departure, calendar dates WIB")
    age_change_over_18: bool | None = Field(
        None, description="birth date changed in 12 months, now adult, by another paper a minor"
    )
    kinship_verified: bool | None = Field(None, description="every companion is a parent by the registry")
    civil_status_conflict: bool | None = Field(None, description="declared marriage contradicts the registry (R29)")
    marriage_recent_or_unregistered: bool | None = Field(None, description="marriage under 90 days or not registered")
    ktp_issued_under_6_months: bool | None = Field(None, description="first KTP under 6 months before submission (R29)")
    answers_simhash: str | None = Field(None, description="64-bit simhash of the coded answers, hex (R63)")
    agent_name_matches: bool | None = Field(None, description="agent's name is the licence holder's (R67)")


class EventAccepted(Message):
    """One accepted event, tokenised. `data` has the shape `house_model(type)`."""

    TOPIC: ClassVar[str] = "passport-events"
    KEY: ClassVar[str] = "application_id"

    event_id: str = Field(description="UUIDv5(source, id)")
    type: str = Field(description="event type")
    application_id: str = Field(description="subject of the event; opaque")
    at: Time = Field(description="when it happened, RFC 3339 with the sender's offset")
    source: str = Field(description="sending system")
    office_code: str = Field(description="office")
    service_point: str | None = Field(None, description="counter or field-service day")
    service_channel: str | None = Field(None, description="service channel")
    traceparent: str | None = Field(None, description="W3C trace context")
    key_version: int = Field(1, description="version of the token keys")
    data: dict[str, Any] = Field(description="tokens and coded facts")
    person: PersonFacts = Field(default_factory=PersonFacts, description="derived facts")

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Keeps the bytes: whoever stores the event need not make them again."""
        event = super().decode(payload)
        event.__dict__["wire"] = payload
        return event


class ApplicationRestricted(Message):
    """Processing must pause (UU PDP Ps 41)."""

    TOPIC: ClassVar[str] = "passport-events"
    KEY: ClassVar[str] = "application_id"

    application_id: str = Field(description="application")
    at: Time = Field(description="time of the request")


class ApplicationReleased(ApplicationRestricted):
    """Processing may go on."""


class ApplicationErased(ApplicationRestricted):
    """The key was destroyed: every service removes its record, tombstones its topics and confirms."""


class TokenKeysRotated(Message):
    """Intake has newer token keys: every service moves its records (it asks intake for the newest form of its tokens)."""

    TOPIC: ClassVar[str] = "passport-events"
    KEY: ClassVar[str] = "version"

    version: int = Field(ge=1, description="newest version of the token keys")
    at: Time = Field(description="when")


@cache
def house_model(type_: str) -> type[BaseModel]:
    """The shape of `data` in `EventAccepted` for one event type, derived from the upstream declaration."""
    return _house(REGISTRY[type_], type_.title().replace(".", "").replace("_", "") + "Facts")


def _house(model: type[DoorModel], name: str) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for field, info in model.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        leaves, out = extra.get("x-leaves"), str(extra.get("x-leaves-as") or f"{field}_token")
        described = Field(None, description=info.description)
        if leaves == "kept":
            fields[field] = (
                Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation,
                described,
            )
        elif leaves == "token":
            fields[out] = (str | None, described)
            if extra.get("x-token-kind") == "document" and field == "number":
                fields["series_token"] = (str | None, Field(None, description="series of the number (R63)"))
                fields["series_pos"] = (int | None, Field(None, description="place in the series, shifted (R63)"))
        elif leaves == "person":
            fields[f"{field}_token"] = (str | None, described)
            fuzzy = (
                "weak: sound of the name, words sorted, with the kecamatan of the application; supports, never joins"
            )
            fields[f"{field}_fuzzy_token"] = (str | None, Field(None, description=fuzzy))
            fields[f"{field}_weak"] = (bool | None, Field(None, description="token of a name without phone (R04)"))
        elif leaves == "niks":
            fields[out] = (list[str] | None, described)
        elif leaves == "entities":
            fields["entity_tokens"] = (list[dict[str, str]] | None, described)
        elif leaves == "nested":
            fields[field] = (list[_house(nested_model(model, field), f"{name}{field.title()}")] | None, described)  # type: ignore[misc]
    return create_model(name, __config__=ConfigDict(frozen=True, extra="ignore"), __doc__=model.__doc__, **fields)


def nested_model(model: type[DoorModel], field: str) -> type[DoorModel]:
    """The item model of a `nested` field."""
    stack: list[Any] = [model.model_fields[field].annotation]
    while stack:
        found = stack.pop()
        if isinstance(found, type) and issubclass(found, DoorModel):
            return found
        stack.extend(getattr(found, "__args__", ()))
    raise TypeError(f"{model.__name__}.{field} is nested but names no model")
