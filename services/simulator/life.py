"""The life of one application, from the form to the hand-over: steps with their times, and how it ended.

Delays, office hours, retries and endings follow practice.md, section 1. No step knows of a score.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from random import Random
from typing import Any

from services.contracts.calendar import is_working_day
from services.simulator import numbers
from services.simulator.applicant import Applicant
from services.simulator.mix import Mix
from services.simulator.officers import Interview, Officer, interview, level_of, mood

WIB = timezone(timedelta(hours=7))
FIELD = ("eazy", "simpatik")  # the office comes to the people: nobody misses it, papers are seen beforehand
SINGLE_FAULTS = 0.8  # share of the registry's failures that are no outage of hours
Step = tuple[datetime, str, dict[str, Any]]
Window = tuple[datetime, datetime]


@dataclass(slots=True)
class Life:
    """What happened. `ended` is the last decision, or how the application stopped before one."""

    submitted: datetime
    steps: list[Step] = field(default_factory=list)
    ended: str = "open"
    decided: datetime | None = None
    passport_no: str | None = None
    interview: Interview | None = None
    rescheduled: bool = False
    missing: bool = False
    unavailable: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What a life needs of its office: officers of the day, mixes, and when the civil registry was down."""

    officers: list[Officer]
    mix: Mix
    registry_down: tuple[Window, ...] = ()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=WIB)


def working_days_later(moment: datetime, days: int, random: Random) -> datetime:
    """Some time in office hours, so many working days later."""
    day = moment.date()
    while days > 0:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return at(day, 8) + timedelta(seconds=int(random.random() * 6.5 * 3600))


def live(a: Applicant, name: str, visit: datetime, random: Random, desk: Desk) -> Life:
    """`name` is the application id, `visit` the time of the slot."""
    rate = desk.mix.rate
    life = _book(a, name, visit, random, desk.mix)
    shown = a.interview_level is not None  # somebody the stage is set for does come
    if random.random() < rate("no_show") and a.channel not in FIELD and not shown:
        life.steps.append((at(visit.date(), 16, 30), "appointment.no_show", {"slot_at": visit.isoformat()}))
        life.ended = "no_show"
        return life
    counter = _counter(life, a, visit, random, 0 if shown else rate("incomplete"))
    if life.missing:
        if random.random() < rate("incomplete_never_completed"):
            when = at((visit + timedelta(days=30)).date(), 15) + timedelta(seconds=int(random.random() * 1800))
            _decide(life, "cancelled_incomplete", when, "berkas_tidak_lengkap", random, desk)
            return life
        counter = working_days_later(visit, 2 + int(random.random() * 14), random)
        _documents(life, a, counter, [])
    officer = desk.officers[int(random.random() * len(desk.officers))]
    checked = _checks(life, a, counter, random, desk)
    talk = checked + timedelta(seconds=300 + int(random.random() * 1500))
    level = level_of(a, officer, random, rate("control_sample"))
    life.interview = interview(a, officer, mood(officer, visit.date()), level, random, visit.date())
    life.steps.append((talk, "interview.completed", life.interview.answers))
    ruling = talk + timedelta(seconds=1200 + int(random.random() * 7200))
    ruling = _in_hours(ruling, random)
    result = "duplicate" if a.duplicate else "clear"
    life.steps.append((ruling, "adjudication.completed", {"result": result}))
    _rule(life, a, officer, ruling, random, desk)
    return life


def _book(a: Applicant, name: str, visit: datetime, random: Random, mix: Mix) -> Life:
    slot = visit
    rescheduled = random.random() < mix.rate("rescheduled") and a.form["service"] == "reguler"
    if rescheduled:
        slot = at((visit - timedelta(days=1 + int(random.random() * 7))).date(), visit.hour)
    applied = _applied(slot, a, random, mix)
    life = Life(applied, rescheduled=rescheduled)
    steps = life.steps
    steps.append((applied, "application.submitted", a.form))
    billing = f"B-{name}"
    time_left = slot - applied
    paid = applied + min(timedelta(seconds=120 + int(random.random() ** 2 * 6600)), time_left * 0.5)
    if random.random() < mix.rate("payment_expired") and time_left > timedelta(hours=6):
        steps.append((applied + timedelta(hours=2), "payment.expired", {"billing_id": f"{billing}-1"}))
        paid += timedelta(hours=2, minutes=10)
    amount = (350000 if a.form["passport_kind"] == "biasa" else 650000) + (
        1000000 if a.form["service"] == "percepatan" else 0
    )
    payment = {"billing_id": billing, "paid_at": paid.isoformat(), "amount": amount, "channel": ("bank", "marketplace", "minimarket", "bank")[int(random.random() * 4)], "payer_account": f"rekening-{a.who.number}", **a.payment}  # fmt: skip
    steps.append((paid, "payment.received", payment))
    booked = paid + min(timedelta(seconds=20 + int(random.random() * 400)), time_left * 0.2)
    appointment = {"slot_at": slot.isoformat(), "booked_at": booked.isoformat(), "device": f"perangkat-{a.who.number}", "ip": numbers.ip(a.who.number), **a.booking}  # fmt: skip
    steps.append((booked, "appointment.booked", appointment))
    if life.rescheduled:
        # At the latest the day before the first slot [S35].
        latest = at((slot - timedelta(days=1)).date(), 20)
        moved = booked + (max(latest, booked + timedelta(minutes=5)) - booked) * random.random()
        steps.append((moved, "appointment.rescheduled", {**appointment, "slot_at": visit.isoformat()}))
    return life


