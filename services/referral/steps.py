"""One step of a case: what changed and which messages that owes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.contracts import ids
from services.contracts.alerts import AlertRequested, AlertSettled
from services.contracts.cases import CaseMoved, RetentionSet
from services.contracts.message import Message
from services.contracts.referrals import ReferralQueued
from services.referral.case import Actor, Case, Referral


@dataclass(frozen=True)
class Tombstone:
    """Takes back what stands under a key of a compacted topic."""

    key: bytes


Owed = tuple[str, Message | Tombstone]  # topic and message


@dataclass
class Step:
    """A case after the step, with what must be sent. Nothing is stored or sent here."""

    case: Case
    messages: list[Owed] = field(default_factory=list)
    sentence: str = ""

    def log(self, at: datetime, action: str, actor: Actor, reason: str, **more: str | None) -> None:
        """History and its head on `case-events`."""
        entry = self.case.log(at, action, actor, reason, **more)
        self.messages.append(
            (
                CaseMoved.TOPIC,
                CaseMoved(
                    case_id=self.case.case_id,
                    application_id=self.case.application_id,
                    seq=entry.seq,
                    head=entry.hash,
                    action=action,
                    state=entry.state,
                    actor_role=actor.role,
                    referral_id=entry.referral_id,
                    agency_id=entry.agency_id,
                    caused_by=entry.caused_by,
                    at=at.isoformat(),
                ),
            )
        )

    def send(self, referral: Referral, now: datetime, deadline: datetime, actor: Actor, caused_by: str) -> None:
        """The referral leaves: its queue entry, and an alert to the agency's liaison."""
        case = self.case
        referral.state, referral.owner, referral.sent_at, referral.deadline = "sent", referral.agency_id, now, deadline
        referral.version += 1
        self.messages.append((f"queue-{referral.agency_id}", queued(case, referral, now)))
        self.alert(
            referral.referral_id, referral.agency_id, referral.referral_ref, deadline, referral.urgent, now, referral
        )
        self.log(
            now, "referral_sent", actor, f"route {referral.route}", referral_id=referral.referral_id,
            agency_id=referral.agency_id, caused_by=caused_by,
        )  # fmt: skip

    def alert(
        self,
        about: str,
        to: str,
        ref: str,
        deadline: datetime,
        urgent: bool,
        now: datetime,
        referral: Referral | None = None,
    ) -> None:
        """Ask notify to reach somebody: a reference and a deadline, nothing more (promise 10)."""
        alert_id = ids.alert_id(about, 1, "new")
        if referral is not None:
            referral.alerts.append(alert_id)
        request = AlertRequested(
            alert_id=alert_id, to=to, ref=ref, deadline=deadline.isoformat(), severity="must_act" if urgent else "normal",
            step="new", not_to=contacts(self.case.facts), requested_at=now.isoformat(),
        )  # fmt: skip
        self.messages.append((AlertRequested.TOPIC, request))

    def keep(self, until: datetime, reason: str) -> None:
        """How long intake must keep the clear data of this application."""
        message = RetentionSet(application_id=self.case.application_id, keep_until=until.isoformat(), reason=reason)
        self.messages.append((RetentionSet.TOPIC, message))

    def settle(self, referral: Referral, reason: str, now: datetime) -> None:
        for alert_id in referral.alerts:
            self.messages.append(
                (AlertSettled.TOPIC, AlertSettled(alert_id=alert_id, reason=reason, at=now.isoformat()))
            )
        referral.alerts = []


def queued(case: Case, referral: Referral, now: datetime) -> ReferralQueued:
    return ReferralQueued(
        referral_id=referral.referral_id,
        referral_ref=referral.referral_ref,
        case_ref=case.case_ref,
        agency_id=referral.agency_id,
        question=referral.question,
        question_id=referral.question_id,
        question_en=referral.question_en,
        fields=referral.fields,
        coded=coded(case, referral),
        deadline=referral.deadline.isoformat(),
        urgent=referral.urgent,
        issued_at=now.isoformat(),
        record_version=referral.version,
    )


def coded(case: Case, referral: Referral) -> dict[str, Any]:
    """Coded facts that belong to the referral's field groups; nothing of a group it does not have."""
    found: dict[str, Any] = {}
    app = case.facts.get("app", {})
    if "R3" in referral.fields:
        found |= {k: app[k] for k in ("purpose", "dest_countries", "depart_date") if k in app}
    if "R5" in referral.fields and "agent_license_no" in app:
        found["agent_license_no"] = app["agent_license_no"]
    if "R6" in referral.fields:
        found["indicators"] = sorted(f["id"] for f in case.findings)
    return found


def contacts(facts: dict[str, Any]) -> list[str]:
    """Phone tokens of everybody on the case: none of them may ever be a target of an alert."""
    found: set[str] = set()
    for values in facts.values():
        if isinstance(values, dict):
            found |= set(_phones(values.values()))
    return sorted(found)


def _phones(values: Iterable[Any]) -> Iterable[str]:
    return (v for v in values if isinstance(v, str) and v.startswith("phone."))
