"""Numbers that belong to nobody, by construction; each function says why. No clock, no file.

The system under test must treat them as real: NIK pass the structure rules, phones are valid for `phonenumbers`.
"""

from datetime import date

# Prefixes (calling code, then national digits) under which no number is given out: valid by pattern, and the carrier table of
# libphonenumber, which follows the national numbering plans, knows no operator for any of them. A test holds both.
UNASSIGNED = {
    "ID": "+62866", "AU": "+614441", "BN": "+6737857", "CN": "+861655", "DE": "+491580", "ES": "+347334", "HK": "+8526838",
    "JP": "+817098", "KH": "+8558746", "KR": "+821069", "MM": "+959902", "MY": "+601068", "NL": "+316887", "QA": "+9745740",
    "SA": "+9665157", "SG": "+659702", "TH": "+666356", "TR": "+905946", "TW": "+886947", "VN": "+849540",
}  # fmt: skip
LENGTH = {
    "ID": 14, "AU": 12, "BN": 11, "CN": 14, "DE": 14, "ES": 12, "HK": 12, "JP": 13, "KH": 12, "KR": 13, "MM": 11, "MY": 12,
    "NL": 12, "QA": 12, "SA": 13, "SG": 11, "TH": 12, "TR": 13, "TW": 13, "VN": 12,
}  # fmt: skip
FIRST_SERIAL = 9000
SERIALS = 1000


def nik(kecamatan: str, birth: date, sex: str, number: int) -> str:
    """A serial counts the people born on one day and registered in one kecamatan; it never gets to 9000.

    `number` is the how-manieth person of that kecamatan: two people of one kecamatan differ as long as fewer than a
    thousand are made.
    """
    day = birth.day + (40 if sex == "P" else 0)
    return f"{kecamatan}{day:02d}{birth:%m%y}{FIRST_SERIAL + number % SERIALS}"


def kk(kecamatan: str, registered: date, number: int) -> str:
    """A family card number with a serial from 9000 on, as above."""
    return f"{kecamatan}{registered:%d%m%y}{FIRST_SERIAL + number % SERIALS}"


def phone(number: int, country: str = "ID", spelling: int = 0) -> str:
    """A number under a prefix that is given to no operator. Indonesian ones in one of three usual spellings."""
    prefix = UNASSIGNED[country]
    digits = LENGTH[country] - len(prefix)
    full = f"{prefix}{number % 10**digits:0{digits}d}"
    if country != "ID" or spelling == 0:
        return full
    local = full[3:]
    return f"0{local}" if spelling == 1 else f"0{local[:3]}-{local[3:7]}-{local[7:]}"


def email(number: int) -> str:
    """`.example` is a domain that cannot exist (RFC 2606)."""
    return f"pemohon.{number}@surat.example"


def passport(number: int) -> str:
    """Indonesian passport numbers have one letter and seven digits; these have eight."""
    return f"X{number % 10**8:08d}"


def ip(number: int) -> str:
    """Addresses of the private block 10/8, a /24 each."""
    return f"10.{number // 256 % 256}.{number % 256}.7"
