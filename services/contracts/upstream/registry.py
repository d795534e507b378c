"""Answers of registries. Sections `duk.`, `sis.`, `lic.`, `adj.`, `travel.`, `mission.`."""

from services.contracts import enums as e
from services.contracts.fields import (
    Code,
    Country,
    Date,
    Desa,
    Digits16,
    DoorModel,
    EntityRef,
    OpenCode,
    Text,
    Time,
    entities,
    fairness,
    keep,
    nested,
    niks,
    seal,
    token,
)  # fmt: skip
from services.contracts.upstream.base import UpstreamData


class DukcapilVerified(UpstreamData):
    """Civil registry look-up. `unavailable` is unknown, never a sign."""

    TYPES = ("dukcapil.verified",)
    PREFIX = "duk"

    match: e.DukcapilMatch = keep("result of the look-up", required=True)
    birth_date: Date | None = seal("date of birth in the registry")
    sex: e.Sex | None = fairness("sex in the registry")
    marital_status: e.MaritalStatus | None = fairness("marital status in the registry")
    kk_no: Digits16 | None = token("household", "family card in the registry", leaves_as="household_token")
    parents: list[Digits16] | None = niks("NIK of the parents", leaves_as="parent_tokens")
    alive: bool | None = keep("the person is alive")
    parents_alive_married: bool | None = keep("both parents live and are married to each other")
    last_change_at: Date | None = keep("date of the last change")
    last_change_kind: OpenCode | None = keep("tgl_lahir, pindah, pecah_kk …")
    new_household_unrelated_adults: int | None = keep("unrelated adults in the household after a move", ge=0, le=1000)
    domicile_desa_code: Desa | None = keep("desa of the domicile in the registry")
    first_ktp_at: Date | None = seal("date of the first KTP")
    marriage_registered_at: Date | None = seal("date of the registered marriage")


class Siskop2miVerified(UpstreamData):
    """Placement registry look-up."""

    TYPES = ("siskop2mi.verified",)
    PREFIX = "sis"

    status: e.SiskopStatus = keep("status in SISKOP2MI", required=True)
    p3mi_no: Code | None = keep("licence of the placement company")
    destination: Country | None = keep("country of placement, ISO 3166")
    job_sector: e.JobSector | None = keep("sector of the placement")
    contract_verified: bool | None = keep("the contract was verified")
    registered_before: bool | None = keep("an earlier placement is on record")


class LicenseSnapshot(UpstreamData):
    """One licence as of a day."""

    TYPES = ("license.snapshot",)
    PREFIX = "lic"
    HAS_APPLICATION = False

    kind: e.LicenceKind = keep("kind of licence", cls="N", required=True)
    license_no: Code = keep("licence number", cls="N", required=True)
    name: Text = keep("name of the holder, a firm", cls="N", required=True)
    status: e.LicenceStatus = keep("status on the day", cls="N", required=True)
    valid_to: Date | None = keep("end of validity", cls="N")


class AdjudicationCompleted(UpstreamData):
    """Central check of earlier passports, biometrics, cekal and SOI."""

    TYPES = ("adjudication.completed",)
    PREFIX = "adj"

    result: e.AdjudicationResult = keep("result of the central check", cls="S", required=True)
    codes: list[OpenCode] | None = keep("coded reasons", cls="S", max_length=50)


class Trip(DoorModel):
    """One journey."""

    country: Country = keep("country, ISO 3166", required=True)
    departed_at: Date | None = keep("date of departure")
    returned_at: Date | None = keep("date of return")
    overstay: bool | None = keep("stayed longer than allowed")


class TravelHistory(UpstreamData):
    """Border crossings of the last five years."""

    TYPES = ("travel.history",)
    PREFIX = "travel"

    status: OpenCode | None = keep("available or unavailable")
    trips: list[Trip] | None = nested("journeys of the last five years")


class MissionAlertPublished(UpstreamData):
    """A warning by a mission or by KP2MI."""

    TYPES = ("mission_alert.published",)
    PREFIX = "mission"
    HAS_APPLICATION = False

    entities: list[EntityRef] | None = entities("employers, hosts or agents warned of")
    country: Country | None = keep("country, ISO 3166")
    valid_to: Date | None = keep("end of the warning; 180 days at most")


class PassportCrossed(UpstreamData):
    """A border crossing after issue."""

    TYPES = ("passport.crossed",)
    PREFIX = "crs"

    direction: OpenCode | None = keep("out or in")
    port: Text | None = keep("border post")
    country: Country | None = keep("other country, ISO 3166")
    at: Time | None = keep("time of crossing")
