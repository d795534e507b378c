"""`tppo audit`: proves that no case history was changed, against the heads that were published."""

from collections import defaultdict

import typer

from services.cli.connection import connect, must
from services.cli.topic import read_all
from services.contracts.cases import CaseErased, CaseMoved
from services.contracts.message import decode
from services.referral.audit import faults
from services.referral.case import Entry


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Prove the histories of cases.", no_args_is_help=True)
    group.callback()(_audit)
    group.command()(verify)
    app.add_typer(group, name="audit")


def _audit() -> None:
    """Prove the histories of cases."""


def verify() -> None:
    """Recompute every history and compare it with the heads on `case-events`. Exit code 1 when anything does not fit."""
    connection = connect()
    heads: dict[str, dict[int, str]] = defaultdict(dict)
    erased: set[str] = set()
    for record in read_all(connection, CaseMoved.TOPIC):
        kind = dict(record.headers).get("kind", b"").decode()
        match decode(kind, record.value):
            case CaseMoved() as moved:
                heads[moved.case_id][moved.seq] = moved.head
            case CaseErased() as gone:
                erased.add(gone.case_id)
    found, seen, entries, after = 0, set(), 0, ""
    with connection.client("referral", ["audit"], "auditor") as http:
        while page := must(http.get("/audit/histories", params={"after": after})):
            for case in page:
                seen.add(case["case_id"])
                if case["erased"]:
                    continue
                history = [Entry.model_validate(e) for e in case["history"]]
                entries += len(history)
                for fault in faults(history, heads[case["case_id"]]):
                    found += 1
                    typer.secho(f"{case['case_id']}: {fault}", fg="red", err=True)
            after = page[-1]["case_id"]
    for case_id in sorted(heads.keys() - seen - erased):
        found += 1
        typer.secho(f"{case_id}: its history was published and the case is not there", fg="red", err=True)
    published = sum(len(h) for h in heads.values())
    typer.echo(
        f"{len(seen)} cases, {entries} entries, {published} published heads, {len(erased)} erased: {found} faults"
    )
    if found:
        raise typer.Exit(1)
