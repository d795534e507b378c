"""The closed lists of the event dictionary (R61): a value outside rejects the event. Open lists are `OpenCode`."""

from typing import Literal

ApplicationType = Literal["baru", "habis_berlaku", "penuh", "hilang", "rusak", "ubah_data"]
PassportKind = Literal["biasa", "elektronik", "polikarbonat"]
Service = Literal["reguler", "percepatan"]
# `berjaga_jaga` ("biar punya dulu") is a lawful answer and scores nothing. `kerja` is an interview answer (R06).
Purpose = Literal[
    "wisata", "umrah", "haji_reguler", "haji_khusus", "kunjungan_keluarga", "bekerja_pmi", "pelaut_niaga",
    "pelaut_perikanan", "magang", "studi", "bisnis_dinas", "berobat", "menikah_ikut_pasangan", "berjaga_jaga", "lainnya",
]  # fmt: skip
ConfirmedPurpose = Literal[
    "wisata", "umrah", "haji_reguler", "haji_khusus", "kunjungan_keluarga", "bekerja_pmi", "pelaut_niaga",
    "pelaut_perikanan", "magang", "studi", "bisnis_dinas", "berobat", "menikah_ikut_pasangan", "berjaga_jaga", "lainnya",
    "kerja",
]  # fmt: skip
ServiceChannel = Literal["kanim", "ulp", "ukk", "mpp", "eazy", "simpatik", "prioritas"]
Sex = Literal["L", "P"]
MaritalStatus = Literal["belum_kawin", "kawin", "cerai_hidup", "cerai_mati"]
DukcapilMatch = Literal["exact", "partial", "none", "unavailable"]
BmsResult = Literal["no_hit", "same_identity", "other_identity", "unavailable"]
SiskopStatus = Literal["registered_active", "registered_incomplete", "not_found", "unavailable"]
LicenceKind = Literal["p3mi", "ppiu", "pihk", "siuppak", "lpk_so", "kampus"]
LicenceStatus = Literal["active", "suspended", "revoked", "expired"]
AdjudicationResult = Literal["clear", "duplicate", "cekal", "soi_hit", "other_identity"]
DecisionOutcome = Literal[
    "approved", "deferred", "refused", "cancelled_duplicate", "cancelled_incomplete", "withdrawn"
]  # fmt: skip
CollectorRelation = Literal["self", "family", "proxy"]
ReturnKind = Literal["deported", "repatriated_victim", "self"]
JobSector = Literal[
    "rumah_tangga_perseorangan", "pabrik", "perkebunan", "konstruksi", "perhotelan", "kapal", "online_admin", "lainnya"
]  # fmt: skip
Payer = Literal["self", "family", "sponsor", "agent", "employer", "unknown"]
DocsHolder = Literal["self", "family", "agent", "other"]
RecruiterChannel = Literal[
    "official", "neighbour", "relative", "facebook", "tiktok", "whatsapp", "telegram", "lpk", "school", "unknown"
]  # fmt: skip
DebtTo = Literal["family", "bank", "employer", "agent", "sponsor", "recruiter", "other"]
DebtRepay = Literal["wage_cut", "collateral_land", "collateral_papers", "cash"]
FeeTo = Literal["individual", "lpk", "agent", "p3mi", "state"]
InterviewLevel = Literal["standard", "deep", "control_sample"]
ConsentParent = Literal["ayah", "ibu", "wali"]
OutcomeCode = Literal[
    "confirmed_tppo", "suspected_tppo_open", "pmi_np_not_tppo", "tppm", "fraud_not_tppo", "identity_error_not_crime",
    "cleared", "procedural_route_started", "declined_by_person", "unreachable", "no_capacity", "expired_no_answer",
]  # fmt: skip
Answer3 = Literal["yes", "no", "unknown"]
Dimension = Literal["process", "means", "purpose", "document", "network", "vulnerability"]
