"""How kinds of entities are called, Indonesian and English."""

from collections.abc import Mapping

KIND_WORDS: Mapping[str, tuple[str, str]] = {
    "subject": ("pemohon", "applicant"), "household": ("keluarga (KK)", "household"), "phone": ("nomor HP", "phone"),
    "email": ("e-mail", "e-mail"), "account": ("akun M-Paspor", "M-Paspor account"),
    "device": ("perangkat", "device"), "ip_prefix": ("jaringan internet", "network address"),
    "address": ("alamat", "address"), "host_phone": ("nomor tuan rumah", "host's phone"),
    "host_addr": ("alamat tuan rumah", "host's address"), "sponsor": ("sponsor", "sponsor"),
    "agent": ("agen", "agent"), "recruiter": ("perekrut", "recruiter"),
    "manning_agent": ("agen awak kapal", "manning agent"), "lpk": ("LPK", "training institute"),
    "escort": ("pengantar", "escort"), "collector": ("pengambil paspor", "collector"),
    "payer_account": ("rekening pembayar", "paying account"), "document_series": ("seri dokumen", "document series"),
    "image": ("gambar surat", "image of a letter"), "answers": ("jawaban wawancara", "answers"),
    "desa": ("desa", "village"), "departure": ("keberangkatan", "departure"), "licence": ("izin", "licence"),
    "signer": ("penanda tangan", "signer"), "remote_office": ("kantor jauh", "far office"),
    "companion": ("teman seperjalanan", "companion"), "other_identity": ("identitas lain", "other identity"),
    "ring": ("jaringan", "ring"),
}  # fmt: skip
