"""The life of one application: an honest applicant of some purpose, with all events in the upstream format."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from services.contracts.calendar import WIB
from services.simulator.people import Person, person

SOURCE = "urn:simkim:cilacap"
OFFICE = "CLP"
Event = dict[str, Any]
Step = tuple[str, datetime, dict[str, Any]]
Trouble = Callable[["Application"], None]

# purpose: share in percent, destinations (practice.md, section 7)
PURPOSES: dict[str, tuple[float, tuple[str, ...]]] = {
    "umrah": (38, ("SA",)), "haji_reguler": (6, ("SA",)), "wisata": (24, ("MY", "SG", "TH", "JP", "TR")),
    "pelaut_niaga": (6, ("SG", "TW")), "pelaut_perikanan": (3, ("TW",)), "kunjungan_keluarga": (7, ("MY", "HK", "TW")),
    "bekerja_pmi": (7, ("TW", "HK", "KR", "JP")), "magang": (3, ("JP",)), "studi": (2, ("AU", "MY")),
    "bisnis_dinas": (1.5, ("SG",)), "berobat": (0.5, ("MY",)), "berjaga_jaga": (2, ()),
}  # fmt: skip


def event(id_: str, type_: str, subject: str, at: datetime, data: dict[str, Any], **more: str) -> Event:
    return {
        "specversion": "1.0", "id": id_, "source": SOURCE, "type": type_, "subject": subject, "time": at.isoformat(),
        "officecode": OFFICE, "datacontenttype": "application/json", "data": data, **more,
    }  # fmt: skip


class Application:
    """The life of one application."""

    def __init__(self, random: Random, number: int, day: date, trouble: "Trouble | None") -> None:
        self.random, self.number, self.day = random, number, day
        self.id = f"CLP-{day:%Y%m%d}-{number:04d}"
        self.visit = datetime.combine(day, time(8), WIB) + timedelta(minutes=int(random.triangular(0, 420, 90)))
        self.applied = self.visit - timedelta(days=random.randint(2, 9), minutes=random.randint(0, 600))
        self.purpose = random.choices(list(PURPOSES), [share for share, _ in PURPOSES.values()])[0]
        self.who: Person = person(random, number, day)
        self.form: dict[str, Any] = {}
        self.talk: dict[str, Any] = {}
        self.registry: dict[str, Any] = {"match": "exact"}
        self.counter: dict[str, Any] = {"escort_present": False}
        self.siskop: str | None = None
        self.decision = "approved"
        self.trouble = trouble

    def events(self) -> list[Event]:
        self._ordinary()
        if self.trouble:
            self.trouble(self)
        return [event(f"{self.id}-{n}", t, self.id, at, data) for n, (t, at, data) in enumerate(self._life())]

    def _ordinary(self) -> None:
        """An honest applicant of this purpose."""
        random = self.random
        places = PURPOSES[self.purpose][1]
        self.form = {
            "application_type": "baru" if random.random() < 0.55 else "habis_berlaku", "passport_kind": "elektronik",
            "pages": 48, "validity_years": 10, "service": "reguler", "purpose": self.purpose,
            "stay_days": random.choice((5, 7, 10, 14)), "occupation": "wiraswasta", "marital_status": random.choice(("kawin", "belum_kawin")),
        }  # fmt: skip
        self.talk = {
            "interview_level": "standard", "officer": f"petugas-{random.randint(1, 6)}", "duration_s": random.randint(120, 420),
            "purpose_confirmed": self.purpose, "payer": "self", "docs_holder": "self", "knows_itinerary": random.randint(2, 3),
            "return_ticket": True, "family_informed": True, "told_what_to_say": False, "threat_disclosed": False,
            "wants_help": False, "told_to_change_visa": False, "spoke_freely": True, "group_size": 1, "note_codes": [],
        }  # fmt: skip
        if places:
            self.form["dest_countries"] = [random.choice(places)]
            self.form["depart_date"] = (self.day + timedelta(days=random.randint(20, 120))).isoformat()
        if self.purpose == "umrah":
            self.form |= {"agent": {"name": "PT Amanah Contoh Wisata"}, "agent_license_no": "PPIU-101"}
        if self.purpose == "bekerja_pmi":
            self.form |= {
                "agent": {"name": "PT Karya Contoh Mandiri"},
                "agent_license_no": "P3MI-201",
                "stay_days": 730,
            }
            self.talk |= {
                "employer_known": True,
                "job_known": True,
                "contract_seen": True,
                "job_sector": "pabrik",
                "debt_idr": 0,
            }
            self.siskop = "registered_active"
        if self.purpose.startswith("pelaut"):
            self.form |= {
                "seaman_book_no": f"C{self.number:06d}",
                "bst_no": f"B{self.number:06d}",
                "manning_license_no": "SIU-301",
            }
            self.talk |= {"contract_seen": True}
        if self.purpose == "magang":
            self.form |= {"agent": {"name": "LPK Sakura Contoh"}, "agent_license_no": "SO-401"}
            self.talk |= {"employer_known": True, "job_known": True}
        if self.purpose == "kunjungan_keluarga":
            self.form |= {
                "host_name": "Keluarga Contoh",
                "host_phone": {"MY": "+60123450000", "HK": "+85251230000", "TW": "+886912340000"}[
                    self.form["dest_countries"][0]
                ],
            }
            self.talk |= {"host_relation": "kakak"}

    def _life(self) -> Iterator[Step]:
        yield from self._booking()
        yield from self._visit()
        yield from self._decision()

    def _booking(self) -> Iterator[Step]:
        random, who, at = self.random, self.who, self.applied
        identity = {
            "nik": who.nik, "kk_no": who.kk_no, "full_name": who.name, "birth_place": "Cilacap", "sex": who.sex,
            "birth_date": who.birth.isoformat(), "ktp_desa_code": who.desa, "domicile_desa_code": who.desa,
            "domicile_addr": who.street, "phone": who.phone, "email": who.email, "account": who.email,
        }  # fmt: skip
        yield "application.submitted", at, identity | self.form
        if random.random() < 0.03:
            yield "payment.expired", at + timedelta(hours=2), {"billing_id": f"B{self.number:05d}A"}
        paid = at + timedelta(minutes=random.randint(3, 110))
        payment = {
            "billing_id": f"B{self.number:05d}",
            "paid_at": paid.isoformat(),
            "amount": 650000,
            "channel": "bank",
            "payer_account": who.email,
        }
        yield "payment.received", paid, payment
        slot = {
            "slot_at": self.visit.isoformat(),
            "booked_at": paid.isoformat(),
            "device": f"device-{self.number}",
            "ip": f"10.{self.number % 200}.7.9",
        }
        yield "appointment.booked", paid + timedelta(minutes=2), slot
        if random.random() < 0.12:
            yield "appointment.rescheduled", paid + timedelta(hours=20), slot

    def _visit(self) -> Iterator[Step]:
        random, who = self.random, self.who
        yield "applicant.checked_in", self.visit, {"checked_in_at": self.visit.isoformat()} | self.counter
        yield "documents.checked", self.visit + timedelta(minutes=12), {"items": self._papers(), "missing": []}
        looked = self.visit + timedelta(minutes=14)
        answer = {
            "birth_date": who.birth.isoformat(),
            "sex": who.sex,
            "kk_no": who.kk_no,
            "alive": True,
            "domicile_desa_code": who.desa,
        }
        if random.random() < 0.03:
            yield "dukcapil.verified", looked - timedelta(minutes=1), {"match": "unavailable"}
        yield "dukcapil.verified", looked, (answer if self.registry["match"] != "none" else {}) | self.registry
        if self.registry["match"] == "none":
            yield "dukcapil.verified", looked + timedelta(minutes=65), self.registry
        yield "biometrics.captured", self.visit + timedelta(minutes=25), {"bms_result": "no_hit"}
        if self.siskop:
            yield (
                "siskop2mi.verified",
                self.visit + timedelta(minutes=27),
                {"status": self.siskop}
                | ({"contract_verified": True, "p3mi_no": "P3MI-201"} if self.siskop == "registered_active" else {}),
            )
        yield "travel.history", self.visit + timedelta(minutes=28), {"status": "available", "trips": []}
        yield "interview.completed", self.visit + timedelta(minutes=35), self.talk
        yield "adjudication.completed", self.visit + timedelta(minutes=70), {"result": "clear"}

    def _decision(self) -> Iterator[Step]:
        decided = self.visit + timedelta(minutes=80)
        if self.decision != "approved":
            yield (
                f"application.{self.decision}",
                decided,
                {"outcome": self.decision, "reason_code": "dugaan_pmi_np", "officer": "petugas-1"},
            )
            return
        yield "application.approved", decided, {"outcome": "approved", "officer": "petugas-1"}
        yield (
            "passport.printed",
            decided + timedelta(minutes=20),
            {"passport_no": f"X{9000000 + self.number}", "pages": 48, "validity_years": 10},
        )
        yield (
            "passport.collected",
            decided + timedelta(minutes=40),
            {"collected_at": (decided + timedelta(minutes=40)).isoformat(), "collector_relation": "self"},
        )

    def _papers(self) -> list[dict[str, Any]]:
        papers: list[dict[str, Any]] = [
            {"type": "ktp", "verdict": "verified"},
            {
                "type": "akta",
                "issuer": "disdukcapil",
                "number": f"AL-{self.number:06d}",
                "verdict": "verified",
                "birth_date": self.who.birth.isoformat(),
            },
        ]
        if self.purpose.startswith("pelaut"):
            papers += [{"type": "buku_pelaut", "verdict": "valid"}, {"type": "bst", "verdict": "valid"}]
        if self.purpose == "haji_reguler":
            papers.append({"type": "spph", "issuer": "kemenag", "verdict": "verified"})
        if self.purpose == "umrah" and self.number % 3:
            papers.append({"type": "daftar_rombongan", "issuer": "PPIU-101", "verdict": "verified"})
        return papers
