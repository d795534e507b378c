"""What comes weeks and months later: answers of agencies, stops at the border, journeys, returns, tips, alerts, losses.

Late and biased as the reference says (practice.md section 7, indicators.md section 11): only people who were held get an
answer, a third of the answers is late or never comes, and some are wrong. The unflagged are known only by what happens after issue.
"""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from services.simulator.applicant import Applicant
from services.simulator.group import Group
from services.simulator.life import Life, Step, at, working_days_later
from services.simulator.values import picker

# Outcome codes of agencies.md by hidden truth, in percent. Wrong answers are part of the world.
_CODES = {
    "tppo": picker({"confirmed_tppo": 30, "suspected_tppo_open": 30, "pmi_np_not_tppo": 22, "fraud_not_tppo": 6, "unreachable": 8, "cleared": 4}),
    "pmi_np": picker({"pmi_np_not_tppo": 55, "procedural_route_started": 15, "unreachable": 15, "cleared": 10, "suspected_tppo_open": 5}),
    "ordinary": picker({"cleared": 72, "unreachable": 12, "procedural_route_started": 6, "pmi_np_not_tppo": 8, "identity_error_not_crime": 2}),
}  # fmt: skip
IN_TIME, LATE = 0.60, 0.25


def held_at(life: Life) -> datetime | None:
    """When somebody was held as suspected of unsafe migration."""
    return next(
        (
            when
            for when, type_, data in life.steps
            if type_ == "application.deferred" and data["reason_code"] == "dugaan_pmi_np"
        ),
        None,
    )


def home_visit(a: Applicant, life: Life, random: Random, chance: float) -> list[Step]:
    """The office looks at the home of some of those it holds."""
    held = held_at(life)
    if held is None or random.random() >= chance:
        return []
    lives_there = random.random() < (0.6 if "domicile_addr" in a.form and a.party == "ring" else 0.95)
    informed = bool(a.true.get("family_informed", True)) and random.random() < 0.95
    data = {"found_at_address": lives_there, "family_informed": informed, "note_codes": []}
    return [(working_days_later(held, 1 + int(random.random() * 5), random), "field_visit.completed", data)]


def answers(a: Applicant, life: Life, random: Random) -> list[Step]:
    """60 % answer within five working days, 25 % weeks later, 15 % never."""
    held = held_at(life)
    if held is None:
        return []
    chance = random.random()
    if chance >= IN_TIME + LATE:
        return []
    days = 1 + int(random.random() * 4) if chance < IN_TIME else 10 + int(random.random() * 40)
    when = working_days_later(held, days, random)
    code = _CODES[a.truth](random)
    agency = "polres" if code in ("confirmed_tppo", "suspected_tppo_open", "fraud_not_tppo") else "disnaker"
    data: dict[str, Any] = {
        "code": code,
        "agency": agency,
        "decided_at": when.isoformat(),
        "confidence": 1 + int(random.random() * 3),
    }
    recruiter = a.true.get("recruiter") or a.form.get("sponsor")
    if code == "confirmed_tppo" and recruiter and "phone" in recruiter:
        data["entities"] = [{"kind": "phone", "value": recruiter["phone"], "name": recruiter["name"]}]
    return [(when, "referral.outcome", data)]


def journey(a: Applicant, life: Life, random: Random, crossing_seen: float) -> list[Step]:
    """Departure, stop at the border, return; only what a feed would tell."""
    if life.passport_no is None or life.decided is None:
        return []
    person = {"nik": a.who.nik, "passport_no": life.passport_no}
    country = (a.true.get("dest_countries") or a.form.get("dest_countries") or ["MY"])[0]
    out = at(life.decided.date() + timedelta(days=20 + int(random.random() * 60)), 5) + timedelta(
        seconds=int(random.random() * 64000)
    )
    if random.random() >= a.after.get("departs", 0.9 if a.form.get("dest_countries") else 0.05):
        return []
    if a.truth != "ordinary" and random.random() < 0.07:
        stop = {
            "port": "CGK",
            "destination": country,
            "reason_code": "PMI_NP",
            "group_size": 1 + int(random.random() * 5),
        }
        return [(out, "departure.deferred", stop | person)]
    steps: list[Step] = []
    if random.random() < crossing_seen:
        steps.append(
            (out, "passport.crossed", {"direction": "out", "port": "CGK", "country": country, "at": out.isoformat()})
        )
        if a.truth == "ordinary" and a.form.get("stay_days", 10) < 200:
            back = out + timedelta(days=a.form.get("stay_days", 10), hours=6)
            steps.append(
                (
                    back,
                    "passport.crossed",
                    {"direction": "in", "port": "CGK", "country": country, "at": back.isoformat()},
                )
            )
    steps += _return(a, person, country, out, random)
    return steps


def _return(a: Applicant, person: dict[str, Any], country: str, out: datetime, random: Random) -> list[Step]:
    chance = {"tppo": 0.2, "pmi_np": 0.05, "ordinary": 0.0}[a.truth]
    if random.random() >= chance:
        return []
    kind = "repatriated_victim" if a.truth == "tppo" and random.random() < 0.6 else "deported"
    when = out + timedelta(days=60 + int(random.random() * 200), hours=5)
    return [
        (
            when,
            "return.recorded",
            {"kind": kind, "from_country": country, "scam_related": bool(a.after.get("scam"))} | person,
        )
    ]


def tips(group: Group, today: datetime, random: Random) -> list[Step]:
    """Of a ring with some members gone, neighbours or a mission may speak."""
    found: list[Step] = []
    named = next((n for n in map(group.common.known, ("recruiter", "agent", "sponsor", "escort")) if n), None)
    if named is None:
        return found
    entity = {"kind": "phone", "value": named["phone"], "name": named["name"]}
    if random.random() < 0.5:
        when = today + timedelta(days=5 + int(random.random() * 60))
        tip = {
            "entities": [entity],
            "desa_code": group.desa,
            "channel": "pimpasa",
            "credibility": 1 + int(random.random() * 3),
        }
        found.append((when, "tip.received", tip))
    if group.scenario.truth == "tppo" and random.random() < 0.5:
        when = today + timedelta(days=30 + int(random.random() * 120))
        alert = {"entities": [entity], "country": "KH", "valid_to": (when.date() + timedelta(days=180)).isoformat()}
        found.append((when, "mission_alert.published", alert))
    return found


def loses_it(a: Applicant, life: Life, random: Random, chance: float) -> date | None:
    """The day on which somebody who lost the passport comes for another."""
    if life.passport_no is None or life.decided is None or random.random() >= chance:
        return None
    return life.decided.date() + timedelta(days=40 + int(random.random() * 160))
