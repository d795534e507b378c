"""Do no harm: for any case and any roster nobody who stands on the case is told, and nothing of the case is in what leaves.

The cases are those of simulated office days, judged and routed by the real functions; the roster is mixed with the very people of the case.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli.offline import Offline
from services.contracts.alerts import AlertRequested
from services.intake.tokens import Tokeniser
from services.notify import deliver, over
from services.notify.alert import Progress
from services.notify.chains import Chains
from services.notify.channels.channel import Done, Later, Never, Result
from services.notify.people import addresses
from services.notify.roster import Person, Roster, Way
from services.notify.settings import HERE
from services.notify.stages import Look
from services.notify.text import Texts
from services.referral.route import route
from services.simulator.day import play
from tests.notify.play import ROSTER

TOKENS = Tokeniser(b"k" * 32)
CHAINS, TEXTS = Chains.load(HERE / "chains.yaml"), Texts.load()
CONTACT_KEYS = ("phone", "host_phone", "email")
RESULTS: list[Result] = [Done("ok"), Later("busy"), Never("no")]
_DATED = re.compile(r"\d{4}-\d\d-\d\d.*")


class Asked:
    """One alert that a simulated case asked for, with the clear values of its application."""

    def __init__(self, request: AlertRequested, values: set[str], contacts: list[str]) -> None:
        self.request, self.values, self.contacts = request, values, contacts


@lru_cache(maxsize=1)
def asked() -> list[Asked]:
    """Every alert of three days of an office."""
    found: list[Asked] = []
    for seed in range(3):
        events = play(date(2026, 9, 1) + timedelta(days=seed), applications=60, seed=seed)
        by_application: dict[str, list[dict[str, Any]]] = {}
        for event in events:
            by_application.setdefault(event["subject"], []).append(event["data"])
        run = Offline(TOKENS, datetime(2026, 11, 20, tzinfo=UTC))
        run.run((orjson.dumps(e) for e in events), lambda _: None)
        for application, assessed in run.last.items():
            step = route(assessed, None, run.tables, run.now)
            strings = [s for data in by_application.get(application, []) for s in _strings(data)]
            values = {v for k, v in strings if _personal(k, v)}
            contacts = sorted({v for k, v in strings if k in CONTACT_KEYS and v})
            for _, message in step.messages if step else ():
                if isinstance(message, AlertRequested):
                    found.append(Asked(message, values, contacts))
    return found


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _strings(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, key)
    elif isinstance(value, str):
        yield key, value


def _personal(key: str, value: str) -> bool:
    if key == "birth_date":
        return True
    return not _DATED.fullmatch(value) and (" " in value or "@" in value or sum(c.isdigit() for c in value) >= 8)


def test_the_days_hold_alerts_with_contacts_and_personal_values() -> None:
    found = asked()
    assert len(found) >= 20
    assert sum(bool(a.contacts and a.request.not_to) for a in found) >= 20
    assert {a.request.severity for a in found} == {"must_act", "normal"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_contact_of_a_case_is_told_and_nothing_of_the_case_leaves(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(asked()))
    roster, contacts = _mixed(data, case)
    known = {
        ref: frozenset(t for k, v in addresses(p) if (t := TOKENS.token(k, v))) for ref, p in roster.people.items()
    }
    now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=data.draw(st.integers(0, 24 * 10)))
    request = case.request.model_copy(
        update={"to": data.draw(st.sampled_from([case.request.to, "polres-3301", "disnaker-3301"]))}
    )
    alert = deliver.plan(request, roster, CHAINS, now).alert
    look, targets, words = Look(roster, tokens=known), set[str](), list[str]()
    for _ in range(60):
        if alert.due_at is None:
            break
        now = max(now, alert.due_at)
        alert = deliver.take(alert, look, now).alert
        if alert.sending is not None:
            targets.add(alert.sending.to)
            notice = TEXTS.notice(
                [alert], alert.sending, "id", "https://kabar.example/l/x", "123456", "https://meja.example"
            )
            words += [
                notice.subject,
                notice.text,
                notice.html,
                notice.short,
                *notice.refs,
                notice.deadline,
                notice.link,
            ]
            result = data.draw(st.sampled_from(RESULTS))
            alert = deliver.after_result(alert, result, roster, now).alert
        if data.draw(st.integers(0, 9)) == 0:
            alert = (over.settle(alert, "answered", now) or Progress.of(alert)).alert
    tokens_told = {t for to in targets for k in ("phone", "email") if (t := TOKENS.token(k, to))}
    tokens_case = {t for c in contacts for k in ("phone", "email") if (t := TOKENS.token(k, c))}
    assert not tokens_told & tokens_case
    said = "\n".join(words).lower()
    assert not [v for v in case.values if v.lower() in said]


def _mixed(data: st.DataObject, case: Asked) -> tuple[Roster, list[str]]:
    """The roster of the tests, in which contacts of the case hold roles: by SMS, by mail, or only with their own phone."""
    roster = Roster.model_validate(ROSTER)
    people = dict(roster.people)
    contacts = data.draw(st.lists(st.sampled_from(case.contacts), max_size=3, unique=True)) if case.contacts else []
    for contact, ref in zip(contacts, data.draw(st.permutations(sorted(people))), strict=False):
        spelled = "0" + contact[3:] if contact.startswith("+62") and data.draw(st.booleans()) else contact
        way = Way(channel="mail", to=contact) if "@" in contact else Way(channel="sms", to=spelled)
        if "@" not in contact and data.draw(st.booleans()):
            people[ref] = people[ref].model_copy(update={"phone": spelled})
        else:
            people[ref] = Person(hours="always", channels=[way])
    return roster.model_copy(update={"people": people}), contacts


@pytest.mark.parametrize("name", ["applicant", "host", "recruiter"])
def test_the_contacts_that_an_alert_names_are_those_of_the_case(name: str) -> None:
    """The applicant's phone and e-mail, and the host's phone, are among the tokens that must not be told."""
    keys = {"applicant": ("phone", "email"), "host": ("host_phone",), "recruiter": ("phone",)}[name]
    found = [a for a in asked() if a.request.not_to]
    assert found
    for each in found:
        mine = {t for c in each.contacts for k in ("phone", "email") if (t := TOKENS.token(k, c))}
        assert mine & set(each.request.not_to), keys
