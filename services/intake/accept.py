"""accept: a checked event of the passport system becomes an event of the house, without any personal value.

Pure: no clock, no store, no broker. The same event with the same keys and the same earlier data is the same bytes.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted
from services.contracts.upstream.application import ApplicationSubmitted
from services.contracts.upstream.base import UpstreamData
from services.contracts.upstream.counter import DocumentsChecked
from services.contracts.upstream.registry import DukcapilVerified, LicenseSnapshot
from services.intake.check import Checked
from services.intake.derive import Known, derive
from services.intake.project import project
from services.intake.tokens import Tokeniser

# Event types whose clear data later derivations need; others are never read back for them.
REMEMBERED = ("application.submitted", "dukcapil.verified", "documents.checked", "license.snapshot")


def related(checked: Checked) -> list[str]:
    """Other subjects whose remembered data this event needs: the licence that a form names (R05, R67)."""
    data = checked.data
    named = data.agent_license_no if isinstance(data, ApplicationSubmitted) else None
    return [f"LIC-{named}"] if named else []


NOTHING_KNOWN = Known()


# They name people, and where the applicant lives is on the form.
NAMING = ("applicant.checked_in", "interview.completed", "passport.collected")


def needs_earlier(checked: Checked) -> bool:
    """Whether deriving facts from this event looks at earlier ones."""
    return checked.event.type in REMEMBERED or checked.event.type in NAMING


@dataclass(frozen=True)
class Accepted:
    """What accepting gave."""

    event: EventAccepted
    unreadable: Counter[str]  # fields that could not be normalised, by name (R02)


def accept(checked: Checked, earlier: Iterable[tuple[str, UpstreamData]], tokens: Tokeniser) -> Accepted:
    """`earlier` holds (event time, clear data) of the remembered events of the application and what is related, in any
    order."""
    unreadable: Counter[str] = Counter()
    event = checked.event
    known = what_is_known([*earlier, (event.time, checked.data)]) if needs_earlier(checked) else NOTHING_KNOWN
    return Accepted(
        EventAccepted(
            event_id=event.event_id,
            type=event.type,
            application_id=event.subject,
            at=event.time,
            source=event.source,
            office_code=event.officecode,
            service_point=event.servicepoint,
            service_channel=event.servicechannel,
            traceparent=event.traceparent,
            key_version=tokens.version,
            data=project(checked.data, tokens, unreadable, _kecamatan(known)),
            person=derive(checked.data, known),
        ),
        unreadable,
    )


def _kecamatan(known: Known) -> str | None:
    code = known.submitted.domicile_desa_code if known.submitted else None
    return code[:6] if code else None


def what_is_known(events: Iterable[tuple[str, UpstreamData]]) -> Known:
    """The latest of each kind by event time."""
    known = Known()
    for at, data in sorted(((parse_time(t), d) for t, d in events), key=_when):
        match data:
            case ApplicationSubmitted():
                known = replace(known, submitted=data, submitted_at=at)
            case DukcapilVerified():
                known = replace(known, registry=data)
            case DocumentsChecked():
                known = replace(known, documents=data)
            case LicenseSnapshot():
                known = replace(known, licence=data)
    return known


def _when(pair: tuple[datetime, UpstreamData]) -> datetime:
    return pair[0]
