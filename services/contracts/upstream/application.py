"""application.submitted: the M-Paspor form is complete. Section `app.`."""

from typing import Literal

from services.contracts import enums as e
from services.contracts.fields import (
    Code,
    Count,
    Country,
    Date,
    Desa,
    Digits16,
    DoorModel,
    OpenCode,
    PersonRef,
    Text,
    fairness,
    keep,
    nested,
    person,
    seal,
    token,
)  # fmt: skip
from services.contracts.upstream.base import UpstreamData


class Companion(DoorModel):
    """Somebody who travels along."""

    nik: Digits16 | None = token("subject", "NIK of the companion", leaves_as="subject_token")
    relation: OpenCode | None = keep("relation to the applicant as told (R31)")


class ParentConsent(DoorModel):
    """Consent for a minor."""

    parent: e.ConsentParent = keep("who consents: father, mother or court guardian", cls="S", required=True)
    verified: bool | None = keep("the consent was verified", cls="S")


class ApplicationSubmitted(UpstreamData):
    """M-Paspor form complete."""

    TYPES = ("application.submitted",)
    PREFIX = "app"

    nik: Digits16 = token("subject", "NIK of the applicant", leaves_as="subject_token", required=True)
    kk_no: Digits16 | None = token("household", "number of the family card", leaves_as="household_token")
    full_name: Text = seal("name as on the KTP", required=True, min_length=1)
    birth_place: Text | None = seal("place of birth")
    birth_date: Date = seal("date of birth", required=True)
    sex: e.Sex | None = fairness("sex as on the KTP; compared with the NIK at the door, never an input")
    marital_status: e.MaritalStatus | None = fairness("marital status; never an input")
    occupation: Text | None = seal("occupation; prohibited as an input")
    account: Text | None = token("account", "M-Paspor account")
    email: Text | None = token("email", "e-mail of the account")
    phone: Text | None = token("phone", "phone of the applicant")
    ktp_desa_code: Desa | None = keep("desa of the KTP, Kemendagri code without dots")
    domicile_desa_code: Desa | None = keep("desa where the person lives, Kemendagri code without dots")
    domicile_addr: Text | None = token("address", "street of the domicile")
    application_type: e.ApplicationType = keep("kind of application", cls="N", required=True)
    passport_kind: e.PassportKind | None = keep("passport product", cls="N")
    pages: Literal[24, 48] | None = keep("24 (PMI book) or 48", cls="N")
    validity_years: Literal[5, 10] | None = keep("5 or 10 years", cls="N")
    service: e.Service | None = keep("percepatan = same day, + Rp 1,000,000", cls="N")
    purpose: e.Purpose = keep("declared purpose of the passport", required=True)
    dest_countries: list[Country] | None = keep("ISO 3166 codes of the countries to be visited", max_length=50)
    exit_point: Text | None = keep("IATA code or port name of departure (R49)")
    depart_date: Date | None = keep("planned departure")
    stay_days: Count | None = keep("planned stay, days")
    host_name: Text | None = seal("name of the person to be visited")
    host_phone: Text | None = token("phone", "phone of the person to be visited")
    host_addr: Text | None = token("address", "address of the person to be visited")
    sponsor: PersonRef | None = person("who sponsors the journey")
    agent: PersonRef | None = person("agent or organiser")
    agent_license_no: Code | None = keep("licence number of the agent", cls="N")
    id_pmi: Text | None = seal("KP2MI identity")
    seaman_book_no: Text | None = token("document", "number of the buku pelaut")
    bst_no: Text | None = token("document", "number of the basic safety training certificate")
    vessel_name: Text | None = keep("vessel, seafarers only", cls="N")
    vessel_flag: Country | None = keep("flag state of the vessel, ISO 3166", cls="N")
    manning_agent: PersonRef | None = person("manning agency, seafarers only")
    manning_license_no: Code | None = keep("licence number of the manning agency", cls="N")
    companions: list[Companion] | None = nested("people who travel along")
    parent_consents: list[ParentConsent] | None = nested("consents, minors only")
    prev_passport: Text | None = token("passport", "number of the earlier passport")
