"""What is said of a fault, in English and Indonesian, by the rule that found it. Never the value, only what kind of value it was."""

from collections.abc import Mapping
from typing import Any

from services.contracts.dead_letters import Fault

# rule: (English, Indonesian); {…} is filled from what pydantic knows of the limit.
TEXTS: dict[str, tuple[str, str]] = {
    "missing": ("is required", "wajib diisi"),
    "string_type": ("must be a text", "harus berupa teks"),
    "int_type": ("must be a whole number", "harus berupa bilangan bulat"),
    "int_from_float": ("must be a whole number", "harus berupa bilangan bulat"),
    "bool_type": ("must be true or false", "harus true atau false"),
    "list_type": ("must be a list", "harus berupa daftar"),
    "dict_type": ("must be an object", "harus berupa objek"),
    "model_type": ("must be an object", "harus berupa objek"),
    "literal_error": ("must be one of {expected}", "harus salah satu dari {expected}"),
    "string_pattern_mismatch": ("must have the form {pattern}", "harus berbentuk {pattern}"),
    "string_too_long": ("may have at most {max_length} characters", "paling banyak {max_length} karakter"),
    "string_too_short": ("must have at least {min_length} characters", "paling sedikit {min_length} karakter"),
    "too_long": ("may have at most {max_length} items", "paling banyak {max_length} butir"),
    "greater_than_equal": ("must be {ge} or more", "harus {ge} atau lebih"),
    "less_than_equal": ("must be {le} or less", "harus {le} atau kurang"),
    "date": ("must be a date YYYY-MM-DD", "harus tanggal YYYY-MM-DD"),
    "no_such_date": ("is not a date of the calendar", "bukan tanggal dalam kalender"),
    "time": ("must be a time as in RFC 3339 with offset, e.g. 2026-03-02T09:15:00+07:00", "harus waktu menurut RFC 3339 dengan zona, misalnya 2026-03-02T09:15:00+07:00"),
    "no_such_time": ("is not a time of the calendar", "bukan waktu dalam kalender"),
    "subject": ("must match [A-Za-z0-9._-]{{1,64}}", "harus sesuai [A-Za-z0-9._-]{{1,64}}"),
    "subject_is_nik": ("has the form of a NIK; an application id must be opaque", "berbentuk NIK; nomor permohonan tidak boleh NIK"),
    "json": ("is not JSON: line {line} column {column}", "bukan JSON: baris {line} kolom {column}"),
    "bom": ("begins with a byte order mark; send UTF-8 without it", "diawali byte order mark; kirim UTF-8 tanpa itu"),
    "empty": ("is empty", "kosong"),
    "utf8": ("is not UTF-8", "bukan UTF-8"),
    "duplicate_key": ("names a field twice in one object", "menyebut satu kolom dua kali dalam satu objek"),
    "cloudevent": ("a CloudEvent is a JSON object", "CloudEvent adalah objek JSON"),
    "event_size": ("an event has at most {bytes} bytes", "satu kejadian paling banyak {bytes} byte"),
    "unknown_type": ("is not an event type of the dictionary", "bukan jenis kejadian dalam kamus"),
    "major_version": ("must be {expected} or absent", "harus {expected} atau tidak ada"),
    "future": ("is more than 24 h in the future", "lebih dari 24 jam di masa depan"),
    "string_length": ("has more than {max} characters", "lebih dari {max} karakter"),
    "list_length": ("has more than {max} items", "lebih dari {max} butir"),
    "depth": ("is nested deeper than {max}", "bersarang lebih dalam dari {max}"),
    "nul": ("holds a NUL character", "memuat karakter NUL"),
    "not_yours": ("is not one this token may send for", "bukan milik pemegang token ini"),
    "born_after_event": ("lies after the event", "setelah waktu kejadian"),
    "outcome_of_type": ("must be {expected}, as the type says", "harus {expected}, sesuai jenis kejadian"),
    "evidence_due": ("must lie within {days} days after the event", "harus dalam {days} hari setelah kejadian"),
    "returned_before": ("lies before the departure", "sebelum tanggal berangkat"),
    "subject_licence": ("must be LIC- and the licence number", "harus LIC- dan nomor izin"),
    "subject_tip": ("must begin with TIP-", "harus diawali TIP-"),
    "erased": ("belongs to an application whose data was erased; nothing of it is taken any more", "termasuk permohonan yang datanya sudah dihapus; tidak diterima lagi"),
    "unexpected": ("a fault of ours: {kind}", "kesalahan di pihak kami: {kind}"),
}  # fmt: skip
OTHERWISE = ("is not as the dictionary says", "tidak sesuai kamus")
# What our own validators raise, by the text they raise it with.
RULE_OF = {
    "must be a date YYYY-MM-DD": "date", "is not a date of the calendar": "no_such_date",
    "is not a time of the calendar": "no_such_time", "must match [A-Za-z0-9._-]{1,64}": "subject",
    "has the form of a NIK; an application id must be opaque": "subject_is_nik",
    "must be a time as in RFC 3339 with offset, e.g. 2026-03-02T09:15:00+07:00": "time",
}  # fmt: skip
_KINDS = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    list: "list",
    dict: "object",
    type(None): "null",
}


def fault(path: str, rule: str, value_class: str | None = None, **known: Any) -> Fault:
    """A fault with both texts. KeyError for a rule that has none."""
    english, indonesian = TEXTS[rule]
    return Fault(
        path=path, rule=rule, reason=english.format(**known)[:300], reason_id=indonesian.format(**known)[:300],
        value_class=value_class,
    )  # fmt: skip


def of_pydantic(error: Mapping[str, Any], prefix: str) -> Fault:
    """A fault that pydantic found. Null in a required field is an absent field (events.md, section 11)."""
    path = prefix + ".".join(str(part) for part in error["loc"])
    rule = RULE_OF.get(error["msg"].removeprefix("Value error, "), error["type"])
    english, indonesian = TEXTS.get(rule, OTHERWISE)
    known = {name: _one_line(value) for name, value in error.get("ctx", {}).items() if name != "error"}
    return Fault(
        path=path, rule=rule, reason=english.format(**known)[:300], reason_id=indonesian.format(**known)[:300],
        value_class="absent" if rule == "missing" else kind_of(error["input"]),
    )  # fmt: skip


def kind_of(value: Any) -> str:
    """What kind of value it was, and for texts and lists how long."""
    kind = _KINDS.get(type(value), "other")
    return f"{kind} of {len(value)}" if isinstance(value, str | list) else kind


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())
