"""How a field of an upstream event is declared: its meaning, its class, and how it leaves intake.

The classes are those of the event dictionary: N no personal datum, T token, P personal, K coded fact, S specific,
F fairness only, C case content, O about an officer. A field without one of the helpers below cannot be declared,
so that nothing leaves the door by omission.
"""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def keep(description: str, *, cls: str = "K", required: bool = False, **limits: Any) -> Any:
    """A coded fact: travels to risk and referral under its own name."""
    return _field(description, {"x-class": cls, "x-leaves": "kept"}, required, limits)


def seal(description: str, *, cls: str = "P", required: bool = False, **limits: Any) -> Any:
    """A personal value: stays in the vault and is revealed field by field for a purpose."""
    return _field(description, {"x-class": cls, "x-leaves": "sealed"}, required, limits)


def fairness(description: str) -> Any:
    """Class F: compared at the door, kept for aggregates only, never sent to another service."""
    return _field(description, {"x-class": "F", "x-leaves": "fairness"}, False, {})


def token(kind: str, description: str, *, leaves_as: str | None = None, required: bool = False, cls: str = "P") -> Any:
    """A value that leaves as `<name>_token`, a keyed hash in the token space `kind`."""
    extra = {"x-class": cls, "x-leaves": "token", "x-token-kind": kind}
    return _field(description, extra | ({"x-leaves-as": leaves_as} if leaves_as else {}), required, {})


def person(description: str) -> Any:
    """An object {name, phone?}: leaves as `<name>_token` (phone when there is one, else a weak name token, R04)."""
    return _field(description, {"x-class": "P", "x-leaves": "person"}, False, {})


def entities(description: str) -> Any:
    """A list of {kind, value, name?}: leaves as `entity_tokens`, [{kind, token}]."""
    return _field(description, {"x-class": "P", "x-leaves": "entities"}, False, {"max_length": 500})


def nested(description: str, *, required: bool = False) -> Any:
    """A list of objects whose own fields say how they leave."""
    return _field(description, {"x-class": "K", "x-leaves": "nested"}, required, {"max_length": 500})


def niks(description: str, *, leaves_as: str) -> Any:
    """A list of NIK: leaves as a list of subject tokens."""
    return _field(
        description, {"x-class": "P", "x-leaves": "niks", "x-leaves-as": leaves_as}, False, {"max_length": 50}
    )


def _field(description: str, extra: dict[str, Any], required: bool, limits: dict[str, Any]) -> Any:
    return Field(... if required else None, description=description, json_schema_extra=extra, **limits)


class DoorModel(BaseModel):
    """Base of everything in an upstream `data`: strict types, unknown fields counted elsewhere and ignored here."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class PersonRef(DoorModel):
    """A person or firm as told at the counter (R04)."""

    name: Annotated[str, Field(min_length=1, max_length=200, description="name as told")]
    phone: Annotated[str | None, Field(description="phone as told, any usual spelling", max_length=40)] = None


class EntityRef(DoorModel):
    """Something that joins applications, named by somebody outside (R36)."""

    kind: Annotated[
        Literal["phone", "email", "account", "address", "person", "licence", "passport", "nik"],
        Field(description="token space the value belongs to"),
    ]
    value: Annotated[str, Field(min_length=1, max_length=400, description="the value in clear")]
    name: Annotated[str | None, Field(max_length=200, description="name that goes with it")] = None


def _date(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("must be a date YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a date of the calendar") from None
    return value


_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")


@lru_cache(maxsize=65536)
def parse_time(value: str) -> datetime:
    """RFC 3339 with offset to an aware datetime; ValueError says what is missing, never the value."""
    if not _RFC3339.fullmatch(value):
        raise ValueError("must be a time as in RFC 3339 with offset, e.g. 2026-03-02T09:15:00+07:00")
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper().replace("Z", "+00:00")))
    except ValueError:
        raise ValueError("is not a time of the calendar") from None


def _time(value: str) -> str:
    parse_time(value)
    return value


Date = Annotated[str, AfterValidator(_date), Field(json_schema_extra={"format": "date"}, max_length=10)]
Time = Annotated[str, AfterValidator(_time), Field(json_schema_extra={"format": "date-time"}, max_length=40)]
Text = Annotated[str, Field(max_length=4096)]
Digits16 = Annotated[str, Field(pattern=r"^[0-9]{16}$")]
Desa = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}$")]
Count = Annotated[int, Field(ge=0, le=10**6)]
Rupiah = Annotated[int, Field(ge=0, le=10**12)]
Hash64 = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
# R61: an open enum takes any printed value and any [a-z0-9_]{1,40}; conditions know only the printed ones.
OpenCode = Annotated[str, Field(pattern=r"^([a-z0-9_]{1,40}|PMI_NP|tidak tahu)$")]
