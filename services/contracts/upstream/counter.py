"""What is seen and checked at the counter. Sections `chk.`, `doc.`, `bio.`, `fld.`."""

from services.contracts import enums as e
from services.contracts.fields import (
    Code,
    Date,
    DoorModel,
    Hash64,
    OpenCode,
    PersonRef,
    Text,
    Time,
    keep,
    nested,
    person,
    seal,
    token,
)  # fmt: skip
from services.contracts.upstream.base import UpstreamData


class ApplicantCheckedIn(UpstreamData):
    """QR scanned at the front desk."""

    TYPES = ("applicant.checked_in",)
    PREFIX = "chk"

    checked_in_at: Time | None = keep("time of check-in", cls="N")
    escort_present: bool | None = keep("somebody came along", cls="N")
    spoke_via_escort: bool | None = keep("the escort spoke for the applicant", cls="N")
    escort: PersonRef | None = person("who came along")
    escort_relation: OpenCode | None = keep("relation of the escort as told (R31)")
    originals_held_by_escort: bool | None = keep("the escort brought the originals and the applicant cannot take them")


class DocumentItem(DoorModel):
    """One paper on the counter."""

    type: OpenCode = keep(
        "kind of paper: akta, ijazah, kk, buku_pelaut, bst, surat_lembaga, spph, daftar_rombongan …", required=True
    )
    issuer: Code | None = keep("who issued it; the licence number for a group list (R18)", cls="N")
    issued_at: Date | None = keep("date of issue", cls="N")
    verdict: OpenCode | None = keep("result of the check: verified, not_listed, valid, invalid, unavailable …", cls="N")
    number: Text | None = token("document", "number of the paper")
    image_phash: Hash64 | None = keep("perceptual hash of the scan, 64 bits as hex", cls="T")
    birth_date: Date | None = seal("date of birth that the paper shows")
    text_hash: Hash64 | None = keep("hash of the text of a letter, 64 bits as hex", cls="T")
    signer: PersonRef | None = person("who signed a letter")
    signer_verified: bool | None = keep("the signer was confirmed by the desa")


class DocumentsChecked(UpstreamData):
    """Papers seen at the document desk."""

    TYPES = ("documents.checked",)
    PREFIX = "doc"

    items: list[DocumentItem] = nested("papers that were shown", required=True)
    missing: list[OpenCode] | None = keep("papers that are missing; an empty list means none", cls="N", max_length=100)


class BiometricsCaptured(UpstreamData):
    """Photo and fingerprints taken; only the result of the comparison comes here."""

    TYPES = ("biometrics.captured",)
    PREFIX = "bio"

    bms_result: e.BmsResult = keep("result of the biometric comparison", cls="S", required=True)
    other_identity: Text | None = token("subject", "NIK of the other identity", cls="S")


class FieldVisitCompleted(UpstreamData):
    """Home check by a field officer."""

    TYPES = ("field_visit.completed",)
    PREFIX = "fld"

    found_at_address: bool | None = keep("the person lives there", cls="C")
    family_informed: bool | None = keep("the family knows of the plan", cls="C")
    note_codes: list[OpenCode] | None = keep("coded notes", cls="C", max_length=50)
