"""Letters on paper: a referral for an agency that works without a computer, and the letter to an applicant who must wait. Pure.

Plain HTML that prints on A4; every value is escaped. Indonesian, for the people who read it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from services.contracts.calendar import WIB
from services.referral.case import Case, Referral

_PAGE = """<!doctype html><html lang="id"><head><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: 2cm }}
body {{ font: 12pt/1.45 serif; max-width: 17cm; margin: 2em auto; color: #000 }}
h1 {{ font-size: 14pt; text-align: center; text-transform: uppercase; margin: 1.2em 0 }}
table {{ border-collapse: collapse; width: 100%; margin: .6em 0 }}
th, td {{ text-align: left; vertical-align: top; padding: .25em .5em; border: 1px solid #999 }}
th {{ width: 38%; font-weight: normal; background: #f3f3f3 }}
.head {{ text-align: center; border-bottom: 2px solid #000; padding-bottom: .5em }}
.urgent {{ border: 2px solid #000; padding: .4em; text-align: center; font-weight: bold }}
.sign {{ margin-top: 2.5em; display: flex; justify-content: space-between }}
.box {{ display: inline-block; width: .9em; height: .9em; border: 1px solid #000; margin-right: .5em }}
</style></head><body><div class="head">{office}</div>{body}</body></html>"""
# Field names as people write them.
NAMES = {
    "app.full_name": "Nama", "app.nik": "NIK", "app.birth_date": "Tanggal lahir", "app.domicile_desa_code": "Kode desa domisili",
    "app.domicile_addr": "Alamat domisili", "app.purpose": "Tujuan", "app.dest_countries": "Negara tujuan",
    "app.depart_date": "Rencana berangkat", "app.kk_no": "Nomor KK", "doc.items": "Dokumen", "app.agent": "Agen",
    "app.sponsor": "Sponsor", "app.agent_license_no": "Nomor izin agen", "app.manning_agent": "Agen awak kapal", "int.lpk": "LPK",
    "int.recruiter": "Perekrut",
}  # fmt: skip


def referral(
    case: Case, asked: Referral, values: Mapping[str, Any], codes: Iterable[str], agency: str, office: str, now: datetime
) -> str:  # fmt: skip
    """A referral letter with the fields of its groups and the answers to tick. It holds personal data: it is revealed and recorded."""
    rows = [("Nomor rujukan", asked.referral_ref), ("Nomor kasus", case.case_ref), ("Kepada", agency),
            ("Mohon dijawab sebelum", _when(asked.deadline))]  # fmt: skip
    rows += [(NAMES.get(name, name), _text(value)) for name, value in values.items()]
    rows += [(f"{ref} ({entity.kind})", "lihat di atas") for ref, entity in asked.entities.items()]
    signs = [f["sentence_id"] for f in case.findings] if "R6" in asked.fields else []
    body = "<h1>Surat Rujukan</h1>"
    body += '<p class="urgent">SEGERA: menyangkut keselamatan</p>' if asked.urgent else ""
    body += f"<p><b>{escape(asked.question_id)}</b></p>{_table(rows)}"
    body += f"<p>Tanda yang terlihat (bukan keputusan):</p>{_list(signs)}" if signs else ""
    body += "<p>Jawaban (beri tanda pada satu):</p>" + "".join(
        f'<div><span class="box"></span>{escape(code)}</div>' for code in ("acknowledged (diterima)", *codes)
    )
    body += (
        "<p>Surat ini memuat data pribadi (UU 27/2022). Pakailah hanya untuk pertanyaan di atas, jangan diperbanyak, dan jangan "
        "menghubungi nomor telepon dalam permohonan: nomor itu mungkin milik perekrut.</p>"
    )
    body += f'<div class="sign"><div>{escape(_when(now))}</div><div>Nama, jabatan, tanda tangan penjawab</div></div>'
    return _PAGE.format(title=escape(asked.referral_ref), office=escape(office), body=body)


def deferral(
    case: Case, legal_ref: str, deadline: datetime, office: str, contacts: Sequence[str], now: datetime
) -> str:
    """What an applicant who must wait takes home: what is missing, until when, whom to ask, how to object."""
    if case.deferral is None:
        raise ValueError("the case has no deferral")
    body = f"<h1>Pemberitahuan Penundaan</h1><p>Nomor: {escape(case.case_ref)}</p>"
    body += "<p>Permohonan paspor Saudara <b>ditunda, belum ditolak</b>. Mohon lengkapi:</p>" + _list(
        case.deferral.bring
    )
    body += _table(
        [("Paling lambat", _when(deadline)), ("Dasar hukum", legal_ref), ("Tempat bertanya", "; ".join(contacts))]
    )
    body += f"<p>Cara mengajukan keberatan: {escape(case.deferral.objection)}</p>"
    body += (
        "<p>Penundaan atau penolakan paspor <b>bukan catatan kejahatan</b>. Bila ingin bekerja di luar negeri, Disnaker dan P4MI "
        "membantu lewat jalur resmi tanpa biaya dari Saudara; petugas dapat mengantar Saudara hari ini juga.</p>"
    )
    body += f'<div class="sign"><div>{escape(_when(now))}</div><div>Kepala Kantor</div></div>'
    return _PAGE.format(title=escape(case.case_ref), office=escape(office), body=body)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in rows) + "</table>"


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(each)}" for name, each in value.items())
    return str(value)


def _when(moment: datetime) -> str:
    months = (
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    )
    local = moment.astimezone(WIB)
    return f"{local.day} {months[local.month - 1]} {local.year}, pukul {local:%H.%M} WIB"
