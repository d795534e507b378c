"""Case, referrals and clocks against a small model: anybody does anything in any order, time passes, and what must hold holds."""

import contextlib
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.contracts.alerts import AlertRequested, AlertSettled
from services.contracts.cases import CaseMoved, OutcomeRecorded
from services.contracts.referrals import ReferralAnswered, ReferralQueued
from services.referral import answer, clock, consent, decide, glass, move, person
from services.referral.case import ERASED, OPEN, OUT, Actor, Case, Deferral, Referral, broken_at
from services.referral.move import NotAllowed, Wish
from services.referral.route import route
from services.referral.steps import Step, Tombstone
from services.referral.tick import tick
from tests.referral.cases import NOW, TABLES, THREAT, assessed

ROLES = ("officer", "case_officer", "supervisor", "kakanim", "kanwil")
people = st.builds(Actor, ref=st.sampled_from(["a-1", "a-2", "a-3", "a-4"]), role=st.sampled_from(ROLES))
kinds = st.sampled_from([
    ("work_intent_not_in_siskop2mi", 3, False), ("illegal_placement_fee", 3, False), ("threat_or_fear_disclosed", 3, True),
    ("told_to_lie", 2, False), ("dukcapil_no_match", 3, False),
])  # fmt: skip
LETTER = Deferral(bring=["kontrak kerja"], objection="Tulis keberatan kepada kepala kantor dalam 21 hari kerja.")


