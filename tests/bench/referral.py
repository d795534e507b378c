"""`make bench-referral`: flagged assessments a second, moves under load, and whether 100,000 open referrals slow timers or agencies.

Embedded broker and store, referral alone, all on the same cores. The baseline is a bare loop over the same messages that
decodes each and writes one journaled document.
"""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import mongoengine
import orjson
from kafka import TopicPartition
from pymongo import MongoClient

from services.contracts.assessments import RiskAssessed
from services.embedded.keys import ISSUER
from services.embedded.stack import Stack
from services.referral.store import CaseStore
from services.referral.tables import Tables
from services.runtime.broker import Outgoing, Producer, consumer
from services.runtime.identity import Signer
from services.runtime.settings import KafkaSettings
from tests.bench.report import write
from tests.referral.cases import THREAT, assessed

FLAGGED, ROUNDS, MOVES, OPEN_CASES, PULLS = 1000, 3, 1000, 28_000, 200
KINDS = (("threat_or_fear_disclosed", True), ("work_intent_not_in_siskop2mi", False), ("dukcapil_no_match", False))


@contextmanager
def running() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="tppo-bench-") as folder:
        stack = Stack(Path(folder), list(Tables.load().agencies), None, ("referral",))
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()


def messages(prefix: str, count: int) -> list[Outgoing]:
    """Flagged applications of three kinds, one assessment each; two open referrals a case on average."""
    found = []
    for number in range(count):
        finding, act = KINDS[number % len(KINDS)]
        one: RiskAssessed = assessed(finding, act=act, **(THREAT if act else {}))
        name = f"{prefix}-{number}"
        one = one.model_copy(update={"application_id": name, "assessment_id": str(uuid.uuid4())})
        found.append(Outgoing(RiskAssessed.TOPIC, name.encode(), one.encode(), [("kind", b"RiskAssessed")]))
    return found


def cases_of(stack: Stack) -> Any:
    client: MongoClient[dict[str, Any]] = MongoClient(stack.addresses.store, tz_aware=True)
    return client["tppo_referral"]["cases"]


def sustained(stack: Stack, producer: Producer, name: str) -> float:
    """Flagged assessments a second, from the topic to what they owe having left."""
    cases = cases_of(stack)
    wanted = cases.estimated_document_count() + FLAGGED
    producer.send_all(messages(name, FLAGGED))
    started = time.monotonic()
    while cases.estimated_document_count() < wanted or cases.find_one({"pending": True}, {"_id": 1}):
        time.sleep(0.5)  # what asks more often measures its own questions
    return FLAGGED / (time.monotonic() - started)


def bare(stack: Stack, name: str) -> float:
    """The same messages, read again: decode, one journaled document each. Nothing is sent: referral would take it in as well."""
    reader = consumer(KafkaSettings(bootstrap=stack.bootstrap), None)
    reader.assign(
        [TopicPartition(RiskAssessed.TOPIC, p) for p in sorted(reader.partitions_for_topic(RiskAssessed.TOPIC) or ())]
    )
    reader.seek_to_beginning()
    client: MongoClient[dict[str, Any]] = MongoClient(stack.addresses.store, journal=True)
    target, done, started = client["bench"]["bare"], 0, None
    keys = {f"{name}-{number}".encode() for number in range(FLAGGED)}
    while done < FLAGGED:
        for records in reader.poll(timeout_ms=200, max_records=500).values():
            for record in records:
                if record.key in keys:
                    started = started or time.monotonic()
                    target.insert_one({"_id": record.key.decode(), "body": orjson.loads(record.value)})
                    done += 1
    reader.close()
    client.close()
    return FLAGGED / (time.monotonic() - (started or 0))


def timed(call: Callable[[], object], count: int, every: float = 0.0) -> tuple[float, float]:
    """Median and p99 in milliseconds; a call is due `every` seconds, and waiting for one that is late counts."""
    found, start = [], time.monotonic()
    for number in range(count):
        due = start + number * every
        time.sleep(max(0.0, due - time.monotonic()))
        begun = due if every else time.monotonic()
        call()
        found.append((time.monotonic() - begun) * 1000)
    return median(found), quantiles(found, n=100)[98]


