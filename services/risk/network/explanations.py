"""Lawful reasons why many people share something (indicators.md, section 7). Pure.

A member with one is not counted: everywhere, or at the kinds of entity that `kinds.yaml` names.
"""

from collections.abc import Mapping
from typing import Any

from services.risk.network.kinds import KINDS

Facts = Mapping[str, Mapping[str, Any]]
# Explanations that take a member out of every count; those of one kind stand in kinds.yaml (indicators.md, section 7).
EVERYWHERE = ("licensed", "institution", "haji", "crew")
# R46, indicators.md section 7: people whose work it is to come along.
HELPERS = frozenset({
    "disability_helper", "pendamping_disabilitas", "perangkat_desa", "pimpasa", "relawan_lsm", "ketua_rombongan",
    "tour_leader", "muthawif", "guru", "petugas_lembaga",
})  # fmt: skip
CHANNELS = frozenset({"marketplace", "minimarket"})  # pay for anybody (catalogue, 54)
FROM_PAPERS_ON = ("doc", "int", "dec", "prn")  # filled when the papers are checked, and by all that comes after
FIELD_SERVICE = ("eazy", "simpatik")


def explanations(facts: Facts) -> dict[str, str]:
    """By code, with what they rest on."""
    found: dict[str, str] = {}
    app, lic = facts["app"], facts["lic"]
    if lic.get("agent", {}).get("status") == "active" and not any(facts[section] for section in FROM_PAPERS_ON):
        # A list is handed in with the papers (R18): before them nobody can know of it, and what is missing is not suspicious.
        found["licensed"] = f"list_awaited:{app.get('agent_license_no')}"
    for item in facts["doc"].get("items", ()):
        kind, verdict, issuer = item["type"], item.get("verdict"), item.get("issuer")
        if kind == "daftar_rombongan" and verdict == "verified" and issuer:
            for role, number in (("agent", app.get("agent_license_no")), ("p3mi", facts["sis"].get("p3mi_no"))):
                if issuer == number and lic.get(role, {}).get("status") == "active":
                    found["licensed"] = f"licensed:{number}"
        elif kind == "surat_lembaga" and verdict == "verified_callback":
            found["institution"] = f"institution:{issuer or 'letter'}"
        elif kind == "spph" and verdict == "verified" and issuer == "kemenag":
            found["haji"] = "haji:kemenag"
    if str(app.get("purpose", "")).startswith("pelaut") and lic.get("manning_agent", {}).get("status") == "active":
        found["crew"] = f"crew:{app.get('manning_license_no')}"
    point = str(facts["svc"].get("point", ""))
    if facts["svc"].get("channel") in FIELD_SERVICE and point.startswith(("EAZY-", "SIMPATIK-")):
        found["event"] = f"event:{point}"
    if facts["chk"].get("escort_relation") in HELPERS:
        found["helper"] = f"helper:{facts['chk']['escort_relation']}"
    if facts["pay"].get("channel") in CHANNELS:
        found["channel"] = f"channel:{facts['pay']['channel']}"
    return found


def of_all(found: Mapping[str, str]) -> str | None:
    """The one that takes the application out of every count."""
    return next((found[code] for code in EVERYWHERE if code in found), None)


def of_kind(kind: str, found: Mapping[str, str]) -> str | None:
    """The one that takes it out of the counts of this kind."""
    return next((found[code] for code in (KINDS[kind].excludes if kind in KINDS else ()) if code in found), None)


def is_lawful(group: str | None) -> bool:
    """Of the whole application. A marketplace that pays for anybody makes no tour, nor does a list that is still awaited."""
    return group is not None and group.partition(":")[0] in EVERYWHERE
