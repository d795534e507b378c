"""`tppo pack trial`: what a bundle would have done, to whom, and whether it treats groups alike; the result goes into the bundle."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Annotated

import typer

from services.cli import pack
from services.cli.connection import connect, must
from services.cli.pack_backtest import Kept, judged
from services.cli.pack_release import BundleFile, Packs, packs_folder, read
from services.risk.active import ACTIVE
from services.risk.bundle import Refused
from services.risk.fairness import SMALLEST, Group, Trial, ratios, told_by_intake
from services.risk.pack import Pack
from services.risk.whatif import DEEP, Verdict


def trial(
    bundle: BundleFile,
    from_: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day")] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day")] = None,
    override: Annotated[
        str, typer.Option(help="why it may judge although a ratio says no; maker and checker sign it")
    ] = "",
    actor: Annotated[str, typer.Option(help="who asks intake for the counts; recorded there")] = "pack-trial",
    packs: Packs = None,
    named: Annotated[int, typer.Option(help="how many applications to name")] = 10,
) -> None:
    """Try a bundle on what risk keeps: who changes level, the budget, precision, and how often each group of people is flagged.

    Sex, age and marital status stay at intake: it answers with counts of 30 or more (scope vault:groups). The result is written into
    the bundle, whose signatures end with it. Without one, or with a ratio outside 0.8 to 1.25, a bundle judges only with an override.
    """
    found = read(bundle)
    try:
        two = found.pack()
    except Refused as error:
        typer.secho(f"{bundle}: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    active = packs_folder(packs) / ACTIVE
    one = read(active).pack() if active.exists() else Pack.load()
    kept = judged(one, two, from_, to)
    pack.told(kept.report, two, named)
    tried = Trial(
        rules=two.digest, beside=one.digest, first_day=kept.days[0], last_day=kept.days[1],
        applications=len(kept.then), ratios=ratios(_own_groups(kept) | _of_intake(kept, actor)),
    )  # fmt: skip
    for ratio in tried.ratios:
        typer.secho(f"  {ratio}{' OUTSIDE' if ratio.outside else ''}", fg="red" if ratio.outside else None)
    bundle.write_bytes(found.model_copy(update={"trial": tried, "override": override, "signatures": []}).encode())
    faults = list(tried.faults(two.digest))
    if faults and not override:
        typer.secho(f"it will not judge without --override and two signatures: {'; '.join(faults)}", fg="red", err=True)
        raise typer.Exit(1)
    typer.echo(f"{bundle} holds its trial{' and an override' if override else ''}; maker and checker sign it now")


def _of_intake(kept: Kept, actor: str) -> dict[str, dict[str, Group]]:
    if len(kept.then) < SMALLEST:
        return {}
    lists = {"flagged": _flagged(kept)} | {word: _flagged(kept, word) for word in ("right", "wrong")}
    wanted = {"applications": sorted(kept.then), "flagged": lists, "purpose": "pack_trial", "actor": actor}
    with connect().client("intake", ["vault:groups"], actor) as http:
        return told_by_intake(must(http.post("/vault/groups", json=wanted, timeout=600)))


def _flagged(kept: Kept, word: str | None = None) -> list[str]:
    return sorted(a for a, v in kept.then.items() if v.level >= DEEP and word in (None, kept.outcomes.get(a)))


def _own_groups(kept: Kept) -> dict[str, dict[str, Group]]:
    """By what risk itself knows of an application."""
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for application, verdict in kept.then.items():
        for attribute, name in verdict.groups:
            counts[attribute][name].update(_counted(verdict, kept.outcomes.get(application)))
    return {a: {name: Group(**count) for name, count in by_name.items()} for a, by_name in counts.items()}


def _counted(verdict: Verdict, outcome: str | None) -> dict[str, int]:
    flagged = verdict.level >= DEEP
    return {
        "n": 1,
        "flagged": flagged,
        "right": flagged and outcome == "right",
        "wrong": flagged and outcome == "wrong",
    }
