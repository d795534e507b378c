"""What an application shows to the network: one row for each thing it names, and what changed since the last time. Pure.

A row carries coded facts and tokens, nothing else. Rows follow the facts: what a correction took away is unseen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any
from zlib import crc32

from services.contracts import regions
from services.contracts.network import EntitySeen, EntityUnseen
from services.contracts.passport_events import EventAccepted
from services.contracts.tokens import version_of
from services.contracts.upstream import REGISTRY
from services.risk.network import history
from services.risk.network.explanations import explanations, of_all, of_kind

Facts = Mapping[str, Mapping[str, Any]]
# Kind, section, field of the token. All phones are one token space, so that a host may turn out to be a recruiter (R04).
NAMED = (
    ("household", "app", "household_token"), ("phone", "app", "phone_token"), ("email", "app", "email_token"),
    ("account", "app", "account_token"), ("address", "app", "domicile_addr_token"),
    ("host_phone", "app", "host_phone_token"), ("host_addr", "app", "host_addr_token"),
    ("sponsor", "app", "sponsor_token"), ("agent", "app", "agent_token"),
    ("manning_agent", "app", "manning_agent_token"), ("recruiter", "int", "recruiter_token"),
    ("lpk", "int", "lpk_token"), ("escort", "chk", "escort_token"), ("collector", "col", "collector_token"),
    ("payer_account", "pay", "payer_account_token"),
)  # fmt: skip
_BY_SECTION: dict[str, tuple[str, ...]] = {}
for _, _section, _name in NAMED:
    _BY_SECTION[_section] = (*_BY_SECTION.get(_section, ()), _name)
_WEAK = {name: f"{name.removesuffix('_token')}_weak" for _, _, name in NAMED}
SERIES = frozenset({"akta", "ijazah", "surat_izin", "surat_izin_keluarga"})  # catalogue, 25
LETTERS = frozenset(
    {"surat_undangan", "surat_sponsor", "pesanan_hotel", "surat_izin", "surat_izin_keluarga"}
)  # catalogue, 26: invitation, sponsor letter, hotel booking, consent letter; official forms and the KTP are all alike
CONSENTS = frozenset({"surat_izin", "surat_izin_keluarga"})
DEPARTURE_SPREAD = 2  # days (catalogue, 56)
# Contact or agent of a far group (catalogue, 62), and how far is far (R60).
CONTACTS = frozenset({"phone", "email", "agent", "recruiter"})
FAR_KM = 100


@dataclass(frozen=True)
class Shown:
    """All that an application shows: what its rows have in common, and by (kind, entity) what is the row's own.

    Rows are made into messages only when they are news: an application has some fifteen, and most events change none (measured).
    """

    common: dict[str, Any] = field(default_factory=dict)
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    alone: tuple[str, ...] = ()  # kinds of which it is known to show nothing: an answer, no missing fact

    @cached_property
    def checksum(self) -> int:
        """Of what the rows have in common."""
        return crc32(repr(self.common).encode())

    def row(self, kind: Any, entity: str, version: int) -> EntitySeen:
        return EntitySeen.trusted(
            entity=entity, entity_kind=kind, record_version=version, **(self.common | self.rows[kind, entity])
        )


def rows(application_id: str, events: Sequence[EventAccepted], facts: Facts, office_place: str | None = None) -> Shown:
    """`events` in order of event time. Nothing before the application is submitted. `office_place`: code of the office's kecamatan."""
    app = facts["app"]
    if "submitted_at" not in facts["calc"]:
        return Shown()
    submitted = facts["calc"]["submitted_at"]
    explained = explanations(facts)
    desa = app.get("domicile_desa_code") or facts["duk"].get("domicile_desa_code")
    common = {
        "application_id": application_id,
        "household": app.get("household_token") or facts["duk"].get("household_token"),
        "subject": app.get("subject_token"),
        "kin": sorted(facts["duk"].get("parent_tokens", ())) or None,
        "minor": facts["person"].get("is_minor"),
        "office": office_of(events),
        "desa": desa,
        "origin": (app.get("ktp_desa_code") or "")[:6] or None,
        "purpose": app.get("purpose"),
        "destination": next(iter(app.get("dest_countries", ())), None),
    }
    everywhere = of_all(explained)
    first = _first_named(events)
    far = _far(app, office_place)
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def see(kind: str, entity: str, at: str = submitted, **more: Any) -> None:
        group = everywhere or (of_kind(kind, explained) if explained else None)
        found[kind, entity] = {"seen_at": at, "group": group, **more}

    if app.get("subject_token"):
        see("subject", app["subject_token"], past=history.of(events, facts))
    for companion in app.get("companions", ()):
        if companion.get("subject_token"):
            see("companion", companion["subject_token"])
    if "other_identity_token" in facts["bio"]:
        see("other_identity", facts["bio"]["other_identity_token"])
    for kind, section, name in NAMED:
        token: str | None = facts[section].get(name)
        if token and not (kind == "collector" and _no_stranger(facts)):
            weak = True if facts[section].get(_WEAK[name]) else None
            more = {"outcome": fared(facts)} if kind == "agent" else {}
            at = first.get((section, name, token)) or submitted
            see(kind, token, at, weak=weak, **more)
            if far and kind in CONTACTS:
                see("remote_office", token, at, weak=weak)
    _booked(facts, see)
    _papers(facts, events, submitted, see)
    if print_ := facts["person"].get("answers_simhash"):
        told = next((e.at for e in events if e.type == "interview.completed"), submitted)
        host = app.get("host_phone_token") or app.get("host_addr_token")
        for entity in bands("answers", print_, 4, 1):
            see("answers", entity, told, fingerprint=print_, host=host)
    for entity in _departures(app):
        see("departure", entity)
    if desa:
        see("desa", f"desa.{desa}")
    for number in _licences(facts):
        see("licence", f"licence.{number}")
    nobody_far = far is False or (far and not any(kind == "remote_office" for kind, _ in found))
    return Shown(common, found, ("remote_office",) if nobody_far else ())


