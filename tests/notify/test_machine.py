"""Alerts against what must hold, whatever happens in whatever order: requests, channels, people, time. Pure functions, a clock of ours."""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.contracts.alerts import AlertRequested
from services.notify import acknowledge, deliver, over
from services.notify.acknowledge import NotPossible
from services.notify.alert import Alert, Progress
from services.notify.audit import fault
from services.notify.chains import Chains
from services.notify.channels.channel import Done, Later, Never, Result
from services.notify.people import addresses
from services.notify.roster import Roster
from services.notify.settings import HERE
from services.notify.silence import Silence
from services.notify.stages import Look
from tests.notify.play import FRIDAY, ROSTER, token

CHAINS, PEOPLE = Chains.load(HERE / "chains.yaml"), Roster.model_validate(ROSTER)
TOKENS = {ref: frozenset(str(token(*each)) for each in addresses(p)) for ref, p in PEOPLE.people.items()}
ALL_TOKENS = sorted({t for own in TOKENS.values() for t in own})
TARGETS = [*PEOPLE.targets, "polres-3301:head", "disnaker-3301:deputy", "desa-3301042012"]
RESULTS: list[Result] = [
    Done("ok"),
    Later("busy"),
    Later("away", channel_fails=True),
    Later("wait", 90),
    Never("no such user"),
]


class Alerts(RuleBasedStateMachine):
    """One alert and its world."""

    @initialize(
        to=st.sampled_from(TARGETS), severity=st.sampled_from(["must_act", "high", "normal"]), not_to=st.lists(st.sampled_from(ALL_TOKENS), max_size=6),
        hours=st.integers(0, 24 * 14), ring=st.sampled_from([None, "ring-1"]), of_ring=st.booleans(),
    )  # fmt: skip
    def requested(self, to: str, severity: str, not_to: list[str], hours: int, ring: str | None, of_ring: bool) -> None:
        self.now = FRIDAY + timedelta(hours=hours)
        request = AlertRequested(
            alert_id="al-1", to=to, ref="R-1", severity=severity, step="new", not_to=not_to, ring=ring, of_ring=of_ring and ring is not None,
            deadline=(self.now + timedelta(days=2)).isoformat(), requested_at=self.now.isoformat(),
        )  # fmt: skip
        self.alert: Alert = deliver.plan(request, PEOPLE, CHAINS, self.now).alert
        self.silences: list[Silence] = []
        self.ring_open = False
        self.sent_keys: dict[str, str] = {}
        self.settled_notices: list[str] = []

    def look(self) -> Look:
        rings = frozenset({("ring-1", self.alert.to)}) if self.ring_open else frozenset[tuple[str, str]]()
        return Look(PEOPLE, self.silences, rings, {}, {}, TOKENS)

    def became(self, progress: Progress | None) -> None:
        if progress is not None:
            self.alert = Alert.model_validate(progress.alert.model_dump())

    @rule(minutes=st.sampled_from([0, 1, 6, 31, 241, 1500, 4400]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.alert.due_at is not None)
    @rule(result=st.sampled_from(RESULTS), crash=st.booleans())
    def its_time_comes(self, result: Result, crash: bool) -> None:
        assert self.alert.due_at is not None
        self.now = max(self.now, self.alert.due_at)
        self.became(deliver.take(self.alert, self.look(), self.now))
        sending = self.alert.sending
        if sending is None or crash:
            return
        if isinstance(result, Done):
            who = self.sent_keys.setdefault(sending.key, sending.person)
            assert who == sending.person, "one key, two people"
            if sending.over:
                self.settled_notices.append(sending.person)
        self.became(deliver.after_result(self.alert, result, PEOPLE, self.now))

    @rule(who=st.sampled_from(sorted(PEOPLE.people)))
    def somebody_acknowledges(self, who: str) -> None:
        self.became(acknowledge.seen(self.alert, who, "at the desk", self.now))

    @rule(who=st.sampled_from(sorted(PEOPLE.people)))
    def somebody_takes_it(self, who: str) -> None:
        try:
            self.became(acknowledge.taken(self.alert, who, "at the desk", self.now))
        except NotPossible:
            assert self.alert.state == "settled" or self.alert.taken_by not in (None, who)

    @rule(to=st.sampled_from(sorted(PEOPLE.people)))
    def handed_over(self, to: str) -> None:
        try:
            self.became(acknowledge.hand_over(self.alert, "polres", to, self.look(), self.now))
        except NotPossible:
            assert self.alert.state == "settled" or not TOKENS[to].isdisjoint(self.alert.not_to)

    @rule()
    def settled(self) -> None:
        self.became(over.settle(self.alert, "answered", self.now))

    @rule(hours=st.integers(1, 200))
    def silenced(self, hours: int) -> None:
        end = self.now + timedelta(hours=hours)
        self.silences = [Silence(to="*", start=self.now, end=end, author="pengawas", reason="a move of the house")]

    @rule()
    def ring_opens_or_ends(self) -> None:
        self.ring_open = not self.ring_open

    @invariant()
    def no_contact_of_the_case_was_ever_a_target(self) -> None:
        targets = {t.person for t in self.alert.told} | ({self.alert.sending.person} if self.alert.sending else set())
        for ref in targets:
            assert TOKENS[ref].isdisjoint(self.alert.not_to), ref

    @invariant()
    def who_waits_has_a_next_step_and_who_does_not_has_none(self) -> None:
        if self.alert.state == "open":
            assert self.alert.due_at is not None
        if self.alert.state in ("seen", "exhausted"):
            assert self.alert.due_at is None

    @invariant()
    def the_auditor_agrees(self) -> None:
        wrong = fault(self.alert, min(self.now, self.alert.due_at or self.now))
        assert wrong is None, wrong

    @invariant()
    def must_act_is_never_held_by_silence_ring_hours_or_limit(self) -> None:
        if self.alert.severity == "must_act":
            assert self.alert.held in (None, "round", "roster", "channel")

    @invariant()
    def nobody_hears_twice_that_it_is_over(self) -> None:
        assert len(self.settled_notices) == len(set(self.settled_notices))

    @invariant()
    def the_history_never_goes_back(self) -> None:
        times = [e.at for e in self.alert.history]
        assert times == sorted(times)


Alerts.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAlerts = Alerts.TestCase
