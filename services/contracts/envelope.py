"""The CloudEvents envelope of what the passport system sends (design, section 4)."""

import re
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.contracts import ids
from services.contracts.enums import ServiceChannel
from services.contracts.fields import Time, parse_time

MAX_EVENT_BYTES = 256 * 1024  # R03
MAX_STRING = 4096
MAX_LIST = 500
MAX_DEPTH = 32
CURRENT_MAJOR = 1

_SUBJECT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NIK_LIKE = re.compile(r"\d{6}(0[1-9]|[12]\d|3[01]|4[1-9]|[56]\d|7[01])(0[1-9]|1[0-2])\d{2}(?!0000)\d{4}")


def _subject(value: str) -> str:
    if not _SUBJECT.fullmatch(value):
        raise ValueError("must match [A-Za-z0-9._-]{1,64}")
    if _NIK_LIKE.fullmatch(value):
        raise ValueError("has the form of a NIK; an application id must be opaque")
    return value


class UpstreamEvent(BaseModel):
    """One event of the passport system; `data` still unchecked."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    specversion: Literal["1.0"] = Field(description="CloudEvents version")
    id: Annotated[str, Field(min_length=1, max_length=256, description="identity, together with source")]
    source: Annotated[str, Field(min_length=1, max_length=256, description="the sending system, a URI reference")]
    type: Annotated[str, Field(min_length=1, max_length=64, description="event type, e.g. application.submitted")]
    subject: Annotated[str, AfterValidator(_subject), Field(description="application id, opaque; R05 for others")]
    time: Time = Field(description="when it happened, RFC 3339 with offset")
    officecode: Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,16}$", description="office, e.g. CLP (R39)")]
    dataschema: str | None = Field(None, description="urn:tppo:<type>:<major>; absent means 1", max_length=200)
    datacontenttype: str | None = Field(None, description="application/json", max_length=100)
    servicepoint: str | None = Field(
        None, description="counter or field-service day", pattern=r"^[A-Za-z0-9._-]{1,64}$"
    )
    servicechannel: ServiceChannel | None = Field(None, description="service channel")
    traceparent: str | None = Field(None, description="W3C trace context", max_length=100)
    data: dict[str, Any] = Field(description="fields of the event, personal values in clear")

    @cached_property
    def event_id(self) -> str:
        return ids.event_id(self.source, self.id)

    @property
    def happened_at(self) -> datetime:
        return parse_time(self.time)