class World(RuleBasedStateMachine):
    """One case, driven through the pure functions exactly as the services drive it."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOW
        self.case: Case | None = None
        self.queue: dict[str, set[str]] = {}  # agency → referrals that stand in its queue
        self.asked: set[str] = set()  # alerts asked for
        self.settled: set[str] = set()
        self.outcomes: list[OutcomeRecorded] = []
        self.version = 0
        self.answers = 0

    @initialize(kind=kinds)
    def flagged(self, kind: tuple[str, int, bool]) -> None:
        self.assess(kind)

    @rule(kind=kinds)
    def assess(self, kind: tuple[str, int, bool]) -> None:
        finding, level, act = kind
        self.version += 1
        facts = (THREAT if act else {"int": {"recruiter_met": True}}) | {}
        app = {
            "purpose": "wisata",
            "phone_token": "phone.1." + "a" * 32,
            "agent_token": "phone.1." + "b" * 32,
            "domicile_desa_code": "3304042012",
        }
        message = assessed(finding, level=level, act=act, version=self.version, **facts)
        message = message.model_copy(update={"facts": message.facts | {"app": app}})
        before = self.case.state if self.case else None
        step = route(message, self.case, TABLES, self.now)
        self.take(step)
        if before is not None:
            assert self.case is not None
            assert self.case.state == before, "no assessment moves a case (invariant 1)"
        self.take(route(message, self.case, TABLES, self.now))

    @rule(who=people, data=st.data())
    def somebody_moves(self, who: Actor, data: st.DataObject) -> None:
        assert self.case is not None
        wish = Wish(
            data.draw(st.sampled_from(sorted(TABLES.states))), "alasan", data.draw(st.sampled_from([None, "Permenkumham 8/2014"])),
            "fraud_not_tppo", data.draw(st.sampled_from([None, LETTER])), data.draw(st.sampled_from([None, "berkas"])),
        )  # fmt: skip
        legal = TABLES.states[self.case.state].next
        before = self.case
        try:
            step = move.move(self.case, wish, who, TABLES, self.now)
        except NotAllowed:
            return
        assert wish.to in legal
        if step.case.state != before.state and (second := legal[wish.to].second) and before.level >= second.from_level:
            assert before.proposal is not None
            assert before.proposal.by != who.ref, "four eyes"
        if wish.to == "refused":
            assert who.role == "kakanim"
        if wish.to == "deferred" and step.case.state == "deferred":
            assert step.case.deferral is not None
            assert step.case.family is not None
        self.take(step)

    @rule(data=st.data())
    def the_right_people_move(self, data: st.DataObject) -> None:
        """Whatever is legal from here, by people who may: so that every state is reached."""
        assert self.case is not None
        legal = move.legal(self.case, TABLES)
        if not legal:
            return
        to = data.draw(st.sampled_from(sorted(legal)))
        second = legal[to].second
        for ref, roles in ((f"p-{self.version}-1", legal[to].by), (f"p-{self.version}-2", second.by if second else [])):
            for role in (r for r in roles if r != "system" and self.case.state != to):
                wish = Wish(to, "alasan", "Permenkumham 8/2014", "fraud_not_tppo", LETTER, "lain")
                with contextlib.suppress(NotAllowed):
                    self.take(move.move(self.case, wish, Actor(ref=ref, role=role), TABLES, self.now))
                    break

    @rule(confirm=st.booleans())
    def the_supervisor_does_what_waits(self, confirm: bool) -> None:
        assert self.case is not None
        boss = Actor(ref="p-boss", role="supervisor")
        for referral in list(self.case.referrals):
            with contextlib.suppress(NotAllowed):
                if referral.state == "planned":
                    self.take(
                        decide.approve(self.case, referral.referral_id, boss, "ya", TABLES, self.now, self._consent())
                    )
                elif referral.state == "answered" and confirm:
                    code = referral.proposed
                    self.take(decide.confirm(self.case, referral.referral_id, code, 2, boss, "ya", TABLES, self.now))

    def _consent(self) -> str | None:
        assert self.case is not None
        return next((c.consent_ref for c in self.case.consents if c.withdrawn_at is None), None)

    @rule(who=people, agency=st.sampled_from(["sbmi", "migrant-care"]), by=st.sampled_from(["person", "guardian"]))
    def the_person_agrees(self, who: Actor, agency: str, by: Any) -> None:
        assert self.case is not None
        with contextlib.suppress(NotAllowed):
            self.take(consent.give(self.case, [agency], "ormas-2026-1", by, who, TABLES, self.now))

    @rule(who=people)
    def the_person_withdraws(self, who: Actor) -> None:
        assert self.case is not None
        with contextlib.suppress(NotAllowed):
            self.take(consent.withdraw(self.case, self._consent() or "none", who, "tidak mau lagi", TABLES, self.now))

    @rule(who=people)
    def somebody_breaks_the_glass(self, who: Actor) -> None:
        assert self.case is not None
        with contextlib.suppress(NotAllowed):
            self.take(glass.break_(self.case, who, "keluarga menelepon", frozenset(), TABLES, self.now))
        for each in self.case.glass:
            assert each.until - each.at == timedelta(hours=3)

    @rule()
    def every_agency_answers(self) -> None:
        assert self.case is not None
        for referral in list(self.case.referrals):
            if referral.state in OUT:
                self._answer(referral, "final", next(iter(TABLES.answers[TABLES.agencies[referral.agency_id].role])))
        with contextlib.suppress(NotAllowed):
            self.take(decide.release_hold(self.case, "polres-3304", "aman", TABLES, self.now))

    @precondition(lambda self: self.case is not None and self.case.referrals)
    @rule(
        who=people, data=st.data(), what=st.sampled_from(["approve", "refuse", "again", "confirm", "fields", "refer"])
    )
    def somebody_decides(self, who: Actor, data: st.DataObject, what: str) -> None:
        assert self.case is not None
        referral = data.draw(st.sampled_from(self.case.referrals))
        rid, now = referral.referral_id, self.now
        try:
            match what:
                case "approve":
                    step = decide.approve(self.case, rid, who, "alasan", TABLES, now, self._consent())
                case "refuse":
                    step = decide.refuse(self.case, rid, who, "alasan", TABLES, now)
                case "again":
                    step = decide.ask_again(self.case, rid, None, who, "alasan", TABLES, now)
                case "refer":
                    question = data.draw(st.sampled_from([r.name for r in TABLES.routes]))
                    step = decide.refer(self.case, question, who, "alasan", TABLES, now)
                case "confirm":
                    step = decide.confirm(self.case, rid, referral.proposed, 2, who, "alasan", TABLES, now)
                case _:
                    step = decide.release_fields(self.case, rid, referral.wants[:1], who, "alasan", TABLES, now)
        except NotAllowed:
            return
        self.take(step)

    @precondition(lambda self: self.case is not None and self.case.referrals)
    @rule(
        data=st.data(), status=st.sampled_from(["acknowledged", "working", "need_more_data", "wrong_agency", "final"])
    )
    def an_agency_answers(self, data: st.DataObject, status: Any) -> None:
        assert self.case is not None
        referral = data.draw(st.sampled_from(self.case.referrals))
        role = TABLES.agencies[referral.agency_id].role
        self._answer(referral, status, next(iter(TABLES.answers[role])) if status == "final" else None)

    def _answer(self, referral: Referral, status: Any, code: str | None) -> None:
        assert self.case is not None
        self.answers += 1
        word = ReferralAnswered(
            answer_id=f"j{self.answers}", referral_id=referral.referral_id, status=status, code=code,
            wants=["R9"] if status == "need_more_data" else None, marks=list(referral.entities)[:1], answered_at=self.now.isoformat(),
        )  # fmt: skip
        try:
            step = answer.answer(self.case, word, referral.agency_id, TABLES, self.now)
        except NotAllowed:
            return
        self.take(step)
        assert answer.answer(self.case, word, referral.agency_id, TABLES, self.now) is None, (
            "the same answer counts once"
        )

    @rule(hours=st.sampled_from([1, 5, 13, 30, 72, 24 * 14]))
    def time_passes(self, hours: int) -> None:
        assert self.case is not None
        self.now += timedelta(hours=hours)
        for _ in range(5):  # a turn of the loop may find more to do
            step = tick(self.case, TABLES, self.now)
            if step is None:
                break
            self.take(step)
        due = clock.due(self.case, TABLES.clocks)
        assert due is None or due > self.now, "no step is late"

    @rule(restricted=st.booleans())
    def the_person_asks_for_a_pause(self, restricted: bool) -> None:
        self.take((person.restrict if restricted else person.release)(self.case, self.now))

    @rule()
    @precondition(lambda self: self.version > 6)
    def the_person_asks_for_erasure(self) -> None:
        assert self.case is not None
        self.take(person.erase(self.case, "A1", self.now.isoformat(), self.now))

    def take(self, step: Step | None) -> None:
        """What the store and the outbox would do."""
        if step is None:
            return
        self.case = Case.model_validate_json(step.case.model_dump_json())
        for topic, message in step.messages:
            match message:
                case ReferralQueued():
                    referral = self.case.referral(message.referral_id)
                    assert topic == f"queue-{message.agency_id}"
                    assert referral is not None
                    assert referral.agency_id == message.agency_id
                    assert not move.closed(self.case, TABLES), "nothing leaves a closed case"
                    self.queue.setdefault(message.agency_id, set()).add(message.referral_id)
                case Tombstone():
                    self.queue.setdefault(topic.removeprefix("queue-"), set()).discard(message.key.decode())
                case AlertRequested():
                    assert message.alert_id not in self.asked, "one alert a step, never twice"
                    self.asked.add(message.alert_id)
                case AlertSettled():
                    self.settled.add(message.alert_id)
                case OutcomeRecorded():
                    self.outcomes.append(message)
                case CaseMoved() if message.action == "moved":
                    assert message.state in TABLES.states

    @invariant()
    def what_must_hold_holds(self) -> None:
        case = self.case
        if case is None:
            return
        assert case.state in TABLES.states
        ids = [r.referral_id for r in case.referrals]
        assert len(ids) == len(set(ids)), "every needed referral exists once"
        for referral in case.referrals:
            self._referral(case, referral)
        assert broken_at(case.history) is None
        assert all(e.actor and e.role and e.reason for e in case.history)
        state = TABLES.states[case.state]
        names = {c.name for c in case.running(case.case_id)}
        assert not state.closed or names <= {"news"}, "a closed case has no clock but that of new facts"
        if state.clock and case.state != "flagged":
            assert state.clock.name in names, "an open state has its deadline"
        waiting = self.asked - self.settled
        assert waiting == {a for c in case.clocks for a in c.alerts}, "an alert is open as long as its clock runs"

    def _referral(self, case: Case, referral: Referral) -> None:
        standing = referral.referral_id in self.queue.get(referral.agency_id, set())
        if referral.state in OPEN:
            assert referral.owner
            assert case.running(referral.referral_id), "an open referral has a deadline that somebody watches"
            assert not move.closed(case, TABLES), "nothing is open in a closed case"
        else:
            assert not case.running(referral.referral_id)
        if referral.state in OUT:
            assert standing
        if referral.retracted or case.state == ERASED:
            assert not standing, "what was taken back leaves the queue"
        if referral.consent_needed and referral.sent_at:
            held = next(c for c in case.consents if c.consent_ref == referral.consent_ref)
            assert referral.agency_id in held.agencies, "no community organisation without consent"
            assert held.withdrawn_at is None or referral.retracted, "withdrawn consent takes back what rested on it"


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
