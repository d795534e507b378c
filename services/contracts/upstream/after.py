"""What comes after issue or from outside. Sections `tpi.`, `ret.`, `tip.`, `out.`."""

from services.contracts import enums as e
from services.contracts.fields import (
    Count,
    Country,
    Desa,
    Digits16,
    EntityRef,
    OpenCode,
    Text,
    Time,
    entities,
    keep,
    seal,
    token,
)
from services.contracts.upstream.base import UpstreamData


class DepartureDeferred(UpstreamData):
    """Stopped at a border post."""

    TYPES = ("departure.deferred",)
    PREFIX = "tpi"

    port: Text | None = keep("border post")
    destination: Country | None = keep("destination, ISO 3166")
    reason_code: OpenCode = keep("PMI_NP …", required=True)
    group_size: Count | None = keep("people stopped together")
    nik: Digits16 | None = token("subject", "NIK of the traveller", leaves_as="subject_token")
    passport_no: Text | None = token("passport", "number of the passport")


class ReturnRecorded(UpstreamData):
    """Return from abroad."""

    TYPES = ("return.recorded",)
    PREFIX = "ret"

    kind: e.ReturnKind = keep("kind of return", cls="S", required=True)
    from_country: Country | None = keep("country, ISO 3166", cls="S")
    scam_related: bool | None = keep("from an online-scam case", cls="S")
    nik: Digits16 | None = token("subject", "NIK of the person", leaves_as="subject_token")
    passport_no: Text | None = token("passport", "number of the passport")


class TipReceived(UpstreamData):
    """A report by hotline, Pimpasa, desa or ormas. Its source is never shown."""

    TYPES = ("tip.received",)
    PREFIX = "tip"
    HAS_APPLICATION = False

    entities: list[EntityRef] | None = entities("whom or what the tip names")
    desa_code: Desa | None = keep("desa the tip speaks of")
    channel: OpenCode | None = keep("how it came in", cls="C")
    credibility: Count | None = keep("number of independent sources (R55)", cls="C")


class ReferralOutcome(UpstreamData):
    """Answer of a partner that came through the passport system (R36)."""

    TYPES = ("referral.outcome",)
    PREFIX = "out"

    code: OpenCode = keep("answer or outcome code", cls="C", required=True)
    agency: OpenCode | None = keep("kind of agency", cls="C")
    entities: list[EntityRef] | None = entities("entities the answer marks")
    decided_at: Time | None = keep("time of the decision", cls="C")
    confidence: int | None = keep("1 low … 3 high", cls="C", ge=1, le=3)
    evidence_ref: Text | None = seal("reference of the evidence", cls="C")
