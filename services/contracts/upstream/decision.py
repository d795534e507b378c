"""Decision, print, collection, loss. Sections `dec.`, `prn.`, `col.`, `los.`."""

from typing import ClassVar

from services.contracts import enums as e
from services.contracts.fields import Count, Digits16, OpenCode, PersonRef, Text, Time, keep, person, token
from services.contracts.upstream.base import UpstreamData


class Decision(UpstreamData):
    """What a person decided on the application."""

    TYPES = (
        "application.deferred",
        "application.refused",
        "application.cancelled_duplicate",
        "application.cancelled_incomplete",
        "application.withdrawn",
        "application.approved",
    )
    PREFIX = "dec"

    outcome: e.DecisionOutcome = keep("outcome", required=True)
    reason_code: OpenCode | None = keep("coded reason")
    legal_basis_ref: Text | None = keep("reference of the legal basis")
    evidence_due_at: Time | None = keep("until when evidence may be completed, 30 days at most", cls="N")
    officer: Text | None = token("officer", "officer who proposed", cls="O")
    approver: Text | None = token("officer", "officer who signed", cls="O")


class PassportPrinted(UpstreamData):
    """The passport was printed."""

    TYPES = ("passport.printed",)
    PREFIX = "prn"

    passport_no: Text = token("passport", "number of the passport", required=True)
    pages: int | None = keep("pages", cls="N", ge=24, le=48)
    validity_years: int | None = keep("years", cls="N", ge=1, le=10)


class PassportCollected(UpstreamData):
    """The passport was handed over."""

    TYPES = ("passport.collected",)
    PREFIX = "col"

    collected_at: Time | None = keep("time of the hand-over", cls="N")
    power_of_attorney: bool | None = keep("by surat kuasa", cls="N")
    collector: PersonRef | None = person("who collected")
    collector_relation: e.CollectorRelation = keep("relation of the collector", required=True)


class PassportIncident(UpstreamData):
    """Damage or revocation, with a BAP."""

    TYPES: ClassVar[tuple[str, ...]] = ("passport.damaged", "passport.revoked")
    PREFIX = "los"

    reported_at: Time | None = keep("time of the report")
    place: Text | None = keep("ISO code when abroad, else inland (R59)")
    count_prior: Count | None = keep("earlier losses as told")
    nik: Digits16 | None = token("subject", "NIK of the holder", leaves_as="subject_token")
    passport_no: Text | None = token("passport", "number of the passport")


class PassportLostReported(PassportIncident):
    """Loss, with a BAP: needs its time (R01)."""

    TYPES = ("passport.lost_reported",)

    reported_at: Time = keep("time of the report", required=True)
