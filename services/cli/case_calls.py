"""What the commands about cases share: their arguments, and one way to ask the officers' door."""

from typing import Annotated, Any

import typer

from services.cli.connection import connect, must

CaseId = Annotated[str, typer.Argument(help="id of the case")]
ReferralId = Annotated[str, typer.Argument(help="id of the referral")]
Actor = Annotated[str, typer.Option(help="who acts, a reference, no name")]
Reason = Annotated[str, typer.Option(help="why")]
Role = Annotated[str, typer.Option(help="officer, case_officer, supervisor, kakanim or kanwil")]


def at(case_id: str, referral_id: str, what: str) -> str:
    """Path of what is done with a referral."""
    return f"/cases/{case_id}/referrals/{referral_id}/{what}"


def post(path: str, scope: str, actor: str, role: str, body: dict[str, Any]) -> dict[str, Any]:
    """One decision of an officer; leaves the command with the reason when it is refused."""
    with connect().client("referral", [scope], actor, role=role) as http:
        answer: dict[str, Any] = must(http.post(path, json={k: v for k, v in body.items() if v is not None}))
    return answer


def told(case: dict[str, Any]) -> None:
    """Print how the case stands."""
    typer.echo(
        f"{case['case_ref']} {case['case_id']} is {case['state']}"
        + (f": {case['sentence']}" if case["sentence"] else "")
    )
