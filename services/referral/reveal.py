"""Which fields of the vault a field group holds (agencies.md, section 3), and the call that gets them."""

from typing import Any

import httpx

from services.referral.case import Case, Referral
from services.runtime.identity import Signer

# R0 and R6 to R9 need nothing of the vault. There is no field for a safe contact yet: the phone on the form may be the recruiter's,
# so it is in no group.
GROUPS: dict[str, tuple[str, ...]] = {
    "R1": ("app.full_name", "app.nik", "app.birth_date"),
    "R1(4)": ("app.full_name", "app.nik", "app.birth_date"),
    "R2": ("app.domicile_desa_code", "app.domicile_addr"),
    "R3": ("app.purpose", "app.dest_countries", "app.depart_date"),
    "R4": ("app.nik", "app.kk_no", "app.birth_date", "doc.items"),
    "R5": ("app.agent", "app.sponsor", "app.agent_license_no", "app.manning_agent", "int.lpk", "int.recruiter"),
}


def of_case(case: Case, referral: Referral) -> dict[str, Any]:
    """What the groups hold that is in the case itself: needs (R7), the consent (R8), the coded interview (R9). No free text exists."""
    told, found = case.facts.get("int", {}), dict[str, Any]()
    if "R7" in referral.fields:
        needs = {"minor": case.facts.get("person", {}).get("is_minor"), "support_need": told.get("support_need")}
        found["needs"] = {name: value for name, value in needs.items() if value is not None}
    consent = case.consent(referral.consent_ref)
    if "R8" in referral.fields and consent is not None:
        found["consent"] = consent.model_dump(mode="json", include={"consent_ref", "text", "given_by", "at"})
    if "R9" in referral.fields:
        found["interview"] = {k: v for k, v in told.items() if not k.endswith(("_token", "_simhash"))}
    return found


class Unreachable(ConnectionError):
    """Intake did not answer; nothing was revealed."""


class Refused(Exception):
    """The vault shows nothing of this application: erased, or restricted at the person's request."""


class Vault:
    """Asks intake; nothing that comes back is stored."""

    def __init__(self, url: str, signer: Signer) -> None:
        self._http = httpx.Client(base_url=url, timeout=10)
        self._signer = signer

    def reveal(self, case: Case, groups: list[str], ref: str, actor: str, purpose: str) -> dict[str, Any]:
        """Clear values of field groups; a NIK is cut to its last four digits where the groups say so. A ring has none."""
        fields = [] if case.members else sorted({name for group in groups for name in GROUPS.get(group, ())})
        found = self._ask(case, fields, ref, actor, purpose) if fields else {}
        if "R1" not in groups and "R4" not in groups and "app.nik" in found:
            found["app.nik"] = f"…{found['app.nik'][-4:]}"
        return found

    def token(self, kind: str, value: str, actor: str) -> str:
        """Token of a value that somebody outside named; the value is not kept. ValueError when it is none of its kind."""
        key = self._signer.token("referral", "tppo-intake", ["vault:tokens"])
        try:
            answer = self._http.post(
                "/vault/tokens",
                json={"kind": kind, "value": value, "actor": actor, "purpose": "referral"},
                headers={"Authorization": f"Bearer {key}"},
            )
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from None
        if answer.status_code == 422:
            raise ValueError(f"is no {kind} that can be read")
        if answer.status_code != 200:
            raise Unreachable(f"intake answered {answer.status_code}")
        return str(answer.json()["token"])

    def _ask(self, case: Case, fields: list[str], ref: str, actor: str, purpose: str) -> dict[str, Any]:
        token = self._signer.token("referral", "tppo-intake", ["vault:reveal"])
        body = {
            "application_id": case.application_id, "fields": fields, "purpose": purpose, "safety": case.must_act,
            "case_ref": ref, "actor": actor,
        }  # fmt: skip
        try:
            answer = self._http.post("/vault/reveal", json=body, headers={"Authorization": f"Bearer {token}"})
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from None
        if answer.status_code == 404:
            return {}
        if answer.status_code in (409, 410):
            raise Refused(answer.json()["detail"])
        if answer.status_code != 200:
            raise Unreachable(f"intake answered {answer.status_code}")
        values: dict[str, Any] = answer.json()["values"]
        return values
