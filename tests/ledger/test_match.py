"""match: every message says which thing it opens and which it closes."""

from typing import Any

import orjson
import pytest

from services.contracts import ids
from services.contracts.schemas import HERE
from services.ledger.match import Note, notes

EXAMPLES = HERE / "examples"


def example(topic: str, kind: str, **change: Any) -> bytes:
    raw = orjson.loads((EXAMPLES / topic / "v1" / f"{kind}.full.json").read_bytes())
    return orjson.dumps(raw | change)


def of(topic: str, kind: str, **change: Any) -> list[Note]:
    return list(notes(topic, kind, example(topic, kind, **change)))


def test_an_accepted_event_opens_and_its_assessment_closes() -> None:
    opened = list(
        notes(
            "passport-events", "EventAccepted", example("passport-events", "EventAccepted.tip.received", event_id="e1")
        )
    )
    closed = of("risk-assessments", "RiskAssessed", caused_by="e1", level=0)
    assert opened == [Note("event", "e1", into=True)]
    assert [(n.kind, n.id, n.out) for n in closed] == [("event", "e1", "assessed")]


def test_an_assessment_of_another_cause_closes_no_event() -> None:
    assert of("risk-assessments", "RiskAssessed", cause="signal", level=0) == []


@pytest.mark.parametrize(
    ("change", "asks"), [({"level": 1}, False), ({"level": 2}, True), ({"level": 0, "must_review": True}, True)]
)
def test_an_assessment_that_asks_for_a_case_opens_one_r66(change: dict[str, Any], asks: bool) -> None:
    found = of("risk-assessments", "RiskAssessed", application_id="A1", **change)
    assert (Note("case", ids.case_id("A1"), into=True) in found) is asks


def test_a_fact_a_dead_letter_and_an_assessment_are_the_three_ways_out_of_an_event() -> None:
    outs = {
        of("risk-assessments", "FactRecorded", caused_by="e1")[0].out,
        of("risk-assessments", "RiskAssessed", caused_by="e1", level=0)[0].out,
        next(iter(notes("passport-events-dlq", "", b'{"event_id": "e1"}'))).out,
    }
    assert outs == {"recorded", "assessed", "dead_lettered"}


def test_a_sent_referral_is_open_until_it_stands_in_its_queue() -> None:
    sent = of("case-events", "CaseMoved", action="referral_sent", referral_id="r1")
    queued = list(
        notes("queue-polres-3301", "ReferralQueued", example("queue-agency_id", "ReferralQueued", referral_id="r1"))
    )
    assert sent == [Note("referral", "r1", into=True)]
    assert queued == [Note("referral", "r1", out="queued", out_id="r1")]


@pytest.mark.parametrize(
    ("status", "closes"),
    [
        ("planned", False),
        ("failed", False),
        ("escalated", False),
        ("sent", True),
        ("held", True),
        ("exhausted", True),
        ("seen", True),
    ],
)
def test_an_alert_is_open_until_it_is_sent_or_given_up(status: str, closes: bool) -> None:
    assert bool(of("alert-deliveries", "AlertProgressed", status=status)) is closes


def test_tombstones_unknown_kinds_and_broken_dead_letters_say_nothing() -> None:
    assert list(notes("queue-sbmi", "ReferralQueued", None)) == []
    assert list(notes("case-events", "FromTheFuture", b"{}")) == []
    assert list(notes("passport-events-dlq", "", b"{broken")) == []
    assert list(notes("passport-events-dlq", "", b"[1]")) == []


def test_a_ring_asks_for_a_case_unless_it_takes_the_place_of_another() -> None:
    own = ids.case_id("r1")
    ring = {"ring_id": "r1", "members": ["A1", "A2", "A3"], "licensed_share": 0.1, "supersedes": []}
    ring["entities"] = [{"kind": "escort", "token": "escort.1." + "0" * 32}]
    assert of("ring-assessments", "RingAssessed", **ring) == [Note("case", own, into=True)]
    assert of("ring-assessments", "RingAssessed", **ring | {"licensed_share": 0.6}) == []
    later = of("ring-assessments", "RingAssessed", **ring | {"ring_id": "r0", "supersedes": ["r1"]})
    assert later == [Note("case", ids.case_id("r0"), out="continues"), Note("case", own, out="superseded")]