def _far(app: Mapping[str, Any], office_place: str | None) -> bool | None:
    """Registered more than 100 km from the office, whichever way the place of the kecamatan may be off; seafarers go where the
    harbour is (R60). None when a place is not known.
    """
    far = _apart(office_place or "", (app.get("ktp_desa_code") or "")[:6])
    return far and not str(app.get("purpose", "")).startswith("pelaut")


@lru_cache(maxsize=4096)
def _apart(office_place: str, kecamatan: str) -> bool | None:
    here, home = regions.place(office_place), regions.place(kecamatan)
    if here is None or home is None:
        return None
    return regions.distance_km(here, home) > FAR_KM + home.within_km


def changes(
    before: Mapping[str, int], now: Shown, application_id: str, version: int, was: Shown | None = None
) -> tuple[list[EntitySeen | EntityUnseen], dict[str, int]]:
    """What the network does not know yet; `before` and the second result hold a checksum by `kind entity`.

    `was`: what `before` was made of, when it is at hand: rows that are the same need no checksum again (measured).
    """
    known = was.rows if was is not None and was.common == now.common else {}
    news: list[EntitySeen | EntityUnseen] = []
    sums: dict[str, int] = {}
    for place, own in now.rows.items():
        name = f"{place[0]} {place[1]}"
        if name in before and known.get(place) == own:
            sums[name] = before[name]
            continue
        sums[name] = crc32(repr(own).encode(), now.checksum)
        if before.get(name) != sums[name]:
            news.append(now.row(*place, version))
    for gone in sorted(before.keys() - sums.keys()):
        kind: Any
        kind, _, entity = gone.partition(" ")
        news.append(
            EntityUnseen.trusted(entity=entity, entity_kind=kind, application_id=application_id, record_version=version)
        )
    return news, sums


