"""`tppo explain`: why an assessment came out as it did, as a person would want to read it."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.cli.connection import Connection, connect, must
from services.cli.topic import read_all
from services.contracts.assessments import Finding, RiskAssessed
from services.risk import explain as explain_
from services.risk.assess import recompute
from services.risk.pack import Pack

LEVELS = ("0 biasa", "1 perhatian", "2 pendalaman", "3 rujuk")


def register(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    id: Annotated[str, typer.Argument(help="id of an assessment or of a case")],
    as_json: Annotated[bool, typer.Option("--json", help="the whole assessment as JSON")] = False,
    verify: Annotated[
        bool, typer.Option(help="compute it again from the facts it carries, and compare every byte")
    ] = False,
    applicant: Annotated[bool, typer.Option(help="the text for the applicant: what may be brought or said")] = False,
) -> None:
    """Sentences, weights, groups, what would clear each sign, what changed, and which question to ask first."""
    connection = connect()
    with connection.client("referral", ["cases:read"]) as http:
        answer = http.get(f"/cases/{id}")
        wanted = must(answer)["assessment_id"] if answer.status_code != 404 else id
    history = _history(connection, wanted)
    if not history:
        typer.secho(f"no case and no assessment has the id {id}", fg="red", err=True)
        raise typer.Exit(1)
    assessed, pack, console = history[-1], Pack.load(), Console()
    if as_json:
        typer.echo(assessed.encode().decode())
    elif applicant:
        tell(assessed, pack, console)
    else:
        show(assessed, console)
        more(history, pack, console)
    if verify:
        _verify(assessed, pack)


def _verify(assessed: RiskAssessed, pack: Pack) -> None:
    if assessed.pack_digest != pack.digest:
        typer.secho(
            f"made with pack {assessed.pack_digest[:12]}, here is {pack.digest[:12]}: cannot be verified here",
            fg="yellow",
            err=True,
        )
        raise typer.Exit(2)
    if recompute(assessed, pack).encode() != assessed.encode():
        typer.secho("computed again it is not the same: either the facts or the text were changed", fg="red", err=True)
        raise typer.Exit(1)
    typer.echo(f"verified: the same bytes from its own facts with pack {pack.digest[:12]}")


def more(history: list[RiskAssessed], pack: Pack, console: Console) -> None:
    """What would lower the level, what changed since the assessment before, what nobody can say yet."""
    assessed = history[-1]
    titles = {i.id: i.title.id for i in pack.indicators}
    gone = explain_.counterfactual(assessed, pack)
    if gone:
        console.print(
            f"Tanpa tanda ini tingkatnya lebih rendah · without these the level would be lower: {'; '.join(titles[g] for g in gone)}"
        )
    if len(history) > 1:
        change = explain_.changed(history[-2], assessed)
        news = [
            f"{word}: {'; '.join(titles.get(i, i) for i in ids)}"
            for word, ids in (
                ("baru/new", change.came),
                ("hilang/gone", change.went),
                ("sudah jelas/settled", change.settled),
            )
            if ids
        ]
        console.print(
            f"Sejak penilaian sebelumnya · since the assessment before: tingkat/level {change.level[0]} → {change.level[1]}; "
            + ("; ".join(news) or "tidak ada/nothing")
        )
    console.print(f"Belum diketahui · unknown, and not suspicious: {len(explain_.unknown(assessed))} tanda/signs")


def tell(assessed: RiskAssessed, pack: Pack, console: Console) -> None:
    """For the applicant (UU 27/2022 Ps 10): no method, no threshold, nothing about others."""
    console.print(
        f"Permohonan {assessed.application_id}: pemeriksaan lanjutan. Ini bukan keputusan; petugas yang memutuskan."
    )
    helps = [*explain_.papers_missing(assessed, pack), *explain_.for_the_applicant(assessed, pack)]
    if helps:
        console.print("Yang dapat Anda bawa atau jelaskan:")
        for each in helps:
            console.print(f"  – {each}")
    else:
        console.print("Untuk saat ini tidak ada yang perlu Anda bawa.")
    console.print(
        "Anda berhak atas penjelasan, perbaikan data, dan keberatan yang diputus orang lain. Tanyakan pada petugas."
    )


def _weight(finding: Finding) -> str:
    tppo = f"\nTPPO {finding.counts_tppo / 10:.1f}" if finding.counts_tppo else ""
    return f"{finding.weight / 10:.1f} → {(finding.counts_np or 0) / 10:.1f}{tppo}"


def show(assessed: RiskAssessed, console: Console) -> None:
    """Reasons before the level (privacy-and-safety.md, section 6)."""
    console.print(f"[bold]{assessed.application_id}[/] · {assessed.at} · dasar/pack {assessed.pack_digest[:12]}")
    table = Table(title="Tanda yang ada · signs that are there", show_lines=True)
    for heading in (
        "tanda · sign",
        "dB → dihitung · counts",
        "kelompok · group",
        "dihitung dari · computed from",
        "yang membersihkan · what would clear it",
    ):
        table.add_column(heading, overflow="fold")
    for f in assessed.findings:
        source = "\n".join(_input(name, value) for name, value in f.inputs.items())
        if f.exclusions:
            source += f"\ndikecualikan · not counted: {', '.join(f.exclusions)}"
        table.add_row(f"{f.title_id}\n{f.title_en}", _weight(f), f.group, source, f"{f.clears_id}\n{f.clears_en}")
    console.print(table)
    for g in assessed.groups:
        console.print(f"  {g.group}: {g.raw / 10:.1f} dB, setelah batas/after cap {g.capped / 10:.1f} dB")
    if assessed.protective:
        console.print(f"  Meringankan/protective: {', '.join(assessed.protective)}")
    console.print("  " + " · ".join(f"{name}: {strength}" for name, strength in assessed.dimensions.items()))
    console.print(
        f"  E_np {assessed.e_np / 10:.1f} dB · E_tppo {assessed.e_tppo / 10:.1f} dB → tingkat/level {LEVELS[assessed.level]}"
    )
    for reason in assessed.reasons:
        console.print(f"  – {reason}")
    if assessed.notices:
        console.print(
            "  [red]Paspor sudah terbit · the passport is issued: beri tahu supervisor · tell the supervisor[/]"
        )
    console.print("Tanyakan dulu · ask first:")
    for q in assessed.questions[:5]:
        console.print(f"  {q.text_id}  (ya/yes {q.on_yes / 10:+.1f} dB, tidak/no {q.on_no / 10:+.1f} dB)")
    console.print("Ini bukan keputusan; orang yang memutuskan. · This is no decision; people decide.")


def _input(name: str, value: Any) -> str:
    """A fact as a person reads it: what an entity says with its count and window, the rest as it is."""
    if not (isinstance(value, dict) and "households" in value):
        return f"{name} = {value}"
    more = "" if value.get("exact", True) else "+"
    window = f", {value['first_at'][:10]} … {value['last_at'][:10]}" if "first_at" in value else ""
    marks = f", {', '.join(value['marked'])}" if "marked" in value else ""
    return f"{name}: {value['households']}{more} keluarga · households{window}{marks}"


def _history(connection: Connection, assessment_id: str) -> list[RiskAssessed]:
    """The assessment and those of its application before it, oldest first: they are kept on their topic for 90 days."""
    found: dict[bytes, list[bytes]] = {}
    for record in read_all(connection, RiskAssessed.TOPIC):
        if dict(record.headers).get("kind") == RiskAssessed.__name__.encode():
            found.setdefault(record.key, []).append(record.value)
    for values in found.values():
        if any(assessment_id.encode() in value for value in values):
            history = [RiskAssessed.decode(value) for value in values]
            place = next((n for n, a in enumerate(history) if a.assessment_id == assessment_id), None)
            if place is not None:
                return history[: place + 1]
    return []
