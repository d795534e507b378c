"""Whose territory an application is of. Pure."""

from typing import Any


def kabupaten(facts: dict[str, Any], territory: str) -> str | None:
    """Four digits: where the person lives, or where the registry has them; the NIK's as a last resort (section 1).

    None where the place does not matter (`any`).
    """
    if territory == "any":
        return None
    domicile = facts.get("app", {}).get("domicile_desa_code")
    registry = facts.get("duk", {}).get("domicile_desa_code")
    first, second = (registry, domicile) if territory == "registry" else (domicile, registry)
    found = first or (None if territory == "registry" else second) or facts.get("person", {}).get("nik_kab")
    return str(found)[:4] if found else None
