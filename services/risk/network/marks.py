"""Which events mark an entity, and which make its members be looked at again. Pure.

Only the police confirm a recruiter (R36). Nothing is marked by a refusal.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from services.contracts import ids
from services.contracts.cases import OutcomeRecorded
from services.contracts.fields import parse_time
from services.contracts.network import EntityMarked, EntityReviewed
from services.contracts.passport_events import EventAccepted

# Kind of what somebody outside names → kind of entity. A person is known by the phone, which is one space for all roles (R04).
KINDS: Mapping[str, str] = {
    "phone": "phone", "email": "email", "account": "account", "address": "address", "person": "recruiter",
    "licence": "licence", "nik": "subject",
}  # fmt: skip
ALERT_DAYS = timedelta(days=180)


def of(event: EventAccepted) -> Iterator[EntityMarked | EntityReviewed]:
    """What an event says to the network beside its application's own rows."""
    data = event.data
    match event.type:
        case "tip.received":
            by, sources = str(data.get("channel", "tip")), data.get("credibility", 1)
            yield from _marked(event, "tip", by=by, sources=sources, desa=data.get("desa_code"))
        case "mission_alert.published":
            valid_to = data.get("valid_to")
            end = f"{valid_to}T23:59:59+07:00" if valid_to else (parse_time(event.at) + ALERT_DAYS).isoformat()
            yield from _marked(event, "mission_alert", by="mission", expires_at=end)
        case "referral.outcome" if data.get("code") == "recruiter_confirmed" and of_the_police(data.get("agency")):
            yield from _marked(event, "recruiter_confirmed", by=data["agency"])
        case "license.snapshot" if "license_no" in data:
            yield EntityReviewed(
                entity=f"licence.{data['license_no']}", reason="licence snapshot", at=event.at, review_id=event.event_id
            )


def of_outcome(outcome: OutcomeRecorded) -> Iterator[EntityMarked]:
    """Marks that a case sets; referral lets only the police confirm a recruiter, and so do we."""
    for number, each in enumerate(outcome.marks):
        police = of_the_police(outcome.agency_id)
        if each.mark not in MARKS or (each.mark == "recruiter_confirmed" and not police):
            continue
        yield EntityMarked(
            entity=each.token, entity_kind=KINDS.get(each.entity_kind, each.entity_kind), mark=each.mark,
            marked_at=outcome.at, expires_at=each.expires_at, by=outcome.agency_id or outcome.decided_by_role,
            mark_id=f"{outcome.outcome_id} {number}", sources=1 if each.mark == "tip" else None,
        )  # fmt: skip


MARKS = frozenset({"recruiter_confirmed", "unlicensed", "alerted", "mission_alert", "tip"})


def as_event(outcome: OutcomeRecorded, office_code: str) -> EventAccepted:
    """An outcome of a case as a fact of its application, like one that came through the passport system."""
    told = {"code": outcome.code, "decided_at": outcome.at, "confidence": outcome.confidence}
    data: dict[str, Any] = told if outcome.code != "none" else {}
    if outcome.agency_id:
        data["agency"] = outcome.agency_id.replace("-", "_")
    return EventAccepted(
        event_id=ids.event_id("case-outcomes", outcome.outcome_id), type="referral.outcome",
        application_id=outcome.application_id, at=outcome.at, source="case-outcomes", office_code=office_code, data=data,
    )  # fmt: skip


def of_the_police(agency: str | None) -> bool:
    return str(agency or "").lower().startswith(("pol", "ditres", "bareskrim"))


def _marked(event: EventAccepted, mark: str, **more: Any) -> Iterator[EntityMarked]:
    for number, entity in enumerate(event.data.get("entity_tokens") or ()):
        if entity["kind"] in KINDS:
            yield EntityMarked(
                entity=entity["token"], entity_kind=KINDS[entity["kind"]], mark=mark, marked_at=event.at,
                mark_id=f"{event.event_id} {number}", **more,
            )  # fmt: skip