def _applied(slot: datetime, a: Applicant, random: Random, mix: Mix) -> datetime:
    """When the form was sent: at the opening of the quota, or in the days before the slot. Evenings are busy."""
    day = slot.date()
    quota = mix.raw["quota"]
    if a.form["service"] == "percepatan":
        when = at(day - timedelta(days=int(random.random() * 3)), 6) + timedelta(seconds=int(random.random() * 5400))
        return min(when, slot - timedelta(hours=1))
    if a.channel == "prioritas":
        return slot - timedelta(minutes=40 + int(random.random() * 60))
    if random.random() < quota["share"]:
        weekday, hour = quota["opens"]
        opening = day - timedelta(days=(day.weekday() - weekday) % 7 or 7)
        if random.random() < 0.4:
            opening -= timedelta(days=7)
        return at(opening, hour) + timedelta(seconds=int(random.expovariate(1 / 2400)))
    back = 2 + int(random.random() * 11)
    hour = (5.5 + 17 * random.random()) if random.random() < 0.6 else 18 + 4 * random.random()
    return at(day - timedelta(days=back), 0) + timedelta(seconds=int(hour * 3600))


def _counter(life: Life, a: Applicant, visit: datetime, random: Random, incomplete: float) -> datetime:
    """Check-in and document desk. The applicant comes a little before or after the slot."""
    arrived = visit + timedelta(seconds=int(random.gauss(-240, 400)))
    check_in = {"checked_in_at": arrived.isoformat(), "escort_present": False, **a.counter}
    life.steps.append((arrived, "applicant.checked_in", check_in))
    desk = arrived + timedelta(seconds=400 + int(random.random() * 2000))
    _report(life, a, desk - timedelta(seconds=120), random)
    life.missing = random.random() < incomplete and a.channel not in FIELD
    _documents(life, a, desk, ["akta"] if life.missing else [])
    return desk


def _report(life: Life, a: Applicant, moment: datetime, random: Random) -> None:
    """A lost or damaged passport comes with a report (BAP)."""
    type_ = {"hilang": "passport.lost_reported", "rusak": "passport.damaged"}.get(a.form["application_type"])
    if type_ is not None:
        place = "Cilacap" if random.random() < 0.9 else ("MY", "SA", "SG")[int(random.random() * 3)]
        data = {
            "reported_at": moment.isoformat(),
            "place": place,
            "count_prior": 0,
            "nik": a.who.nik,
            "passport_no": a.form["prev_passport"],
        }
        life.steps.append((moment, type_, data))


def _documents(life: Life, a: Applicant, moment: datetime, missing: list[str]) -> None:
    items = [p for p in a.papers if p["type"] not in missing]
    life.steps.append((moment, "documents.checked", {"items": items, "missing": missing}))


def _checks(life: Life, a: Applicant, counter: datetime, random: Random, desk: Desk) -> datetime:
    """Registries and biometrics. A registry that is down is asked again when it is back, or not at all that day."""
    who, steps = a.who, life.steps
    look = counter + timedelta(seconds=30 + int(random.random() * 180))
    down = a.registry_down or any(start <= look < end for start, end in desk.registry_down)
    if down or random.random() < desk.mix.rate("registry_unavailable") * SINGLE_FAULTS:
        steps.append((look, "dukcapil.verified", {"match": "unavailable"}))
        life.unavailable = True
        again = look + timedelta(minutes=20 + int(random.random() * 60))
        look_again = not a.registry_down and not any(start <= again < end for start, end in desk.registry_down)
    else:
        again, look_again = look, True
    if look_again:
        answer: dict[str, Any] = {
            "match": "exact", "birth_date": who.birth.isoformat(), "sex": who.sex, "marital_status": who.marital,
            "kk_no": who.kk_no, "alive": True, "domicile_desa_code": who.desa,
        }  # fmt: skip
        if who.parents:
            answer["parents"] = list(who.parents)
        steps.append((again, "dukcapil.verified", answer | a.registry))
    photo = look + timedelta(seconds=500 + int(random.random() * 900))
    steps.append((photo, "biometrics.captured", a.biometrics))
    if a.siskop is not None:
        found: dict[str, Any] = {"status": a.siskop}
        if a.siskop == "registered_active":
            found |= {"contract_verified": True}
            if "agent_license_no" in a.form:
                found["p3mi_no"] = a.form["agent_license_no"]
        if a.siskop.startswith("registered") and a.trips:
            found["registered_before"] = True
        steps.append((photo + timedelta(seconds=60), "siskop2mi.verified", found))
    if a.form["application_type"] != "baru" or a.trips:
        steps.append((photo + timedelta(seconds=90), "travel.history", _history(a, counter.date(), random)))
    return photo


