"""`make bench-notify`: from a must-act event to an accepted mail, a storm of alerts, and whether 100,000 open ones slow the timers.

Embedded broker, store and mail server on the same cores. The storm's baseline is a bare loop over the same requests that decodes each,
writes one journaled document and hands one mail to the same server.
"""

import argparse
import re
import smtplib
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import structlog
import yaml
from pymongo import MongoClient

from services.contracts import ids
from services.contracts.alerts import AlertRequested
from services.contracts.fields import parse_time
from services.embedded.keys import ISSUER
from services.embedded.player import Player
from services.embedded.stack import SERVICES, Stack
from services.notify import deliver
from services.notify.auditor import Auditor
from services.notify.chains import Chains
from services.notify.roster import Roster
from services.notify.settings import HERE
from services.notify.store import INDEXES, AlertStore
from services.referral.tables import Tables
from services.runtime.broker import Outgoing, Producer
from services.runtime.documents import migrate
from services.runtime.identity import Signer
from services.runtime.settings import KafkaSettings
from services.simulator.day import play
from tests.bench.report import write

RATE, SECONDS, MUST_ACT = 100, 40, 60
STORM, STORM_S = 10_000, 60
OPEN = (1_000, 10_000, 100_000)
LOOKS = 20
LOG = structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(50))


@contextmanager
def running(services: tuple[str, ...], **env: str) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="tppo-bench-") as folder:
        stack = Stack(Path(folder), list(Tables.load().agencies), None, () if env else services)
        try:
            stack.start()
            for service in services if env else ():
                stack.start_service(service, **env)
            stack.wait_ready(services)
            yield stack
        finally:
            stack.stop()


