"""One application before it happens: who, for what, what is true and what is told."""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from services.simulator import numbers
from services.simulator.group import Common, Group
from services.simulator.mix import Mix
from services.simulator.people import Person
from services.simulator.scenario import Scenario
from services.simulator.values import ABSENT

PRODUCTS = {"elektronik_48": ("elektronik", 48), "biasa_48": ("biasa", 48), "biasa_24": ("biasa", 24)}


@dataclass(slots=True)
class Applicant:
    """`told` is what the person says by itself, `true` what differs from it and comes out only when it opens up."""

    who: Person
    purpose: str
    form: dict[str, Any]
    told: dict[str, Any]
    true: dict[str, Any] = field(default_factory=dict)
    counter: dict[str, Any] = field(default_factory=dict)
    registry: dict[str, Any] = field(default_factory=dict)
    booking: dict[str, Any] = field(default_factory=dict)
    payment: dict[str, Any] = field(default_factory=dict)
    papers: list[dict[str, Any]] = field(default_factory=list)
    siskop: str | None = None
    biometrics: dict[str, Any] = field(default_factory=lambda: {"bms_result": "no_hit"})
    trips: int = 0
    channel: str = "kanim"
    point: str | None = None
    office: str | None = None
    after: dict[str, Any] = field(default_factory=dict)
    openness: float = 0.0
    interview_level: str | None = None
    truth: str = "ordinary"
    scenario: str | None = None
    group: Group | None = None
    party: str = "alone"
    phone_of: str | None = None
    registry_down: bool = False
    duplicate: bool = False


def honest(
    who: Person,
    purpose: str,
    random: Random,
    day: date,
    common: Common,
    mix: Mix,
    *,
    application_type: str | None = None,
) -> Applicant:
    """An honest applicant of a purpose. `day` is the day of the visit."""
    common.person = who
    profile, kind = mix.honest[purpose], mix.purposes.get(purpose)
    type_ = application_type or mix.application_type(random)
    product, pages = PRODUCTS[mix.product(random)]
    form: dict[str, Any] = {
        "nik": who.nik, "kk_no": who.kk_no, "full_name": who.name, "birth_place": "Cilacap", "birth_date": who.birth.isoformat(),
        "sex": who.sex, "marital_status": who.marital, "ktp_desa_code": who.desa, "domicile_desa_code": who.desa,
        "domicile_addr": who.street, "phone": who.phone, "email": who.email, "account": who.email,
        "application_type": type_, "passport_kind": product, "pages": pages, "validity_years": 5 if who.age(day) < 17 else 10,
        "service": "percepatan" if random.random() < mix.raw["percepatan"] else "reguler", "purpose": purpose,
    }  # fmt: skip
    if kind is not None and kind.destination is not None:
        form["dest_countries"] = [kind.destination(random)]
        form["stay_days"] = kind.stay[0] + int(random.random() * (kind.stay[1] - kind.stay[0] + 1))
    if type_ != "baru":
        form["prev_passport"] = numbers.passport(5 * 10**7 + who.number)
    form |= profile.form(random, day, common)
    told = {"purpose_confirmed": purpose, **profile.talk(random, day, common)}
    if form.get("dest_countries"):
        told["dest_countries"] = form["dest_countries"]
    if "stay_days" in form:
        told["stay_days"] = form["stay_days"]
    return Applicant(
        who, purpose, form, told, papers=profile.papers(random, day, common), siskop=profile.siskop(random, day, common),
        trips=0 if type_ == "baru" else int(random.random() * 4), channel=mix.channel(random),
    )  # fmt: skip


def cast_as(
    a: Applicant, scenario: Scenario, random: Random, day: date, common: Common, mix: Mix, group: Group | None
) -> Applicant:
    """Lay a scenario over an honest applicant."""
    common.person = a.who
    learnt = group.learnt if group else []
    form = scenario.part("form", random, day, common)
    if "own_phones" in learnt:
        form.pop("phone", None)
    a.form |= form
    if "phone" in form:
        a.phone_of = "organiser" if scenario.kind == "ring" else "licensed_group" if scenario.firm else "go_between"
    told = {name: form[name] for name in ("dest_countries", "stay_days") if name in form}
    a.told |= told | scenario.part("cover", random, day, common)
    a.true = scenario.part("talk", random, day, common)
    if scenario.truth == "ordinary":
        a.told |= a.true
        a.true = {}
    a.counter = scenario.part("counter", random, day, common)
    if not a.counter.get("escort_present"):
        a.counter = {}
    a.registry = scenario.part("registry", random, day, common)
    a.booking = scenario.part("booking", random, day, common)
    a.payment = scenario.part("payment", random, day, common)
    a.after = scenario.part("after", random, day, common)
    if scenario.papers:
        a.papers = scenario.single("papers", random, day, common)
    siskop = scenario.single("siskop", random, day, common)
    a.siskop = siskop if siskop is not ABSENT and siskop is not None else a.siskop
    if scenario.trips is not None:
        a.trips = scenario.trips
    if random.random() < scenario.percepatan:
        a.form["service"] = "percepatan"
    if scenario.channel != "kanim":
        a.channel, a.point = scenario.channel, f"{scenario.channel.upper()}-{group.desa if group else a.who.desa}"
    a.openness = scenario.openness * (0.4 if "coach" in learnt else 1.0)
    a.truth, a.scenario, a.group, a.party = scenario.truth, scenario.id, group, scenario.kind
    a.registry_down = scenario.registry_down
    return a
