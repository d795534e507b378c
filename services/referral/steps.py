"""One step of a case: what changed and which messages that owes."""

from dataclasses import dataclass, field
from datetime import datetime

from services.contracts.cases import CaseMoved, RetentionSet
from services.contracts.message import Message
from services.referral.case import Actor, Case
from services.referral.place import kabupaten


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
        case, entry = self.case, self.case.log(at, action, actor, reason, **more)
        case.touched_at = at
        referral = case.referral(entry.referral_id) if entry.referral_id else None
        of_move = {
            "family": case.family,
            "kabupaten": kabupaten(case.facts, "domicile"),
            "destination": next(iter(case.facts.get("app", {}).get("dest_countries") or ()), None),
        }
        self.messages.append(
            (
                CaseMoved.TOPIC,
                CaseMoved(
                    case_id=case.case_id,
                    application_id=case.application_id,
                    seq=entry.seq,
                    head=entry.hash,
                    action=action,
                    state=entry.state,
                    actor_role=actor.role,
                    referral_id=entry.referral_id,
                    agency_id=entry.agency_id,
                    caused_by=entry.caused_by,
                    office_code=case.office_code or None,
                    route=referral.route if referral else None,
                    **(of_move if action == "moved" else {}),
                    at=at.isoformat(),
                ),
            )
        )

    def keep(self, until: datetime, reason: str) -> None:
        """How long intake must keep the clear data of this application."""
        message = RetentionSet(application_id=self.case.application_id, keep_until=until.isoformat(), reason=reason)
        self.messages.append((RetentionSet.TOPIC, message))