def mails(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{stack.addresses.mail_page}/mails.json", timeout=60).json()
    return found


# From the event to the mail


def must_act_events(day: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(form, interview in which a threat is told) of applicants of their own."""
    form = next(e for e in day if e["type"] == "application.submitted")
    talk = next(e for e in day if e["type"] == "interview.completed")

    def own(each: dict[str, Any], number: int, **more: Any) -> dict[str, Any]:
        return each | {"id": str(uuid.uuid4()), "subject": f"BENCH-{number}", "data": each["data"] | more}

    return [(own(form, n), own(talk, n, threat_disclosed=True)) for n in range(MUST_ACT)]


def way() -> dict[str, float]:
    """Seconds from the POST of the interview to the first mail about its case, at RATE events a second besides."""
    day = play(datetime.now(UTC).date(), applications=RATE * SECONDS // 12, seed=7)
    with running(SERVICES) as stack:
        signer = Signer.from_file(stack.folder / "keys" / f"{ISSUER}.key.json", ISSUER)
        player = Player(stack, day, rate=RATE)
        sent: dict[str, datetime] = {}
        headers = {
            "Authorization": f"Bearer {signer.token('bench', 'tppo-intake', ['events:write'], lifetime_s=3600)}",
            "Content-Type": "application/cloudevents+json",
        }
        with httpx.Client(base_url=stack.addresses.intake, timeout=30, headers=headers) as http:
            pairs = must_act_events(day)
            for form, _ in pairs:
                http.post("/events", json=form).raise_for_status()
            player.start()
            began = time.monotonic()
            for number, (_, talk) in enumerate(pairs):
                _pace(began, number * (SECONDS - 5) / MUST_ACT)
                player.must_live()
                sent[talk["subject"]] = datetime.now(UTC)
                http.post("/events", json=talk).raise_for_status()
        deadline = time.monotonic() + 120
        cases = MongoClient[dict[str, Any]](stack.addresses.store, tz_aware=True)["tppo_referral"]["cases"]
        while time.monotonic() < deadline:
            first = _first_mails(stack)
            refs = {
                c["application_id"]: {c["case_ref"], *(r["referral_ref"] for r in c["referrals"])}
                for c in cases.find({"application_id": {"$in": list(sent)}})
            }
            took = {
                a: min(first[r] for r in rs if r in first) - sent[a]
                for a, rs in refs.items()
                if any(r in first for r in rs)
            }
            if len(took) == len(sent):
                break
            time.sleep(1)  # what asks more often measures its own questions
        seconds = sorted(t.total_seconds() for t in took.values())
        cuts = quantiles(seconds, n=100, method="inclusive")
        return {
            "alerts": len(seconds),
            "of": len(sent),
            "background": player.sent,
            "p50": cuts[49],
            "p95": cuts[94],
            "p99": cuts[98],
            "max": seconds[-1],
        }


def _pace(began: float, at: float) -> None:
    left = began + at - time.monotonic()
    if left > 0:
        time.sleep(left)  # paces the load


def _first_mails(stack: Stack) -> dict[str, datetime]:
    first: dict[str, datetime] = {}
    for mail in mails(stack):
        for ref in set(re.findall(r"[RK]-[A-Z2-7]{8}", mail["body"])):
            at = parse_time(mail["at"])
            first[ref] = min(first.get(ref, at), at)
    return first


# A storm


def requests(severity: str, count: int, agencies: list[str]) -> list[AlertRequested]:
    now = datetime.now(UTC)
    return [
        AlertRequested(
            alert_id=ids.alert_id(f"{severity}-{n}", 1, "new"), to=agencies[n % len(agencies)], ref=f"R-{n:08d}", severity=severity,
            step="new", deadline=(now + timedelta(days=1)).isoformat(), requested_at=now.isoformat(),
        )
        for n in range(count)
    ]  # fmt: skip


def storm(severity: str, chains: Path) -> dict[str, float]:
    """STORM requests over STORM_S seconds: when the last was told or stands in a digest, and what each person got."""
    agencies = list(Tables.load().agencies)
    with running(("notify",), TPPO_NOTIFY_CHAINS=str(chains)) as stack:
        alerts = MongoClient[dict[str, Any]](stack.addresses.store, tz_aware=True)["tppo_notify"]["alerts"]
        sending = threading.Thread(target=_paced, args=(stack, requests(severity, STORM, agencies)))
        started = time.monotonic()
        sending.start()
        sending.join()
        sent_after = time.monotonic() - started
        told = {"$or": [{"told.0": {"$exists": True}}, {"held": "limit"}]}
        while alerts.count_documents(told) < STORM:
            if time.monotonic() - started > 900:
                break
            time.sleep(1)
        drained = time.monotonic() - started
        found = mails(stack)
        held = alerts.count_documents({"held": "limit"})
        came = {a["ref"]: a["received_at"] for a in alerts.find({}, {"ref": 1, "received_at": 1})}
        by_person: dict[str, list[str]] = defaultdict(list)
        for mail in sorted(found, key=lambda m: m["at"]):
            by_person[mail["to"]] += re.findall(r"Rujukan (R-\d{8})", mail["body"])
        disorder = sum(came[a] > came[b] for refs in by_person.values() for a, b in pairwise(refs))
        per_person = max(sum(1 for m in found if m["to"] == to) for to in {m["to"] for m in found})
        return {
            "told": alerts.count_documents({"told.0": {"$exists": True}}), "held": held, "mails": len(found), "sent_after": sent_after,
            "drained": drained, "most_a_person": per_person, "out_of_order": disorder,
        }  # fmt: skip


def _paced(stack: Stack, asked: list[AlertRequested]) -> None:
    producer = Producer(KafkaSettings(bootstrap=stack.bootstrap))
    began = time.monotonic()
    for start in range(0, len(asked), 100):
        producer.send_all(
            Outgoing(a.TOPIC, a.key, a.encode(), [("kind", b"AlertRequested")]) for a in asked[start : start + 100]
        )
        _pace(began, start * STORM_S / len(asked))
    producer.close()


def bare(count: int = 2_000) -> float:
    """Alerts a second of the baseline."""
    with running(()) as stack:
        collection = MongoClient[dict[str, Any]](stack.addresses.store, w="majority", journal=True)["bench"]["bare"]
        raw = [a.encode() for a in requests("must_act", count, list(Tables.load().agencies))]
        started = time.monotonic()
        for each in raw:
            asked = AlertRequested.decode(each)
            collection.insert_one({"_id": asked.alert_id, **asked.model_dump()})
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = "a@x.example", "b@x.example", "Rujukan menunggu"
            message.set_content(f"Rujukan {asked.ref} menunggu.")
            with smtplib.SMTP("127.0.0.1", stack.port("smtp")) as server:
                server.send_message(message)
        return count / (time.monotonic() - started)


# Timers


def timers() -> list[dict[str, float]]:
    """Look for what is due, with nothing due and with 50 due, over more and more open alerts; and a whole look of the auditor."""
    roster, chains = Roster.load(HERE / "receivers.yaml", {"mail", "desk"}), Chains.load(HERE / "chains.yaml")
    found: list[dict[str, float]] = []
    with running(()) as stack:
        migrate(stack.store_settings.model_copy(update={"database_prefix": "bench_"}), "timers", INDEXES)
        database = MongoClient[dict[str, Any]](stack.addresses.store, tz_aware=True)["bench_timers"]
        store, agencies, there = AlertStore(database), list(Tables.load().agencies), 0
        now = datetime.now(UTC)
        for size in OPEN:
            while there < size:
                asked = [
                    AlertRequested(
                        alert_id=f"t-{n}", to=agencies[n % 80], ref=f"R-{n}", severity="must_act", step="new",
                        deadline=(now + timedelta(days=1)).isoformat(), requested_at=now.isoformat(),
                    )
                    for n in range(there, min(there + 500, size))
                ]  # fmt: skip
                steps = [deliver.plan(a, roster, chains, now) for a in asked]
                for number, step in enumerate(steps):
                    step.alert.due_at = now + timedelta(minutes=10 + number % 500)
                store.save_all(steps)
                there += len(steps)
            idle = [_timed(lambda: store.due(now, 1000)) for _ in range(LOOKS)]
            some = [_timed(lambda: store.due(now + timedelta(minutes=10), 50)) for _ in range(LOOKS)]
            began = time.monotonic()
            Auditor(store, lambda: now, LOG, None).look()
            found.append(
                {"open": size, "idle_ms": median(idle), "fifty_ms": median(some), "audit_s": time.monotonic() - began}
            )
            print(found[-1], flush=True)
    return found


def _timed(call: Any) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["way", "storm", "timers"])
    only = parser.parse_args().only
    figures: dict[str, Any] = {}
    if only in (None, "way"):
        figures["way"] = way()
        print(figures["way"], flush=True)
    if only in (None, "storm"):
        figures["bare"] = bare()
        figures["must_act"] = storm("must_act", HERE.parent / "embedded" / "chains.yaml")
        print(figures["bare"], figures["must_act"], flush=True)
        with tempfile.TemporaryDirectory() as folder:
            table = yaml.safe_load((HERE.parent / "embedded" / "chains.yaml").read_text())
            table["chains"]["soon"] |= {"per_hour": 6, "together_seconds": 10}
            limited = Path(folder) / "chains.yaml"
            limited.write_text(yaml.safe_dump(table))
            figures["normal"] = storm("normal", limited)
        print(figures["normal"], flush=True)
    if only in (None, "timers"):
        figures["timers"] = timers()
    if only is None:
        report(figures)


def report(figures: dict[str, Any]) -> None:
    w, m, n, t = figures["way"], figures["must_act"], figures["normal"], figures["timers"]
    rate = m["told"] / m["drained"]
    rows = [
        ["must-act event at intake → mail accepted, p50 / p99 / most", f"{w['p50']:.2f} / {w['p99']:.2f} / {w['max']:.2f} s", "p99 under 2 s",
         f"{w['alerts']} of {w['of']} alerts, beside {RATE} events/s ({w['background']} events)"],
        [f"{STORM} must-act alerts in {STORM_S} s, each a mail of its own", f"drained after {m['drained']:.0f} s", "drained",
         f"{m['told']} told, {m['mails']} mails, {m['out_of_order']} out of order for a person; {rate:.0f} alerts/s against {figures['bare']:.0f} of a bare loop: ratio {rate / figures['bare']:.2f}"],
        [f"{STORM} normal alerts in {STORM_S} s, 6 messages an hour for a person", f"settled after {n['drained']:.0f} s", "limits kept",
         f"{n['mails']} mails, at most {n['most_a_person']} to a person, {n['held']} alerts wait for the digest, {n['out_of_order']} out of order"],
        *([f"timer look with {int(x['open'])} open alerts: nothing due / 50 due", f"{x['idle_ms']:.1f} / {x['fifty_ms']:.1f} ms", "flat",
           f"the auditor's whole look: {x['audit_s']:.1f} s"] for x in t),
    ]  # fmt: skip
    write("notify", "Notify", ["what", "figure", "asked", "more"], rows, figures)


if __name__ == "__main__":
    main()
