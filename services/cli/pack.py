"""`tppo pack`: the rules as a whole, before they judge anybody."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli import pack_backtest, pack_release, pack_shadow, pack_trial
from services.cli.offline import Offline
from services.intake.tokens import Tokeniser
from services.risk import catalogue
from services.risk.indicator import IndicatorError
from services.risk.pack import HERE, Pack
from services.risk.policy import PolicyError
from services.risk.whatif import Report, compare, differences, fitting, judge

Folder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="folder with indicators/, protective/ and policy/")
]
AT_LEAST = 0.9  # of the mutants an example must notice


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Rules: indicators, protective indicators, policy tables.", no_args_is_help=True)
    group.command()(check)
    group.command()(diff)
    group.command("try")(try_)
    group.command()(pack_backtest.backtest)
    group.command()(pack_trial.trial)
    pack_release.add_to(group)
    pack_shadow.add_to(group)
    app.add_typer(group, name="pack")


def check(
    folder: Folder = HERE,
    table: Annotated[Path | None, typer.Option(help="write the table to this file, in Markdown")] = None,
) -> None:
    """Every rule parses, names facts that exist, and is held by its examples: each operator and limit flipped is noticed.

    Ends with 1 and names file, line and key when something is wrong. Needs no server.
    """
    pack = loaded(folder)
    found = catalogue.rows(pack)
    shown = Table(title=f"Pack {pack.digest[:12]}")
    for heading in ("no", "id", "dB", "y/n/?", "innocent", "held"):
        shown.add_column(heading, justify="right" if heading in ("no", "dB") else "left", no_wrap=True)
    for row in found:
        number, name, _, *rest = (cell.replace(" ", "") for cell in row.cells)
        shown.add_row(number, name, *rest)
    Console().print(shown)
    for row in found:
        for mutant in row.alive:
            typer.secho(f"{row.id}: no example notices {mutant.change}", fg="yellow", err=True)
    all_ = sum(row.mutants for row in found)
    noticed = all_ - sum(len(row.alive) for row in found)
    share = noticed / all_ if all_ else 1.0
    typer.echo(
        f"{len(pack.indicators)} indicators, {len(pack.protective)} protective; {noticed} of {all_} mutants noticed ({share:.0%})"
    )
    if table:
        table.write_text(catalogue.page(found))
    if share < AT_LEAST:
        typer.secho(f"the examples must notice {AT_LEAST:.0%}", fg="red", err=True)
        raise typer.Exit(1)


def diff(new: Folder, old: Folder = HERE) -> None:
    """What another folder of rules says otherwise than the one in use: one line a change."""
    one, two = loaded(old), loaded(new)
    found = list(differences(one, two))
    for sentence in found:
        typer.echo(sentence)
    typer.echo(f"{len(found)} differences between {one.digest[:12]} and {two.digest[:12]}")


def try_(
    new: Folder,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="upstream events, JSONL, such as of `tppo simulate`")
    ],
    old: Folder = HERE,
    named: Annotated[int, typer.Option(help="how many applications to name")] = 10,
) -> None:
    """What another folder of rules would have done: who changes level, and the deep interviews of a day beside the budget.

    Nothing is stored and nothing is sent; the rules in use are untouched.
    """
    one, two = loaded(old), loaded(new)
    run = Offline(Tokeniser(os.urandom(32)), datetime.now(UTC), one)
    with file.open("rb") as source:
        now, then = judge(run.accepted(source), (one, two))
    if run.bad:
        typer.secho(f"{len(run.bad)} lines were refused; `tppo check {file}` names them", fg="yellow", err=True)
    told(compare(now, then), two, named)


def loaded(folder: Path) -> Pack:
    try:
        pack = Pack.load(folder)
    except (IndicatorError, PolicyError) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
    if not pack.indicators:
        typer.secho(f"{folder} has no indicators/*.yaml", fg="red", err=True)
        raise typer.Exit(1)
    return pack


def told(report: Report, new: Pack, named: int) -> None:
    """Who changes level, what fires otherwise, and the deep interviews of a day beside the budget."""
    console = Console()
    console.print(f"{report.applications:,} applications; level now (rows) and then (columns):")
    table = Table()
    for heading in ("now", *(f"→ {level}" for level in range(4))):
        table.add_column(heading, justify="right")
    for before in range(4):
        table.add_row(str(before), *(f"{report.levels[before, after]:,}" for after in range(4)))
    console.print(table)
    for indicator, (before, after) in sorted(report.fired.items(), key=lambda i: -abs(i[1][0] - i[1][1])):
        console.print(f"  {indicator}: fires {before:,} → {after:,}")
    for name, office in report.offices.items():
        limits = new.policy.at(datetime.now(UTC).date(), name)["thresholds"]
        budget = limits["deep_interviews_share"] * office.applications
        over = " [red]over the budget[/]" if office.then > budget else ""
        console.print(
            f"  {name}: deep interviews a day {office.now:.1f} → {office.then:.1f}, budget {budget:.1f}{over}"
        )
        fit = fitting(office.verdicts, limits["deep_interviews_share"], limits["levels"])
        if fit is None:
            console.print(
                "    no threshold of level 2 keeps within the budget: the signs that must be looked at fill it"
            )
        elif fit != limits["levels"][1]:
            levels = [limits["levels"][0], fit, limits["levels"][2]]
            console.print(
                f"    the budget would carry levels {levels} (policy/thresholds.yaml, office_scope: [{name}])"
            )
    for word, right, wrong in zip(("now", "then"), report.right, report.wrong, strict=True):
        if right + wrong:
            console.print(
                f"  {word}: of {right + wrong:,} flagged with a known outcome {right:,} were right ({right / (right + wrong):.0%})"
            )
    for application, (level, then_) in list(report.moved.items())[:named]:
        console.print(f"  {application}: level {level} → {then_}")
    if len(report.moved) > named:
        console.print(f"  … and {len(report.moved) - named:,} more")
