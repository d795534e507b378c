"""Applicants in danger, and hard negatives: what their answers show. Truth is simple here; the simulated world takes its place."""

from datetime import timedelta

from services.simulator.application import Application, Trouble
from services.simulator.people import person


def _threatened(a: Application) -> None:
    a.talk |= {"threat_disclosed": True, "told_what_to_say": True, "docs_holder": "agent"}
    a.decision = "deferred"


def _minor_worker(a: Application) -> None:
    a.who = person(a.random, 500 + a.number, a.day, age=15, kabupaten="3304")
    a.purpose, a.siskop = "bekerja_pmi", "not_found"
    a.form |= {"purpose": "bekerja_pmi", "dest_countries": ["MY"], "stay_days": 730, "parent_consents": []}
    a.talk |= {"purpose_confirmed": "kerja", "employer_known": False, "job_known": False}
    a.decision = "deferred"


def _debt(a: Application) -> None:
    a.purpose, a.siskop = "wisata", "not_found"
    a.form |= {"purpose": "wisata", "dest_countries": ["TH"], "stay_days": 60, "host_phone": "+85512345678"}
    a.talk |= {
        "purpose_confirmed": "kerja", "employer_known": False, "job_known": True, "payer": "sponsor", "debt_idr": 25_000_000,
        "debt_to": "sponsor", "debt_repay": "wage_cut", "cost_paid_idr": 5_000_000, "fee_to": "individual", "fee_receipt": False,
        "recruiter_channel": "tiktok", "recruiter_met": False, "dest_countries": ["KH"], "stay_days": 365,
    }  # fmt: skip
    a.decision = "deferred"


def _domestic(a: Application) -> None:
    a.purpose, a.siskop = "umrah", "not_found"
    a.form |= {"purpose": "umrah", "dest_countries": ["SA"], "stay_days": 90, "agent_license_no": "PPIU-102"}
    a.talk |= {
        "purpose_confirmed": "kerja",
        "job_sector": "rumah_tangga_perseorangan",
        "employer_known": False,
        "payer": "sponsor",
        "told_what_to_say": True,
    }
    a.decision = "deferred"


def _forged(a: Application) -> None:
    a.registry = {"match": "none"}
    a.form |= {"birth_date": (a.who.birth - timedelta(days=700)).isoformat()}
    a.talk |= {"docs_holder": "agent", "family_informed": False}
    a.decision = "deferred"


def _with_aunt(a: Application) -> None:
    a.who = person(a.random, 500 + a.number, a.day, age=12, kabupaten="3301")
    a.purpose = "kunjungan_keluarga"
    a.form |= {
        "purpose": "kunjungan_keluarga",
        "dest_countries": ["MY"],
        "companions": [{"relation": "bibi"}],
        "parent_consents": [{"parent": "ayah", "verified": True}],
    }
    a.talk |= {"purpose_confirmed": "kunjungan_keluarga"}


def _ex_pmi(a: Application) -> None:
    """A hard negative: worked abroad before, travels now."""
    a.purpose = "wisata"
    a.form |= {"purpose": "wisata", "dest_countries": ["SG"]}
    a.talk |= {"purpose_confirmed": "wisata"}


TROUBLE: dict[int, Trouble] = {
    7: _threatened, 23: _minor_worker, 41: _debt, 58: _debt, 77: _domestic, 96: _forged, 112: _with_aunt, 140: _ex_pmi,
}  # fmt: skip
