"""The network loop inside risk: sightings, signals, suspicious links, rings. And the names of what comes back."""

from typing import Any, ClassVar, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.fields import Time
from services.contracts.message import Message, known

EntityKind = Literal[
    "subject", "household", "phone", "email", "account", "device", "ip_prefix", "address", "host_phone", "host_addr",
    "sponsor", "agent", "recruiter", "manning_agent", "lpk", "escort", "collector", "payer_account", "document_series",
    "image", "answers", "desa", "departure", "licence", "signer", "remote_office", "companion", "other_identity", "ring",
]  # fmt: skip


class EntitySeen(Message):
    """The full current row of one application at one entity."""

    TOPIC: ClassVar[str] = "entity-sightings"
    KEY: ClassVar[str] = "entity"

    entity: str = Field(description="token of the entity")
    entity_kind: EntityKind = Field(description="kind of entity")
    application_id: str = Field(description="member")
    seen_at: Time = Field(description="event time of the sighting")
    household: str | None = Field(None, description="household token; absent = a household of its own (R14)")
    group: str | None = Field(None, description="licensed group or verified institution")
    office: str = Field(description="office code")
    desa: str | None = Field(None, description="desa of the domicile")
    purpose: str | None = Field(None, description="purpose")
    destination: str | None = Field(None, description="first destination")
    outcome: str | None = Field(None, description="last known outcome of the member")
    subject: str | None = Field(None, description="subject token of the applicant")
    kin: list[str] | None = Field(None, description="subject tokens of the parents, by the registry")
    minor: bool | None = Field(None, description="the applicant is a minor")
    origin: str | None = Field(None, description="kecamatan of the KTP (R44)")
    weak: bool | None = Field(None, description="a name without a phone: shown, never counted (R04)")
    position: int | None = Field(None, description="place in a series of documents (R63)")
    day: str | None = Field(None, description="date that the kind compares: issue of a document")
    fingerprint: str | None = Field(None, description="64-bit hash, hex, of kinds that compare by distance (R63)")
    host: str | None = Field(None, description="host's phone or address, for answers that are alike (R54)")
    past: dict[str, Any] | None = Field(
        None, description="kind subject: what later applications of the person may be told, coded"
    )
    record_version: int = Field(description="version of the member's record; readers keep the highest")

    def encode(self) -> bytes:
        """The bytes of every message, without pydantic's walk: all values are plain, and some four an event are sent (measured)."""
        return orjson.dumps(known(self), option=orjson.OPT_SORT_KEYS)


class EntityUnseen(Message):
    """The application no longer names the entity."""

    TOPIC: ClassVar[str] = "entity-sightings"
    KEY: ClassVar[str] = "entity"

    entity: str = Field(description="token of the entity")
    entity_kind: EntityKind = Field(description="kind of entity")
    application_id: str = Field(description="member")
    record_version: int = Field(description="version of the member's record")


class EntityMarked(Message):
    """An outcome, alert or tip marks an entity."""

    TOPIC: ClassVar[str] = "entity-sightings"
    KEY: ClassVar[str] = "entity"

    entity: str = Field(description="token of the entity")
    entity_kind: EntityKind = Field(description="kind of entity")
    mark: Literal["recruiter_confirmed", "unlicensed", "alerted", "mission_alert", "tip"] = Field(
        description="what is known"
    )
    marked_at: Time = Field(description="event time of the mark")
    expires_at: Time | None = Field(None, description="end of the mark")
    by: str = Field(description="role or agency that marked; never the source of a tip")
    mark_id: str | None = Field(None, description="identity of the mark: the same one counts once")
    sources: int | None = Field(None, description="independent sources of a tip (R55)")
    desa: str | None = Field(None, description="desa a tip speaks of: with it a name without a phone is enough")


class EntityReviewed(Message):
    """Something outside the network concerns the members of an entity: all of them are assessed again."""

    TOPIC: ClassVar[str] = "entity-sightings"
    KEY: ClassVar[str] = "entity"

    entity: str = Field(description="token or key of the entity")
    reason: str = Field(description="licence snapshot, allow-list")
    at: Time = Field(description="event time of what changed")
    review_id: str = Field(description="identity: the same one counts once")


class NetFacts(BaseModel):
    """`net.<kind>.`: what an entity says about this application. Kinds are those of `EntityKind`, and `remote_office` (people of one
    far kecamatan at one office with one contact or agent, R60) and `tip`. Whatever does not apply to a kind is absent."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    households: int | None = Field(None, description="distinct unrelated households in the window (R14, R15)")
    exact: bool | None = Field(None, description="the count is exact, not a lower bound of a hub")
    first_at: Time | None = Field(None, description="first sighting in the window")
    last_at: Time | None = Field(None, description="last sighting in the window")
    marked: list[str] | None = Field(None, description="marks that hold at the application's sighting")
    hub: bool | None = Field(None, description="past 200 unexcluded households")
    people: int | None = Field(None, description="distinct persons in the window")
    minors: int | None = Field(None, description="households among them whose applicant is a minor")
    purposes: int | None = Field(None, description="different purposes among them (R56)")
    origins: int | None = Field(None, description="different kecamatan of registration among them (R44)")
    burst: bool | None = Field(
        None, description="more than the season explains, p < 0.001 (R57); absent without 90 days"
    )
    harmed: bool | None = Field(
        None, description="rate of bad outcomes: lower 90 % bound above 3 times the baseline, n ≥ 5"
    )
    sources: int | None = Field(None, description="independent sources of tips within 90 days (R55)")
    exclusions: list[str] | None = Field(None, description="why others were not counted: lawful explanations, by code")
    same_household: bool | None = Field(None, description="kinds companion and other_identity: of the same household")


class RingFacts(BaseModel):
    """`net.ring.`: the cluster that this application belongs to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ring_id: str | None = Field(None, description="ring")
    people: int | None = Field(None, description="members")
    kabupaten: int | None = Field(None, description="kabupaten of their domicile")
    density_pct: int | None = Field(None, description="links there are of those there could be, per cent")
    licensed_pct: int | None = Field(None, description="members of licensed groups, per cent")