def fared(facts: Facts) -> str | None:
    """How a client fared: what came after issue weighs more than what an office decided (catalogue, 64)."""
    if facts["ret"].get("kind") in ("deported", "repatriated_victim"):
        return str(facts["ret"]["kind"])
    if facts["tpi"].get("reason_code") in history.SUSPECTED:
        return STOPPED_AT_BORDER
    return facts["out"].get("code") or facts["dec"].get("outcome")


STOPPED_AT_BORDER = "stopped_at_border"


def bands(kind: str, fingerprint: str, parts: int, together: int) -> Iterator[str]:
    """Entities for a 64-bit hash: two that differ in at most `parts - together` bits share one of them (pigeonhole)."""
    bits = f"{int(fingerprint, 16):064b}"
    size = 64 // parts
    for places in combinations(range(parts), together):
        value = "".join(bits[p * size : (p + 1) * size] for p in places)
        yield f"{kind}.{'-'.join(map(str, places))}.{int(value, 2):x}"


def _no_stranger(facts: Facts) -> bool:
    """Only a proxy who is no family counts (catalogue, 53)."""
    return facts["col"].get("collector_relation") != "proxy"


def _first_named(events: Iterable[EventAccepted]) -> dict[tuple[str, str, str], str]:
    """When each token was named first, by section, field and token."""
    found: dict[tuple[str, str, str], str] = {}
    for event in events:
        section = REGISTRY[event.type].PREFIX if event.type in REGISTRY else ""
        for name in _BY_SECTION.get(section, ()):
            if token := event.data.get(name):
                found.setdefault((section, name, token), event.at)
    return found


def _booked(facts: Facts, see: Any) -> None:
    """A device; when it is unknown the prefix of its address stands for it (R42). At the time of submission."""
    device, prefix = facts["appt"].get("device_token"), facts["appt"].get("ip_prefix_token")
    if prefix:
        see("ip_prefix", prefix)
    if device or prefix:
        see("device", device or prefix)


def _papers(facts: Facts, events: Sequence[EventAccepted], submitted: str, see: Any) -> None:
    shown = next((e.at for e in events if e.type == "documents.checked"), submitted)
    for item in facts["doc"].get("items", ()):
        if item["type"] in SERIES and "series_token" in item:
            see("document_series", item["series_token"], shown, position=item["series_pos"], day=item.get("issued_at"))
        if item["type"] in LETTERS and "image_phash" in item:
            for entity in bands("image", item["image_phash"], 8, 2):
                see("image", entity, shown, fingerprint=item["image_phash"])
        if item["type"] in CONSENTS:
            if "signer_token" in item:
                see("signer", item["signer_token"], shown, weak=item.get("signer_weak") or None)
            if "text_hash" in item:
                see("signer", f"text.{item['text_hash']}", shown)


def _departures(app: Mapping[str, Any]) -> Iterator[str]:
    """Every day around which the departure lies within two: those who meet at one of them left within two days of it."""
    if not (app.get("depart_date") and app.get("dest_countries") and app.get("exit_point")):
        return
    place = app["exit_point"].strip().lower()
    for day in _days_around(app["depart_date"]):
        yield f"departure.{app['dest_countries'][0]}.{place}.{day}"


@lru_cache(maxsize=2048)
def _days_around(day: str) -> tuple[str, ...]:
    middle = date.fromisoformat(day)
    return tuple(str(middle + timedelta(days=n)) for n in range(-DEPARTURE_SPREAD, DEPARTURE_SPREAD + 1))


def _licences(facts: Facts) -> list[str]:
    numbers = (
        facts["app"].get("agent_license_no"), facts["app"].get("manning_license_no"),
        facts["int"].get("lpk_license_no"), facts["sis"].get("p3mi_no"),
    )  # fmt: skip
    return sorted({n for n in numbers if n})


def office_of(events: Iterable[EventAccepted]) -> str:
    """Where it was submitted last."""
    return [e.office_code for e in events if e.type == "application.submitted"][-1]


def is_token(entity: str) -> bool:
    """A keyed token, which moves to newer keys; the other entities are coded facts."""
    return version_of(entity) is not None
