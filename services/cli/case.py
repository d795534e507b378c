"""`tppo case`: cases as officers see them."""

from typing import Annotated, Any

import typer
from rich.console import Console

from services.cli.connection import connect, must


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Cases: list, show, approve a referral.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(approve)
    app.add_typer(group, name="case")


def list_(
    state: Annotated[str | None, typer.Option(help="only cases in this state")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
) -> None:
    """Newest cases first: what fired, and which referrals wait."""
    with connect().client("referral", ["cases:read"]) as http:
        cases = must(http.get("/cases", params={"limit": limit} | ({"state": state} if state else {})))
    console = Console()
    for c in cases:
        level = f"level {c['level']}{', MUST ACT' if c['must_act'] else ', must review' if c['must_review'] else ''}"
        sent = sum(r["state"] != "planned" for r in c["referrals"])
        waiting = len(c["referrals"]) - sent
        console.print(
            f"[bold]{c['case_ref']}[/] {c['case_id']} · {c['state']} · {level} · {sent} sent, {waiting} waiting"
        )
        console.print(f"    {'; '.join(c['sentences'])}", highlight=False)
    console.print(f"{len(cases)} cases")


def show(case_id: Annotated[str, typer.Argument(help="id of the case")]) -> None:
    """One case: findings, referrals, history. The read is recorded."""
    with connect().client("referral", ["cases:read"]) as http:
        case = must(http.get(f"/cases/{case_id}"))
    console = Console()
    console.print(f"[bold]{case['case_ref']}[/] {case['application_id']} · {case['state']} · level {case['level']}")
    for finding in case["findings"]:
        console.print(
            f"  • {finding['sentence_id']} / {finding['sentence_en']}\n    yang membersihkan: {finding['clears_id']}"
        )
    _referrals(console, case["referrals"])
    console.print(f"Riwayat / history ({'utuh / intact' if case['history_intact'] else '[red]RUSAK / BROKEN[/]'}):")
    for entry in case["history"]:
        console.print(f"  {entry['at'][:19]} {entry['action']} · {entry['role']} {entry['actor']} · {entry['reason']}")


def _referrals(console: Console, referrals: list[dict[str, Any]]) -> None:
    console.print("Rujukan / referrals:")
    for r in referrals:
        console.print(
            f"  {r['referral_ref']} {r['referral_id']} → {r['agency_id']}: {r['question_id']} [{r['state']}, {r['mode']}, {r['deadline'][:16]}]",
            markup=False,
        )


def approve(
    case_id: Annotated[str, typer.Argument(help="id of the case")],
    referral_id: Annotated[str, typer.Argument(help="id of the referral that waits")],
    actor: Annotated[str, typer.Option(help="who approves, a reference, no name")],
    reason: Annotated[str, typer.Option(help="why")],
    role: Annotated[str, typer.Option(help="role of the actor")] = "supervisor",
    consent: Annotated[str | None, typer.Option(help="consent record, for community organisations")] = None,
) -> None:
    """Let one planned referral leave to its agency."""
    with connect().client("referral", ["cases:approve"], actor, role=role) as http:
        body = {"reason": reason} | ({"consent_ref": consent} if consent else {})
        case = must(http.post(f"/cases/{case_id}/referrals/{referral_id}/approve", json=body))
    sent = next(r for r in case["referrals"] if r["referral_id"] == referral_id)
    typer.echo(f"{sent['referral_ref']} is {sent['state']}; {sent['agency_id']} has until {sent['deadline'][:16]}")
