"""Event files for the signs that no scenario of the cast is about: as the passport system would send them. Nobody here exists."""

from typing import Any

from tests.build import FORM, upstream

PHONE, OTHER = "+60111234567", "+60117654321"
Events = list[dict[str, Any]]


def form(n: int, day: str, **data: Any) -> dict[str, Any]:
    """The application of person number `n`, of a household of its own."""
    own = {"nik": f"33010405079{n:05}", "kk_no": f"33010401012{n:05}"}
    return event(n, day, "application.submitted", **(FORM | own | data))


def event(n: int, day: str, type_: str, hour: int = 9, **data: Any) -> dict[str, Any]:
    id_ = f"{type_}-{n}-{day}-{hour}"
    return upstream(type_, data, subject=f"CLP-S-{n:05}", id=id_, time=f"{day}T{hour:02}:00:00+07:00")


def talk(n: int, day: str, **data: Any) -> dict[str, Any]:
    return event(n, day, "interview.completed", 11, **data)


def of_the_same(n: int, other: int) -> dict[str, str]:
    """Person `other` applies again as application `n`."""
    return {"nik": f"33010405079{other:05}", "kk_no": f"33010401012{other:05}"}


DAY, LATER = "2026-05-11", "2026-05-14"
DESA = "3301012001"
FAR = "3529022001"  # Sumenep, at the other end of Java
FILES: dict[str, Events] = {
    "family_visit_host_unverifiable": [
        form(1, DAY, purpose="kunjungan_keluarga"), talk(1, LATER, host_relation="tidak tahu"),
    ],
    "seafarer_unlicensed_manning": [
        event(0, "2026-01-02", "license.snapshot", kind="siuppak", license_no="SIUPPAK-1", name="PT Contoh", status="active") | {"subject": "LIC-SIUPPAK-1"},
        form(2, DAY, purpose="pelaut_niaga", manning_agent={"name": "PT Lain"}, manning_license_no="SIUPPAK-9"),
    ],
    "nik_structure_invalid": [form(3, DAY, nik="3301049907909001"), event(3, DAY, "dukcapil.verified", match="partial")],
    "nik_sex_or_dob_conflict": [form(4, DAY, birth_date="1991-07-05"), event(4, DAY, "dukcapil.verified", match="partial")],
    "dukcapil_no_match": [
        form(5, DAY), event(5, DAY, "dukcapil.verified", 9, match="none"), event(5, DAY, "dukcapil.verified", 12, match="none"),
    ],
    "biometric_other_identity": [
        form(6, DAY), event(6, LATER, "biometrics.captured", bms_result="other_identity", other_identity="3301040507909999"),
    ],
    "repeat_lost_passport": [
        form(7, "2025-02-03", application_type="hilang"), event(7, "2025-02-03", "passport.lost_reported", 8, reported_at="2025-02-03T08:00:00+07:00"),
        form(8, DAY, application_type="hilang", **of_the_same(8, 7)), event(8, DAY, "passport.lost_reported", 8, reported_at=f"{DAY}T08:00:00+07:00"),
    ],
    "wage_promise_implausible": [
        form(9, DAY, dest_countries=["MY"]), talk(9, LATER, skill_required=False, wage_claimed_idr=30_000_000, job_sector="pabrik"),
    ],
    "only_knows_coordinator": [
        form(10, DAY, host_phone=PHONE), talk(10, LATER, knows_itinerary=0, recruiter={"name": "Contoh", "phone": PHONE}, group_size=3),
    ],
    "shared_device_sequential_booking": [
        e for n in range(11, 15)
        for e in (form(n, DAY), event(n, DAY, "appointment.booked", 10, slot_at=f"{LATER}T09:00:00+07:00", device="perangkat-9"))
    ],
    "village_burst": [
        form(20, "2025-10-01", domicile_desa_code=DESA), *(form(n, DAY, domicile_desa_code=DESA) for n in range(21, 31)),
    ],
    "remote_office_cluster": [
        form(n, DAY, ktp_desa_code=FAR, phone="+6281100000062") for n in range(140, 144)
    ],
    "false_family_group": [
        e for n in (31, 32)
        for e in (
            form(n, DAY, host_phone=OTHER, companions=[{"nik": "3301040507909500", "relation": "ibu"}]),
            event(n, DAY, "dukcapil.verified", match="exact", parents=[f"33010405076{n:05}", f"33010445076{n:05}"]),
        )
    ],
    "reapply_elsewhere_after_refusal": [
        form(33, "2026-03-02", purpose="wisata") | {"officecode": "SMG"},
        event(33, "2026-03-05", "application.refused", outcome="refused", reason_code="dugaan_pmi_np"),
        form(34, DAY, **of_the_same(34, 33)),
    ],
    "purpose_switch_after_refusal": [
        form(35, "2026-03-02", purpose="bekerja_pmi", dest_countries=["MY"]),
        form(36, DAY, dest_countries=["MY"], **of_the_same(36, 35)),
    ],
    "link_to_known_recruiter": [
        form(37, DAY, host_phone="+60113333333"),
        event(38, LATER, "referral.outcome", code="recruiter_confirmed", agency="polres", entities=[{"kind": "phone", "value": "+60113333333"}]),
    ],
    "deportee_quick_return": [
        form(39, "2024-03-04"), event(39, "2025-12-01", "return.recorded", kind="deported"), form(40, DAY, **of_the_same(40, 39)),
    ],
    "prior_departure_deferral": [
        form(41, "2025-03-04"), event(41, "2025-12-01", "departure.deferred", reason_code="PMI_NP"), form(42, DAY, **of_the_same(42, 41)),
    ],
    "near_majority_unverified": [
        form(43, DAY, nik="3301040507089001", birth_date="2008-07-05", purpose="bekerja_pmi"),
        event(43, DAY, "dukcapil.verified", 10, match="partial", first_ktp_at="2026-03-01"),
        event(43, LATER, "documents.checked", items=[{"type": "ktp", "verdict": "verified"}]),
        event(43, LATER, "biometrics.captured", 10, bms_result="other_identity", other_identity="3301040507909999"),
    ],
    "dependency_with_controlling_escort": [
        form(44, DAY), event(44, LATER, "applicant.checked_in", escort_present=True, spoke_via_escort=True, escort_relation="lainnya"),
        talk(44, LATER, support_need=["language"]),
    ],
    "soi_or_cekal_hit": [form(45, DAY), event(45, LATER, "adjudication.completed", result="cekal")],
    "tourism_no_itinerary": [
        form(60, DAY, dest_countries=["SG"], depart_date="2026-06-01"), talk(60, LATER, knows_itinerary=0, return_ticket=False),
    ],
    "former_pmi_now_visit": [
        form(61, "2023-05-11", purpose="bekerja_pmi"), event(61, "2023-05-20", "passport.printed", passport_no="X1234567", pages=24),
        form(62, DAY, **of_the_same(62, 61)),
    ],
    "urgent_service_paid_by_other": [
        e for n in range(63, 66)
        for e in (form(n, DAY, service="percepatan"), event(n, DAY, "payment.received", 10, billing_id=f"B-{n}", channel="bank", payer_account="rekening-7"))
    ],
    "civil_status_conflict": [
        form(66, DAY, marital_status="kawin"), event(66, DAY, "dukcapil.verified", 10, match="exact", marital_status="belum_kawin"),
    ],
    "answers_identical_across_people": [
        e for n in range(67, 71)
        for e in (form(n, DAY), talk(n, LATER, purpose_confirmed="wisata", knows_itinerary=1, return_ticket=True, payer="family", family_informed=True, docs_holder="self"))
    ],
    "form_vs_interview_conflict": [
        form(71, DAY, dest_countries=["SG"], stay_days=7), talk(71, LATER, purpose_confirmed="umrah", dest_countries=["SA"], stay_days=30),
    ],
    "shared_account_or_email": [form(n, DAY, account="akun-9") for n in range(72, 75)],
    "same_departure_date_route_group": [
        form(n, DAY, purpose="wisata" if n % 2 else "umrah", depart_date="2026-07-01", dest_countries=["SA"], exit_point="CGK") for n in range(75, 79)
    ],
    "public_tip_match": [
        form(79, DAY, host_phone="+60114444444"),
        event(80, LATER, "tip.received", entities=[{"kind": "phone", "value": "+60114444444"}], credibility=2) | {"subject": "TIP-1"},
    ],
    "mission_alert_match": [
        form(81, DAY, host_phone="+60115555555"),
        event(82, LATER, "mission_alert.published", entities=[{"kind": "phone", "value": "+60115555555"}], country="MY"),
    ],
    "agent_prior_bad_outcomes": [
        *(form(n, f"2026-03-{n - 40:02}", agent={"name": "CV Contoh", "phone": "+6281100000001"}) for n in range(50, 56)),
        *(event(n, f"2026-04-{n - 40:02}", "return.recorded", kind="deported") for n in range(50, 54)),
    ],
}  # fmt: skip
