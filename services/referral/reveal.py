"""Which fields of the vault a field group holds (agencies.md, section 3), and the call that gets them."""

from typing import Any

import httpx

from services.referral.case import Case, Referral
from services.runtime.identity import Signer

# R0, R6, R7 and R8 need nothing of the vault. There is no field for a safe contact yet: the phone on the form may be the
# recruiter's, so it is in no group.
GROUPS: dict[str, tuple[str, ...]] = {
    "R1": ("app.full_name", "app.nik", "app.birth_date"),
    "R1(4)": ("app.full_name", "app.nik", "app.birth_date"),
    "R2": ("app.domicile_desa_code", "app.domicile_addr"),
    "R3": ("app.purpose", "app.dest_countries", "app.depart_date"),
    "R4": ("app.nik", "app.kk_no", "app.birth_date", "doc.items"),
    "R5": ("app.agent", "app.sponsor", "app.agent_license_no", "app.manning_agent", "int.lpk", "int.recruiter"),
}


class Unreachable(ConnectionError):
    """Intake did not answer; nothing was revealed."""


class Refused(Exception):
    """The vault shows nothing of this application: erased, or restricted at the person's request."""


class Vault:
    """Asks intake; nothing that comes back is stored."""

    def __init__(self, url: str, signer: Signer) -> None:
        self._http = httpx.Client(base_url=url, timeout=10)
        self._signer = signer

    def reveal(self, case: Case, referral: Referral, actor: str) -> dict[str, Any]:
        """Clear values of the referral's field groups; a NIK is cut to its last four digits where the group says so."""
        fields = [] if case.members else sorted({name for group in referral.fields for name in GROUPS.get(group, ())})
        found = self._ask(case, referral, actor, fields) if fields else {}
        if "R1" not in referral.fields and "R4" not in referral.fields and "app.nik" in found:
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

    def _ask(self, case: Case, referral: Referral, actor: str, fields: list[str]) -> dict[str, Any]:
        token = self._signer.token("referral", "tppo-intake", ["vault:reveal"])
        body = {
            "application_id": case.application_id, "fields": fields, "purpose": "referral", "safety": case.must_act,
            "case_ref": referral.referral_ref, "actor": actor,
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
