"""`tppo pack`: the rules as a whole, before they judge anybody."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.risk.indicator import Condition, Indicator, IndicatorError
from services.risk.mutation import survivors
from services.risk.pack import HERE, Pack
from services.risk.policy import PolicyError

AT_LEAST = 0.9  # of the mutants an example must notice


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Rules: indicators, protective indicators, policy tables.", no_args_is_help=True)
    group.callback()(_pack)
    group.command()(check)
    app.add_typer(group, name="pack")


def _pack() -> None:
    """Rules: indicators, protective indicators, policy tables."""


def check(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="folder with indicators/, protective/ and policy/")
    ] = HERE,
) -> None:
    """Every rule parses, names facts that exist, and is held by its examples: each operator and limit flipped is noticed.

    Ends with 1 and names file, line and key when something is wrong. Needs no server.
    """
    try:
        pack = Pack.load(folder)
    except (IndicatorError, PolicyError) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
    if not pack.indicators:
        typer.secho(f"{folder} has no indicators/*.yaml", fg="red", err=True)
        raise typer.Exit(1)
    table = Table(title=f"Pack {pack.digest[:12]}")
    for heading in ("no.", "id", "group", "dB", "yes/no/?", "mutants"):
        table.add_column(heading, justify="right" if heading in ("no.", "dB") else "left", no_wrap=True)
    weak, noticed, all_ = [], 0, 0
    for condition in pack.conditions:
        count, alive = survivors(condition)
        noticed, all_ = noticed + count - len(alive), all_ + count
        weak += [f"{condition.id}: no example notices {m.change}" for m in alive]
        table.add_row(*_row(condition), f"{count - len(alive)}/{count}")
    Console().print(table)
    for sentence in weak:
        typer.secho(sentence, fg="yellow", err=True)
    share = noticed / all_ if all_ else 1.0
    typer.echo(
        f"{len(pack.indicators)} indicators, {len(pack.protective)} protective; {noticed} of {all_} mutants noticed ({share:.0%})"
    )
    if share < AT_LEAST:
        typer.secho(f"the examples must notice {AT_LEAST:.0%}", fg="red", err=True)
        raise typer.Exit(1)


def _row(condition: Condition) -> tuple[str, ...]:
    said = Counter(example.answer for example in condition.examples)
    answers = "/".join(str(said[a]) for a in ("yes", "no", "unknown"))
    if isinstance(condition, Indicator):
        return str(condition.number), condition.id, condition.group, str(condition.decibans), answers
    return "", condition.id, "protective", str(condition.decibans), answers
