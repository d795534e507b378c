"""`tppo queue`: an agency's own queue, for an office without an integration."""

import json
import time
from datetime import datetime
from typing import Annotated, Any

import typer
from kafka import TopicPartition
from rich.console import Console

from services.cli.connection import connect, kafka, must
from services.contracts.calendar import WIB
from services.referral.tables import Tables
from services.runtime.broker import consumer

Agency = Annotated[str, typer.Argument(help="agency id, e.g. polres-3301")]
Ref = Annotated[str, typer.Argument(help="id of the referral")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="An agency's own queue: read, list, show, answer.", no_args_is_help=True)
    group.command()(read)
    group.command("list")(list_)
    group.command()(show)
    group.command()(answer)
    app.add_typer(group, name="queue")


def _client(agency: str) -> Any:
    return connect().client("referral", ["agency"], "tppo-queue", agency=agency)


def read(
    agency: Annotated[str, typer.Argument(help="agency id, e.g. polres-3301")],
    follow: Annotated[bool, typer.Option("--follow", help="wait for more until Ctrl-C")] = False,
    patience: Annotated[float, typer.Option(help="seconds without a message after which reading ends")] = 2.0,
) -> None:
    """What stands in an agency's queue: references, questions and deadlines; no personal data."""
    if agency not in Tables.load().agencies:
        raise typer.BadParameter(f"no such agency: {agency}; known: {', '.join(Tables.load().agencies)}")
    reader = consumer(kafka(), None)
    reader.assign([TopicPartition(f"queue-{agency}", 0)])
    reader.seek_to_beginning()
    console = Console()
    quiet_since, found = time.monotonic(), 0
    try:
        while follow or time.monotonic() - quiet_since < patience:
            for records in reader.poll(timeout_ms=200).values():
                for record in records:
                    quiet_since, found = time.monotonic(), found + 1
                    if record.value is None:
                        console.print(f"{record.key.decode()}: ditarik kembali / withdrawn")
                    else:
                        console.print_json(json.dumps(json.loads(record.value)))
    except KeyboardInterrupt:
        pass
    finally:
        reader.close()
    typer.echo(f"{found} messages in queue-{agency}", err=True)


def list_(
    agency: Agency,
    state: Annotated[str, typer.Option(help="sent, acknowledged, working, need_more_data, answered, expired")] = "sent",
) -> None:
    """Rujukan yang menunggu / referrals that wait: reference, question, deadline. No personal data."""
    after: str | None = None
    number = 0
    with _client(agency) as http:
        while True:
            page = must(http.get("/agency/referrals", params={"state": state} | ({"after": after} if after else {})))
            for r in page["referrals"]:
                number += 1
                urgent = "SEGERA " if r["urgent"] else ""
                typer.echo(
                    f"{r['referral_ref']} {r['referral_id']} · {urgent}{r['question_id']} · tenggat {_when(r['deadline'])}"
                )
            if not page["referrals"] or page["after"] == after:
                break
            after = page["after"]
    typer.echo(f"{number} rujukan / referrals {state}")


def show(agency: Agency, referral_id: Ref) -> None:
    """Buka satu rujukan / open one referral. It shows personal data; the look is recorded."""
    with _client(agency) as http:
        r = must(http.get(f"/agency/referrals/{referral_id}"))
    console = Console()
    console.print(f"{r['referral_ref']} [{r['state']}] {r['question_id']} / {r['question_en']}", markup=False)
    console.print(f"tenggat / due {_when(r['deadline'])}")
    for name, value in r["values"].items():
        console.print(f"  {name}: {value}", markup=False, highlight=False)
    for ref, entity in r["entities"].items():
        console.print(f"  {ref}: {entity['kind']}")
    for sentence in r.get("sentences", ()):
        console.print(f"  • {sentence['id']} / {sentence['en']}", markup=False)
    console.print(f"kode jawaban / answer codes: {', '.join(r['codes'])}", markup=False)


def answer(
    agency: Agency,
    referral_id: Ref,
    status: Annotated[str, typer.Argument(help="acknowledged, working, need_more_data, wrong_agency or final")],
    answer_id: Annotated[str, typer.Option(help="your own number of this answer; the same one twice is taken once")],
    code: Annotated[str | None, typer.Option(help="answer code; `tppo queue show` lists them")] = None,
    mark: Annotated[list[str] | None, typer.Option(help="reference of an entity, E1; several times")] = None,
    want: Annotated[list[str] | None, typer.Option(help="field group you need, with need_more_data")] = None,
    role: Annotated[str | None, typer.Option(help="role of who answers")] = None,
) -> None:
    """Jawab satu rujukan / answer one referral."""
    body: dict[str, Any] = {"answer_id": answer_id, "status": status, "marks": mark or []}
    body |= {k: v for k, v in {"code": code, "wants": want, "answered_by_role": role}.items() if v}
    with _client(agency) as http:
        taken = must(http.post(f"/agency/referrals/{referral_id}/answers", json=body))
    typer.echo({"taken": "diterima / taken", "known": "sudah ada / known already"}[taken["status"]])


def _when(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(WIB):%Y-%m-%d %H:%M} WIB"
