"""`tppo case`: cases as officers see them."""

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from services.cli.case_calls import Actor, CaseId, Reason, ReferralId, Role, at, post, told
from services.cli.case_consent import break_glass, consent, withdraw_consent
from services.cli.connection import connect, must


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Cases: list, show, move; approve, refuse, release, confirm a referral.", no_args_is_help=True
    )
    group.command("list")(list_)
    group.command("withdraw-consent")(withdraw_consent)
    group.command("break-glass")(break_glass)
    for command in (show, move, refer, approve, refuse, again, release, confirm, consent, letter):
        group.command()(command)
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


def show(case_id: CaseId) -> None:
    """One case: findings, questions, referrals, clocks, what may be done next, history. The read is recorded."""
    with connect().client("referral", ["cases:read"]) as http:
        case = must(http.get(f"/cases/{case_id}"))
    console = Console()
    hold = " · [red]penahanan keselamatan / safety hold[/]" if case["safety_hold"] else ""
    console.print(
        f"[bold]{case['case_ref']}[/] {case['application_id']} · {case['state']} ({case['state_id']}) · level {case['level']}{hold}"
    )
    for finding in case["findings"]:
        console.print(
            f"  • {finding['sentence_id']} / {finding['sentence_en']}\n    yang membersihkan: {finding['clears_id']}"
        )
    _referrals(console, case["referrals"])
    for said in case["contradictions"]:
        console.print(f"  [yellow]jawaban bertentangan / answers differ:[/] {said['referral_ref']} → {said['outcome']}")
    console.print("Jam / clocks:")
    for clock in case["clocks"]:
        paused = f", berhenti / paused since {clock['paused_at'][:16]}" if clock["paused_at"] else ""
        console.print(f"  {clock['name']}: due {clock['due_at'][:16]}, done {', '.join(clock['done']) or '-'}{paused}")
    for c in case["consents"]:
        ended = f", ditarik / withdrawn {c['withdrawn_at'][:16]}" if c["withdrawn_at"] else ""
        console.print(f"Persetujuan / consent {c['consent_ref']} ({c['text']}): {', '.join(c['agencies'])}{ended}")
    for glass in case["glass"]:
        console.print(
            f"Dibuka darurat / glass broken by {glass['by']} until {glass['until'][:16]}: {glass['reason']}",
            markup=False,
        )
    if case["proposal"]:
        console.print(
            f"Usulan / proposed: {case['proposal']['to']} by {case['proposal']['by']} ({case['proposal']['role']})"
        )
    moves = "; ".join(f"{to} ({', '.join(m['by'])})" for to, m in case["moves"].items())
    console.print(f"Langkah / next: {moves or '-'}", highlight=False)
    console.print(f"Riwayat / history ({'utuh / intact' if case['history_intact'] else '[red]RUSAK / BROKEN[/]'}):")
    for entry in case["history"]:
        console.print(
            f"  {entry['at'][:19]} {entry['action']} · {entry['role']} {entry['actor']} · {entry['reason']}",
            markup=False,
        )


def _referrals(console: Console, referrals: list[dict[str, Any]]) -> None:
    console.print("Rujukan / referrals:")
    for r in referrals:
        said = f", {r['answer_code']} → {r['proposed'] or 'tanpa usulan / no proposal'}" if r["answer_code"] else ""
        console.print(
            f"  {r['referral_ref']} {r['referral_id']} → {r['agency_id']}: {r['question_id']} [{r['state']}, {r['mode']}, {r['deadline'][:16]}{said}]",
            markup=False,
        )


def move(
    case_id: CaseId,
    to: Annotated[str, typer.Argument(help="state; `tppo case show` lists what is possible")],
    actor: Actor,
    reason: Reason,
    role: Role = "supervisor",
    legal_ref: Annotated[str | None, typer.Option(help="legal reference")] = None,
    outcome: Annotated[str | None, typer.Option(help="outcome, with closed_other")] = None,
    bring: Annotated[list[str] | None, typer.Option(help="what the applicant must bring; several times")] = None,
    objection: Annotated[str | None, typer.Option(help="how to object, in plain Indonesian")] = None,
    family: Annotated[
        str | None, typer.Option(help="of a deferral or refusal: dugaan_pmi_np, dugaan_tppo, identitas, berkas or lain")
    ] = None,
) -> None:
    """Move a case, propose a move, or confirm what another proposed."""
    body: dict[str, Any] = {"to": to, "reason": reason, "legal_ref": legal_ref, "outcome": outcome, "family": family}
    if bring or objection:
        body["deferral"] = {"bring": bring or [], "objection": objection or ""}
    told(post(f"/cases/{case_id}/moves", "cases:move", actor, role, body))


