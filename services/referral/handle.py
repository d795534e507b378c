"""From a message on a topic to a stored step: the handlers of the consumer loop."""

import contextlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import ValidationError

from services.contracts import ids
from services.contracts.alerts import AlertProgressed
from services.contracts.assessments import RiskAssessed
from services.contracts.cases import ControlSampled
from services.contracts.message import decode
from services.contracts.network import RingAssessed
from services.contracts.passport_events import (
    ApplicationErased,
    ApplicationReleased,
    ApplicationRestricted,
    TokenKeysRotated,
)
from services.contracts.referrals import AnswerRefused, ReferralAnswered
from services.referral import desk, measures, person
from services.referral.answer import answer
from services.referral.move import NotAllowed
from services.referral.rekey import Rekey
from services.referral.ring import route_ring
from services.referral.route import route
from services.referral.sample import Sample
from services.referral.seen import TOLD as TOLD_BY_NOTIFY
from services.referral.seen import seen
from services.referral.steps import Step
from services.referral.store import CaseStore
from services.referral.tables import Tables
from services.referral.tick import tick
from services.runtime.broker import Incoming
from services.runtime.failures import Reject, Retry
from services.runtime.outbox import Conflict

ANSWERS = "answers-"
A_TURN = 50
LOOK_EVERY = timedelta(seconds=1)  # the shortest deadline is minutes
TOLD = frozenset(k.__name__ for k in (ApplicationRestricted, ApplicationReleased, ApplicationErased, TokenKeysRotated))


class Handlers:
    """Reads, decides, writes; sending is the outbox's."""

    def __init__(
        self,
        store: CaseStore,
        tables: Tables,
        clock: Callable[[], datetime],
        log: structlog.typing.FilteringBoundLogger,
        rekey: Rekey,
        sample: Sample,
    ) -> None:
        self._store, self._tables, self._clock, self._log = store, tables, clock, log
        self._rekey, self._sample = rekey, sample
        self._looked = datetime.min.replace(tzinfo=UTC)

    def by_topic(self) -> dict[str, Callable[[Incoming], None]]:
        found: dict[str, Callable[[Incoming], None]] = {
            RiskAssessed.TOPIC: self.assessed,
            RingAssessed.TOPIC: self.ring_assessed,
            ApplicationErased.TOPIC: self.told_by_intake,
            AlertProgressed.TOPIC: self.told_by_notify,
        }
        return found | {f"{ANSWERS}{agency}": self.answered for agency in self._tables.agencies}

    def assessed(self, message: Incoming) -> None:
        if message.kind != RiskAssessed.__name__ or message.value is None:
            return  # facts without an application, or kinds of a newer writer
        try:
            assessed = RiskAssessed.decode(message.value)
        except (ValidationError, ValueError) as error:
            raise Reject(f"is not an assessment: {type(error).__name__}") from None
        self._at_desk(assessed)
        assessed = assessed.model_copy(update={"facts": self._rekey.facts(assessed.facts)})
        case = self._store.get(ids.case_id(assessed.application_id))
        self._save(route(assessed, case, self._tables, self._clock()))

    def _at_desk(self, assessed: RiskAssessed) -> None:
        """What the interviewing officer sees, and who is of the control sample."""
        now, seen = self._clock(), desk.seen(assessed, self._sample)
        self._store.lay_on_desk(assessed.application_id, seen, assessed.record_version, now)
        case_id = ids.case_id(assessed.application_id)
        try:
            for status in desk.control(assessed, self._sample):
                self._store.note_control(
                    ControlSampled(case_id=case_id, status=status, office_code=assessed.office_code, at=now.isoformat())
                )
        except Conflict:
            raise Retry("somebody else wrote the control sample in between") from None

    def ring_assessed(self, message: Incoming) -> None:
        if message.kind != RingAssessed.__name__ or message.value is None:
            return
        try:
            ring = RingAssessed.decode(message.value)
        except (ValidationError, ValueError) as error:
            raise Reject(f"is not a ring: {type(error).__name__}") from None
        for step in route_ring(
            ring, self._store.of_rings([ring.ring_id, *ring.supersedes]), self._tables, self._clock()
        ):
            self._save(step)

    def told_by_intake(self, message: Incoming) -> None:
        """What a person asked for, and newer keys; events themselves are risk's."""
        if message.kind not in TOLD or message.value is None:
            return
        try:
            told = decode(message.kind, message.value)
        except (ValidationError, ValueError) as error:
            raise Reject(f"is not a word of intake: {type(error).__name__}") from None
        if isinstance(told, TokenKeysRotated):
            self._rekey.want(told.version)
        elif isinstance(told, ApplicationRestricted):
            self._save(self._asked_by_person(told))

    def told_by_notify(self, message: Incoming) -> None:
        """Who has seen an alert; of a clock that has ended nothing more is recorded."""
        if message.kind != AlertProgressed.__name__ or message.value is None:
            return
        try:
            told = AlertProgressed.decode(message.value)
        except (ValidationError, ValueError) as error:
            raise Reject(f"is not a word of notify: {type(error).__name__}") from None
        if told.status in TOLD_BY_NOTIFY and (case := self._store.by_alert(told.alert_id)) is not None:
            self._save(seen(case, told, self._clock()))

    def _asked_by_person(self, told: ApplicationRestricted) -> Step | None:
        case, now = self._store.get(ids.case_id(told.application_id)), self._clock()
        match told:
            case ApplicationErased():
                self._store.lay_on_desk(told.application_id, None, sys.maxsize, now)
                return person.erase(case, told.application_id, told.at, now)
            case ApplicationReleased():
                return person.release(case, now)
            case _:
                return person.restrict(case, now)

    def answered(self, message: Incoming) -> None:
        if message.value is None:
            return
        try:
            answered = ReferralAnswered.decode(message.value)
        except (ValidationError, ValueError) as error:
            raise Reject(f"is not an answer: {type(error).__name__}") from None
        case = self._store.by_referral(answered.referral_id)
        agency, now = message.topic.removeprefix(ANSWERS), self._clock()
        try:
            if case is None:
                raise NotAllowed("no such referral")
            step = answer(case, answered, agency, self._tables, now)
        except NotAllowed as error:
            refused = AnswerRefused(
                answer_id=answered.answer_id, referral_id=answered.referral_id, reason=str(error), at=now.isoformat()
            )
            self._store.refuse(refused, agency, tell=True)
            raise Reject(str(error)) from None
        self._save(step)

    def turn(self) -> int:
        """Take the steps of clocks that are due; returns how many cases moved."""
        now = self._clock()
        if abs(now - self._looked) < LOOK_EVERY:
            return 0
        late = self._store.due(now, A_TURN)
        if len(late) < A_TURN:
            self._looked = now
        for case in late:
            with contextlib.suppress(Retry):  # somebody else moved it; the next turn sees it again
                self._save(tick(case, self._tables, now))
        return len(late)

    def _save(self, step: Step | None) -> None:
        if step is None:
            return
        try:
            self._store.save(step)
        except Conflict:
            raise Retry("somebody else wrote the case in between") from None
        measures.count(step)
        if step.messages:
            self._log.info("case", case_id=step.case.case_id, state=step.case.state, sentence=step.sentence)
