"""What a message adds to the statistics of the office: one application counts once for each thing that happened to it. Pure.

A count holds no name and no id that leads back to a person: its key is a digest, by which a redelivery is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Literal

from services.contracts.calendar import local_date
from services.contracts.cases import CaseMoved, ControlSampled
from services.contracts.fields import parse_time
from services.contracts.message import Message
from services.contracts.passport_events import EventAccepted

What = Literal[
    "application", "interview", "deferral", "refusal", "pmi_np", "control_drawn", "control_interviewed", "control_found", "expired"
]  # fmt: skip
_OF_STATE: dict[str, What] = {"interviewing": "interview", "deferred": "deferral", "refused": "refusal"}
_OF_CONTROL: dict[str, What] = {
    "drawn": "control_drawn", "interviewed": "control_interviewed", "found": "control_found",
}  # fmt: skip
PMI_NP = "dugaan_pmi_np"


@dataclass(frozen=True)
class Count:
    """One thing that happened once."""

    key: str
    what: What
    day: date  # of the office, WIB
    office: str
    family: str | None = None
    kabupaten: str | None = None
    destination: str | None = None
    route: str | None = None


def counts(message: Message | None) -> Iterable[Count]:
    """What a message adds; most add nothing."""
    match message:
        case EventAccepted() as m if m.type == "application.submitted":
            yield _count("application", m.application_id, m.at, m.office_code)
        case CaseMoved() as m:
            yield from _moved(m)
        case ControlSampled() as m:
            yield _count(_OF_CONTROL[m.status], m.case_id, m.at, m.office_code)
        case _:
            return


def _moved(m: CaseMoved) -> Iterable[Count]:
    office = m.office_code or "?"
    if m.action == "referral_expired" and m.referral_id:
        yield _count("expired", m.referral_id, m.at, office, route=m.route)
    what = _OF_STATE.get(m.state) if m.action == "moved" else None
    if what is None:
        return
    place = {"family": m.family, "kabupaten": m.kabupaten, "destination": m.destination}
    yield _count(what, m.case_id, m.at, office, **place)
    if (
        what != "interview" and m.family == PMI_NP
    ):  # deferred first and refused later is one person, as offices publish it
        yield _count("pmi_np", m.case_id, m.at, office, **place)


def _count(what: What, about: str, at: str, office: str, **more: str | None) -> Count:
    key = blake2b(f"{what}\x1f{about}".encode(), digest_size=16).hexdigest()
    return Count(key, what, local_date(parse_time(at)), office, **more)