def client(stack: Stack, *scopes: str, **claims: Any) -> httpx.Client:
    key = stack.folder / "keys" / f"{ISSUER}.key.json"
    token = Signer.from_file(key, ISSUER).token("bench", "tppo-referral", scopes, lifetime_s=3600, **claims)
    return httpx.Client(base_url=stack.addresses.referral, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def moves(stack: Stack) -> tuple[float, float]:
    """Twenty moves a second through the door."""
    ids = [d["_id"] for d in cases_of(stack).find({"state": "flagged"}, {"_id": 1}).limit(MOVES)]
    with client(stack, "cases:move", role="supervisor") as http:

        def one() -> None:
            http.post(f"/cases/{ids.pop()}/moves", json={"to": "case_opened", "reason": "dibuka"}).raise_for_status()

        return timed(one, MOVES, every=0.05)


def many(stack: Stack) -> None:
    """Copies of real cases until there are 100,000 open referrals; their clocks run for weeks."""
    cases = cases_of(stack)
    samples = list(cases.find({"state": "flagged"}).limit(60))
    batch: list[dict[str, Any]] = []
    later = datetime.now(UTC) + timedelta(days=30)
    for number in range(OPEN_CASES):
        one = {k: v for k, v in samples[number % len(samples)].items() if k not in ("history", "findings", "facts")}
        mine = str(uuid.uuid4())
        copies = [r | {"referral_id": str(uuid.uuid4())} for r in one["referrals"]]
        at = datetime.now(UTC) - timedelta(days=40, seconds=number)
        refs = [f"{r['agency_id']} {r['state']}" for r in copies if r.get("sent_at")]
        batch.append(
            one
            | {
                "asked": sorted(set(refs)),
                "_id": mine,
                "application_id": mine,
                "referrals": copies,
                "next_due": later + timedelta(seconds=number),
                "touched_at": at,
                "outbox": [],
                "pending": False,
            }
        )
        if len(batch) == 500:
            cases.insert_many(batch, ordered=False)
            batch = []


def scans(stack: Stack) -> dict[str, float]:
    """Milliseconds: the timer's look when nothing is due, and an agency's pull through the door."""
    mongoengine.connect("tppo_referral", host=stack.addresses.store, alias="default", tz_aware=True)
    try:
        store = CaseStore(Tables.load().clocks)
        now = datetime.now(UTC)
        timer = timed(lambda: store.due(now, 50), PULLS)
        late = now + timedelta(days=60)  # every clock is due
        first = timed(lambda: CaseStore(Tables.load().clocks).due(late, 50), 2)
        store.due(late, 50)
        many = timed(lambda: store.due(late, 50), PULLS)
    finally:
        mongoengine.disconnect("default")
    with client(stack, "agency", agency="bp3mi-jateng") as http:
        http.get(
            "/agency/referrals", params={"limit": 50}
        ).raise_for_status()  # the first one finds where the oldest stands
        pull = timed(lambda: http.get("/agency/referrals", params={"limit": 50}).raise_for_status(), PULLS)
    found = {"timer": timer, "due": many, "restart": first, "pull": pull}
    return {
        f"{name}{end}": value for name, pair in found.items() for end, value in zip(("", "_p99"), pair, strict=True)
    }


def resident_mb(stack: Stack) -> float:
    status = Path(f"/proc/{stack.children['referral'].process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    with running() as stack:
        producer = Producer(KafkaSettings(bootstrap=stack.bootstrap))
        rates = [(sustained(stack, producer, f"S{n}"), bare(stack, f"S{n}")) for n in range(ROUNDS)]
        own, loop = median(r for r, _ in rates), median(b for _, b in rates)
        before, rss = scans(stack), resident_mb(stack)
        move = moves(stack)
        many(stack)
        after, rss_after = scans(stack), resident_mb(stack)
        total = sum(len(d["referrals"]) for d in cases_of(stack).find({}, {"referrals.referral_id": 1}))
        producer.close()
    rows = [
        ["flagged assessments a second, to the last message they owe", f"{own:,.0f} ({own / loop:.2f} of the bare loop's {loop:,.0f})", "50"],
        ["case move through the door at 20 a second, median / p99", f"{move[0]:.0f} / {move[1]:.0f} ms", "p99 100 ms"],
        *(
            [f"{what}, {when}, median / p99", f"{found[key]:.1f} / {found[f'{key}_p99']:.1f} ms", asked]
            for key, what, asked in (
                ("timer", "timer's look when nothing is due", "flat"),
                ("due", "timer's look for 50 when every case is due", "flat"),
                ("restart", "the same, first look after a start", ""),
                ("pull", "an agency's pull of 50", "p99 50 ms"),
            )
            for when, found in ((f"{ROUNDS * FLAGGED:,} cases", before), (f"{total:,} referrals", after))
        ),
        ["memory of referral, before / after", f"{rss:.0f} / {rss_after:.0f} MB", "flat"],
    ]  # fmt: skip
    figures = {
        "sustained": own,
        "bare": loop,
        "move_ms": move,
        "before": before,
        "after": after,
        "rss_mb": [rss, rss_after],
        "referrals": total,
    }
    notes = f"""Embedded broker and store on the same cores, referral alone. Medians of {ROUNDS} rounds of {FLAGGED:,} flagged assessments of three
kinds; the baseline is a bare loop over the same messages that decodes each and writes one journaled document."""
    write("referral", "The hand-over", ["what", "figure", "asked"], rows, figures, notes)


if __name__ == "__main__":
    main()