class HistFacts(BaseModel):
    """`hist.`: the earlier applications, decisions, losses and returns of the same person, over all offices."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pages_24_before: bool | None = Field(None, description="an earlier passport had 24 pages")
    sis_before: bool | None = Field(None, description="an earlier placement is on record")
    losses_36_months: int | None = Field(None, description="distinct losses in 36 months (R59)")
    lost_abroad_risk: bool | None = Field(None, description="lost in a scam hub or the Middle East")
    pmi_refusal_other_office: bool | None = Field(
        None, description="refused or deferred as PMI-NP elsewhere, 24 months (R41)"
    )
    purpose_switched: bool | None = Field(None, description="from work to visit in 180 days (R41)")
    returned_12_months: list[str] | None = Field(None, description="kinds of return in 12 months")
    tpi_pmi_np_24_months: bool | None = Field(None, description="stopped at the border as PMI-NP in 24 months")
    cleared_24_months: bool | None = Field(None, description="cleared in 24 months on the same facts")
    same_purpose_address: bool | None = Field(None, description="same purpose and address as the earlier passport")
    negative: bool | None = Field(None, description="any refusal, deferral as PMI-NP, border stop or deportation")


class LicFacts(BaseModel):
    """`lic.<role>.`: status of the licence that a role names, as of application.submitted (R24, R51, R67)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["active", "suspended", "revoked", "expired", "absent"] | None = Field(
        None, description="absent = a feed exists and does not list it"
    )
    kind: str | None = Field(None, description="kind of licence")
    name_matches: bool | None = Field(None, description="name told is the holder's")


class EntitySignalled(Message):
    """What one entity now says about one application."""

    TOPIC: ClassVar[str] = "entity-signals"
    KEY: ClassVar[str] = "application_id"

    application_id: str = Field(description="member")
    entity: str = Field(description="token of the entity")
    entity_kind: EntityKind = Field(description="kind of entity")
    net: NetFacts | None = Field(None, description="folded into `net.<kind>.`")
    ring: RingFacts | None = Field(None, description="folded into `net.ring.`")
    near: list[str] | None = Field(
        None, description="households counted, of kinds with several entities for one value (hashes compared by bands)"
    )
    hist: HistFacts | None = Field(None, description="folded into `hist.`")
    lic: dict[str, LicFacts] | None = Field(None, description="folded into `lic.<role>.`")
    exclusions: list[str] = Field(default=[], description="exclusions that were applied")
    record_version: int = Field(description="version of the entity's record; readers keep the highest")
    at: Time = Field(description="event time of what changed")


class LinkSuspected(Message):
    """An entity with three or more unrelated households: all its members."""

    TOPIC: ClassVar[str] = "suspicious-links"
    KEY: ClassVar[str] = "entity"

    entity: str = Field(description="token of the entity")
    entity_kind: EntityKind = Field(description="kind of entity")
    members: list[EntitySeen] = Field(description="every member")
    weak: bool | None = Field(None, description="a name without a phone: supports a ring and never ties one (R04)")
    record_version: int = Field(description="version of the entity's record")


# A shared one makes a cluster case (R45, `raises_cluster_case` in the catalogue). A phone alone does not: many a village has somebody who fills in
# the forms of all.
CASE_KINDS = frozenset(
    ("address", "host_phone", "host_addr", "sponsor", "agent", "recruiter", "manning_agent", "lpk", "escort", "collector", "payer_account")
)  # fmt: skip
LAWFUL_SHARE = 0.5
WIDE_MEMBERS, WIDE_KABUPATEN, WIDE_DENSITY = 8, 2, 0.2  # catalogue, 67


class RingAssessed(Message):
    """A cluster of applications and what ties it; members are presumed possible victims."""

    TOPIC: ClassVar[str] = "ring-assessments"
    KEY: ClassVar[str] = "ring_id"

    ring_id: str = Field(description="UUIDv5 of the earliest (seen_at, application_id)")
    members: list[str] = Field(description="applications")
    entities: list[dict[str, str]] = Field(description="kind and token of what ties it")
    kabupaten: list[str] = Field(default=[], description="kabupaten of the members' domiciles")
    first_at: Time = Field(description="first sighting")
    last_at: Time = Field(description="last sighting")
    density: float = Field(ge=0, le=1, description="edges over possible edges")
    licensed_share: float = Field(ge=0, le=1, description="share of members in a licensed group")
    hypothesis_id: str = Field(description="hypothesis, Indonesian")
    hypothesis_en: str = Field(description="hypothesis, English")
    supports: list[dict[str, str]] | None = Field(
        None,
        description="kind and token of names without a phone that several members gave: for a person to compare (R04)",
    )
    supersedes: list[str] = Field(default=[], description="rings this one takes the place of")
    record_version: int = Field(description="version of the ring")

    @property
    def asks_for_a_case(self) -> bool:
        """One of the kinds of R45 ties it, or it reaches over kabupaten (catalogue, 67), and its members are not mostly of licensed groups: that is
        a tour. The applications still tell their own signs."""
        wide = (
            len(self.members) >= WIDE_MEMBERS and len(self.kabupaten) >= WIDE_KABUPATEN and self.density > WIDE_DENSITY
        )
        grave = wide or any(entity["kind"] in CASE_KINDS for entity in self.entities)
        return bool(self.members) and grave and self.licensed_share < LAWFUL_SHARE
