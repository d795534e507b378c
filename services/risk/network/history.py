"""The past of a person: what an application leaves behind, and what it means for another one of the same person. Pure.

Everything looks back from the submission of the application that is judged (R41, R62): later things change nothing for it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.contracts.fields import parse_time
from services.contracts.passport_events import EventAccepted

MONTH = timedelta(days=30.44)
# Where a lost passport is a warning, beside the scam hubs of the policy (catalogue, 28: "lost abroad in scam_hub/ME").
MIDDLE_EAST = frozenset(
    {"AE", "BH", "EG", "IL", "IQ", "IR", "JO", "KW", "LB", "OM", "PS", "QA", "SA", "SY", "TR", "YE"}
)
WORK = frozenset({"bekerja_pmi", "kerja", "magang", "pelaut_niaga", "pelaut_perikanan"})
VISIT = frozenset({"wisata", "umrah", "kunjungan_keluarga"})  # R41
STOPPED = frozenset({"refused", "deferred"})
SUSPECTED = frozenset({"dugaan_pmi_np", "PMI_NP", "pmi_np"})
PAST_24, PAST_12, PAST_36 = 24 * MONTH, 12 * MONTH, 36 * MONTH
SWITCHED = timedelta(days=180)


def of(events: Sequence[EventAccepted], facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What this application may tell a later one; coded."""
    app, dec = facts["app"], facts["dec"]
    decided = next((e.at for e in reversed(events) if e.data.get("outcome") == dec.get("outcome")), None)
    outcome = facts["out"].get("code")
    past = {
        "submitted_at": facts["calc"]["submitted_at"],
        "office": [e.office_code for e in events if e.type == "application.submitted"][-1],
        "purpose": app.get("purpose"),
        "countries": sorted(app.get("dest_countries", ())) or None,
        "host": app.get("host_phone_token") or app.get("host_addr_token"),
        "address": app.get("domicile_addr_token"),
        "decision": [dec["outcome"], dec.get("reason_code"), decided] if dec.get("outcome") and decided else None,
        "pages": facts["prn"].get("pages") or (app.get("pages") if facts["prn"] else None),
        "placed": facts["sis"].get("status") in ("registered_active", "registered_incomplete") or None,
        "losses": [[e.at, e.data.get("place")] for e in events if e.type == "passport.lost_reported"] or None,
        "returns": [[e.at, e.data["kind"]] for e in events if e.type == "return.recorded"] or None,
        "stops": [[e.at, e.data["reason_code"]] for e in events if e.type == "departure.deferred"] or None,
        "cleared_at": (facts["out"].get("decided_at") or _last(events, "referral.outcome"))
        if outcome == "cleared"
        else None,
    }
    return {name: value for name, value in past.items() if value is not None}


def told(
    own: Mapping[str, Any], others: Iterable[Mapping[str, Any]], hubs: Collection[str] = frozenset()
) -> dict[str, Any]:
    """Section `hist.` of the application that left `own`, from the others of the same person; `hubs` by the policy of its day."""
    here = parse_time(own["submitted_at"])
    earlier = [p for p in others if parse_time(p["submitted_at"]) < here]
    everything = [*earlier, own]
    losses = {(at, place) for p in everything for at, place in p.get("losses", ()) if _within(at, here, PAST_36)}
    returns = sorted({k for p in everything for at, k in p.get("returns", ()) if _within(at, here, PAST_12)})
    stops = any(r in SUSPECTED for p in everything for at, r in p.get("stops", ()) if _within(at, here, PAST_24))
    stopped = [p for p in earlier if _suspected(p, here)]
    last = max(earlier, key=lambda p: (parse_time(p["submitted_at"]), repr(p)), default=None)
    found = {
        "pages_24_before": any(p.get("pages") == 24 for p in earlier),
        "sis_before": any(p.get("placed") for p in earlier),
        "losses_36_months": len(losses),
        "lost_abroad_risk": any(place in MIDDLE_EAST or place in hubs for _, place in losses),
        "pmi_refusal_other_office": any(p.get("office") != own.get("office") for p in stopped),
        "purpose_switched": any(_switched(p, own, here) for p in earlier),
        "returned_12_months": returns,
        "tpi_pmi_np_24_months": stops,
        "cleared_24_months": any(
            "cleared_at" in p and _within(p["cleared_at"], here, PAST_24) and _same_plan(p, own) for p in earlier
        ),
        "negative": bool(stopped or stops or set(returns) & {"deported"}),
    }
    if last is not None and "address" in last and "address" in own and "purpose" in last:
        found["same_purpose_address"] = last["purpose"] == own.get("purpose") and last["address"] == own["address"]
    return found


def _within(at: str, here: datetime, past: timedelta) -> bool:
    return here - past <= parse_time(at) <= here


def _suspected(past: Mapping[str, Any], here: datetime) -> bool:
    """Refused or deferred as PMI-NP; papers, duplicates and withdrawals do not count (R41)."""
    if "decision" not in past:
        return False
    outcome, reason, at = past["decision"]
    return outcome in STOPPED and reason in SUSPECTED and _within(at, here, PAST_24)


def _switched(past: Mapping[str, Any], own: Mapping[str, Any], here: datetime) -> bool:
    if past.get("purpose") not in WORK or own.get("purpose") not in VISIT:
        return False
    same = bool(set(past.get("countries", ())) & set(own.get("countries", ()))) or (
        "host" in past and past["host"] == own.get("host")
    )
    return same and _within(past["submitted_at"], here, SWITCHED)


def _same_plan(past: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """The same facts: purpose and countries."""
    return past.get("purpose") == own.get("purpose") and past.get("countries") == own.get("countries")


def _last(events: Sequence[EventAccepted], type_: str) -> str:
    return [e.at for e in events if e.type == type_][-1]