def refer(
    case_id: CaseId,
    question: Annotated[str, typer.Argument(help="name of a rule; `tppo route list` shows them")],
    actor: Actor,
    reason: Reason,
    role: Role = "case_officer",
) -> None:
    """Ask a question that no rule asked; a supervisor approves it."""
    told(post(f"/cases/{case_id}/referrals", "cases:move", actor, role, {"question": question, "reason": reason}))


def approve(
    case_id: CaseId,
    referral_id: ReferralId,
    actor: Actor,
    reason: Reason,
    role: Role = "supervisor",
    consent: Annotated[str | None, typer.Option(help="consent record, for community organisations")] = None,
) -> None:
    """Let one planned referral leave to its agency."""
    case = post(
        at(case_id, referral_id, "approve"), "cases:approve", actor, role, {"reason": reason, "consent_ref": consent}
    )
    sent = next(r for r in case["referrals"] if r["referral_id"] == referral_id)
    typer.echo(f"{sent['referral_ref']} is {sent['state']}; {sent['agency_id']} has until {sent['deadline'][:16]}")


def refuse(case_id: CaseId, referral_id: ReferralId, actor: Actor, reason: Reason, role: Role = "supervisor") -> None:
    """Do not let it leave, or take back what left."""
    told(post(at(case_id, referral_id, "refuse"), "cases:approve", actor, role, {"reason": reason}))


def again(
    case_id: CaseId,
    referral_id: ReferralId,
    actor: Actor,
    reason: Reason,
    role: Role = "supervisor",
    agency: Annotated[str | None, typer.Option(help="another agency of the same kind")] = None,
) -> None:
    """Ask the same question again, the same agency or another."""
    told(
        post(
            at(case_id, referral_id, "ask-again"),
            "cases:approve",
            actor,
            role,
            {"reason": reason, "agency_id": agency},
        )
    )


def release(
    case_id: CaseId,
    referral_id: ReferralId,
    actor: Actor,
    reason: Reason,
    role: Role = "supervisor",
    group: Annotated[list[str] | None, typer.Option(help="field group to release; none refuses them all")] = None,
) -> None:
    """Decide on the fields an agency asked for."""
    told(
        post(
            at(case_id, referral_id, "fields"), "cases:approve", actor, role, {"reason": reason, "groups": group or []}
        )
    )


def confirm(
    case_id: CaseId,
    referral_id: ReferralId,
    actor: Actor,
    reason: Reason,
    role: Role = "supervisor",
    outcome: Annotated[str | None, typer.Option(help="common outcome; without it only a fact is recorded")] = None,
    confidence: Annotated[int, typer.Option(min=1, max=3)] = 2,
) -> None:
    """Confirm what an answer means; risk learns from it."""
    body = {"reason": reason, "code": outcome, "confidence": confidence}
    told(post(at(case_id, referral_id, "outcome"), "cases:approve", actor, role, body))


def letter(
    case_id: CaseId,
    file: Annotated[Path, typer.Argument(help="HTML file to write")],
    referral: Annotated[
        str | None, typer.Option(help="a referral's letter; without it the applicant's on deferral")
    ] = None,
    actor: Annotated[str, typer.Option(help="who prints")] = "cli",
) -> None:
    """Write a letter that prints on A4. A referral's letter shows personal data; it is recorded."""
    path = at(case_id, referral, "letter") if referral else f"/cases/{case_id}/letter"
    with connect().client("referral", ["cases:read", "cases:move"], actor) as http:
        answer = http.get(path)
    if answer.status_code != httpx.codes.OK:
        must(answer)
    file.write_text(answer.text)
    typer.echo(f"{file}: print it with a browser")
