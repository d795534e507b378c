"""`tppo case consent|withdraw-consent|break-glass`: what a person agreed to, and a look beyond one's task."""

from typing import Annotated

import typer
from rich.console import Console

from services.cli.case_calls import Actor, CaseId, Reason, Role, post, told
from services.cli.connection import connect, must


def consent(
    case_id: CaseId,
    agency: Annotated[
        list[str] | None, typer.Argument(help="community organisations that the person agreed to")
    ] = None,
    actor: Actor = "cli",
    how: Annotated[str, typer.Option(help="how it was asked")] = "dibacakan di ruang wawancara",
    role: Role = "officer",
    text: Annotated[
        str | None, typer.Option(help="version of the text that was read out; without it the newest")
    ] = None,
    guardian: Annotated[bool, typer.Option("--guardian", help="a parent or guardian agreed, for a child")] = False,
) -> None:
    """Without an agency: print what is to be read out. With: record that the person agreed."""
    with connect().client("referral", ["cases:read"], actor) as http:
        texts = must(http.get("/consent-texts"))
    version = text or max(texts, key=lambda name: str(texts[name]["valid_from"]))
    if not agency:
        typer.echo(f"{version}\n{texts[version]['text']['id']}\n\n{texts[version]['text']['en']}")
        return
    body = {"reason": how, "agencies": agency, "text": version, "given_by": "guardian" if guardian else "person"}
    given = post(f"/cases/{case_id}/consents", "cases:move", actor, role, body)
    typer.echo(
        f"{given['consent_ref']}: persetujuan dicatat / consent recorded; name it with `tppo case approve --consent`"
    )


def withdraw_consent(
    case_id: CaseId,
    consent_ref: Annotated[str, typer.Argument(help="reference of the consent")],
    actor: Actor,
    reason: Reason = "ditarik oleh pemohon",
    role: Role = "officer",
) -> None:
    """The person withdraws: what rests on the consent is taken back."""
    told(post(f"/cases/{case_id}/consents/{consent_ref}/withdraw", "cases:move", actor, role, {"reason": reason}))


def break_glass(case_id: CaseId, actor: Actor, reason: Reason, role: Role = "officer") -> None:
    """See the applicant's data for three hours. Two supervisors are told; the reason stays in the history."""
    opened = post(f"/cases/{case_id}/break-glass", "cases:read", actor, role, {"reason": reason})
    with connect().client("referral", ["cases:read"], actor, role=role) as http:
        found = must(http.get(f"/cases/{case_id}/applicant"))
    console = Console()
    console.print(
        f"[bold]{opened['case_ref']}[/] terbuka sampai / open until {found['until'][:16]} UTC; dua pengawas diberi tahu / two supervisors are told"
    )
    for name, value in found["values"].items():
        console.print(f"  {name}: {value}", markup=False, highlight=False)