def _history(a: Applicant, day: date, random: Random) -> dict[str, Any]:
    trips = []
    for n in range(a.trips):
        out = day - timedelta(days=200 + 300 * n + int(random.random() * 150))
        country = ("MY", "SG", "SA", "HK")[int(random.random() * 4)]
        back = out + timedelta(days=5 + int(random.random() * 9))
        trips.append(
            {"country": country, "departed_at": out.isoformat(), "returned_at": back.isoformat(), "overstay": False}
        )
    return {"status": "available", "trips": trips}


def _in_hours(moment: datetime, random: Random) -> datetime:
    return moment if moment.hour < 16 else working_days_later(moment, 1, random)


def _rule(life: Life, a: Applicant, officer: Officer, ruling: datetime, random: Random, desk: Desk) -> None:
    soon = timedelta(seconds=300 + int(random.random() * 2400))
    when = _in_hours(ruling + soon, random)
    if a.duplicate:
        _decide(life, "cancelled_duplicate", when, "permohonan_ganda", random, desk)
        return
    assert life.interview is not None
    if life.interview.deferred:
        _decide(life, "deferred", when, "dugaan_pmi_np", random, desk, officer)
        if a.group is not None:
            a.group.refusals.append(when)
        _come_back(life, a, when, random, desk)
        return
    if random.random() < desk.mix.rate("other_deferral"):
        reason = ("data_tidak_sesuai", "cekal", "ganti_data")[int(random.random() * 3)]
        _decide(life, "deferred", when, reason, random, desk, officer)
        return
    _issue(life, a, when, random, desk)


def _come_back(life: Life, a: Applicant, deferred: datetime, random: Random, desk: Desk) -> None:
    """ "Ditunda lalu tidak kembali" is the common ending [S06]. The honest come back with papers more often."""
    chance = random.random()
    back = working_days_later(deferred, 3 + int(random.random() * 15), random)
    if chance < (0.45 if a.truth == "ordinary" else 0.12):
        _issue(life, a, back, random, desk)
    elif chance < 0.6:
        _decide(life, "withdrawn", back, "dicabut_pemohon", random, desk)
    elif chance < 0.7:
        _decide(life, "refused", back, "dugaan_pmi_np", random, desk)


def _decide(
    life: Life, outcome: str, when: datetime, reason: str, random: Random, desk: Desk, officer: Officer | None = None
) -> None:
    proposer = officer or desk.officers[int(random.random() * len(desk.officers))]
    data: dict[str, Any] = {"outcome": outcome, "reason_code": reason, "officer": proposer.name}
    if outcome in ("deferred", "refused"):
        data["legal_basis_ref"] = "Permenkumham 8/2014"
        data["approver"] = desk.officers[-1].name
    if outcome == "deferred":
        data["evidence_due_at"] = (when + timedelta(days=30)).isoformat()
    life.steps.append((when, f"application.{outcome}", data))
    life.ended, life.decided = outcome, when


def _issue(life: Life, a: Applicant, when: datetime, random: Random, desk: Desk) -> None:
    officer = desk.officers[int(random.random() * len(desk.officers))]
    life.steps.append((when, "application.approved", {"outcome": "approved", "officer": officer.name}))
    life.ended, life.decided = "approved", when
    fast = a.form["service"] == "percepatan"
    printed = (
        when + timedelta(minutes=20 + int(random.random() * 60))
        if fast
        else working_days_later(when, 1 + int(random.random() * 2.3), random)
    )
    life.passport_no = numbers.passport(a.who.number)
    print_ = {"passport_no": life.passport_no, "pages": a.form["pages"], "validity_years": a.form["validity_years"]}
    life.steps.append((printed, "passport.printed", print_))
    if not fast and random.random() < desk.mix.rate("never_collected"):
        cancelled = printed + timedelta(days=32)
        data = {"reported_at": cancelled.isoformat(), "passport_no": life.passport_no, "nik": a.who.nik}
        life.steps.append((cancelled, "passport.revoked", data))
        life.passport_no = None
        return
    waits = 0 if fast else 1 + int(random.expovariate(1 / 3.0))
    collected = printed + timedelta(minutes=15) if fast else working_days_later(printed, min(waits, 20), random)
    life.steps.append((collected, "passport.collected", _collection(a, collected, random)))


def _collection(a: Applicant, collected: datetime, random: Random) -> dict[str, Any]:
    data: dict[str, Any] = {"collected_at": collected.isoformat()}
    collector = a.after.get("collector")
    if collector is not None:
        return data | {"collector_relation": "proxy", "collector": collector, "power_of_attorney": a.after.get("power_of_attorney", random.random() < 0.6)}  # fmt: skip
    if (a.party == "family" or random.random() < 0.06) and random.random() < 0.3:
        return data | {"collector_relation": "family"}
    return data | {"collector_relation": "self"}
