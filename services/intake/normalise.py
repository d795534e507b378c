"""One spelling per thing, before it is tokenised: otherwise two spellings of one phone are two entities.

Each function returns None when the value cannot be read as what it should be.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import phonenumbers

_TITLES = re.compile(r"\b(H|HJ|BIN|BINTI|DR|DRS|IR|KH|NY|TN|BPK|IBU|SDR|SDRI|ALM|ST|SH|SE|SPD|AMD|R|RR|RA)\b\.?")
_STREET_WORDS = (
    (re.compile(r"\b(JALAN|JLN|JL)\b\.?"), "JL"),
    (re.compile(r"\b(NOMOR|NOMER|NO)\b\.?"), "NO"),
    (re.compile(r"\bRUKUN TETANGGA\b"), "RT"),
    (re.compile(r"\bRUKUN WARGA\b"), "RW"),
)


@lru_cache(maxsize=4096)
def phone(value: str) -> str | None:
    """E.164, national numbers read as Indonesian."""
    try:
        number = phonenumbers.parse(value, "ID")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_countries(value: str) -> list[str] | None:
    """ISO 3166 codes that share the calling code of a number (R58)."""
    e164 = phone(value)
    if e164 is None:
        return None
    code = phonenumbers.parse(e164).country_code or 0
    found = [r for r in phonenumbers.region_codes_for_country_code(code) if len(r) == 2 and r.isalpha()]
    return sorted(found) or None


def email(value: str) -> str | None:
    """Lower case, without +tag."""
    local, at, domain = value.strip().lower().partition("@")
    if not at or not re.fullmatch(r"[^\s@]+", local) or not re.fullmatch(r"[^\s@]+\.[^\s@.]+", domain):
        return None
    return f"{local.partition('+')[0]}@{domain}"


def plain(value: str) -> str | None:
    """Letters and digits, upper case: accounts, documents, devices."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", value).upper()) or None


def account(value: str) -> str | None:
    return email(value) or plain(value)


def digits(value: str) -> str | None:
    return value if value.isdigit() else None


def name(value: str) -> str | None:
    """Upper case without accents, titles, bin and binti, punctuation."""
    text = unicodedata.normalize("NFKD", value.upper())
    text = _TITLES.sub(" ", re.sub(r"[^A-Z. ]", "", text))
    return " ".join(re.sub(r"[^A-Z]", " ", text).split()) or None


# Spellings of one sound in names of Java: old Dutch ones, Arabic transcriptions, letters that are heard alike.
_SOUNDS = (
    ("OE", "U"), ("DJ", "J"), ("TJ", "C"), ("NJ", "NY"), ("SJ", "S"), ("SY", "S"), ("SH", "S"), ("CH", "H"), ("KH", "H"), ("DH", "D"),
    ("TH", "T"), ("PH", "F"), ("V", "F"), ("Z", "S"), ("Q", "K"), ("X", "KS"), ("Y", "I"), ("J", "I"), ("W", "U"), ("H", ""), ("E", "A"),
)  # fmt: skip


def sound(value: str) -> str | None:
    """How a name sounds, words sorted: Moch. Soeharto and Suharto Mohamad are close to one another. A weak likeness."""
    clean = name(value)
    if clean is None:
        return None
    words = []
    for word in clean.split():
        for spelled, heard in _SOUNDS:
            word = word.replace(spelled, heard)
        words.append(re.sub(r"(.)\1+", r"\1", word))
    return " ".join(sorted(w for w in words if len(w) > 1)) or None


def street(value: str) -> str | None:
    """Jl/Jalan/Jln, No/Nomor, RT/RW, punctuation and leading zeros made alike (R44)."""
    text = unicodedata.normalize("NFKC", value).upper()
    for word, short in _STREET_WORDS:
        text = word.sub(short, text)
    text = re.sub(r"[^\w]+", " ", text)
    return " ".join(re.sub(r"\b0+(?=\d)", "", text).split()) or None


def ip_prefix(value: str) -> str | None:
    """The /24 of an IPv4 address, the /48 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return None
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


BY_KIND: dict[str, Callable[[str], str | None]] = {
    "subject": digits,
    "household": digits,
    "phone": phone,
    "email": email,
    "account": account,
    "address": street,
    "name": name,
    "fuzzy": sound,
    "document": plain,
    "passport": plain,
    "device": plain,
    "ip_prefix": ip_prefix,
    "officer": plain,
    "licence": plain,
}
