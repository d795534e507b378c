"""`tppo pack build|key|sign|activate|rollback`: from a folder of rules to rules that judge, with two people in between."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
from joserfc.jwk import OKPKey

from services.cli.connection import connect
from services.contracts.calendar import local_date
from services.risk.active import ACTIVE, PREVIOUS, SIGNERS
from services.risk.bundle import Bundle, Refused, Role, accepted, signers
from services.risk.bundle import build as build_
from services.risk.pack import HERE, Pack

WAIT_S = 30.0
LOOKED_S = 3.0  # risk looks twice a second
BundleFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a bundle of `tppo pack build`")]
Packs = Annotated[Path | None, typer.Option(help="folder of TPPO_RISK_PACKS; without it the running demo's")]


def add_to(group: typer.Typer) -> None:
    for command in (build, key, sign, activate, rollback):
        group.command()(command)


def build(
    out: Annotated[Path, typer.Argument(help="bundle to write, JSON")],
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="folder with the rules")] = HERE,
    days: Annotated[int, typer.Option(min=1, max=366, help="how long it may be activated from today on")] = 30,
) -> None:
    """Check a folder of rules and put it in one file, named by its content."""
    today = _today()
    try:
        bundle = build_(folder, today, today + timedelta(days=days))
    except Refused as error:
        _fail(str(error))
    out.write_bytes(bundle.encode())
    typer.echo(
        f"{out}: {bundle.digest[:12]}, {len(bundle.files)} files, until {bundle.valid_to}; it needs a maker and a checker"
    )


def key(
    who: Annotated[str, typer.Argument(help="reference of a person, no name")],
    folder: Annotated[Path, typer.Argument(help="where the private key goes; the person keeps it")],
    packs: Packs = None,
) -> None:
    """Make the key of somebody who may sign; the public half goes to the signers of the packs folder."""
    private = folder / f"{who}.private.json"
    if private.exists():
        _fail(f"{private} exists")
    found = OKPKey.generate_key("Ed25519")
    known = packs_folder(packs) / SIGNERS
    known.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    private.touch(mode=0o600)
    private.write_text(json.dumps(found.as_dict(private=True)))
    (known / f"{who}.jwk.json").write_text(json.dumps(found.as_dict(private=False)))
    typer.echo(f"{private} is the private key; {known / f'{who}.jwk.json'} lets risk know it")


def sign(
    bundle: BundleFile,
    role: Annotated[str, typer.Option(help="maker or checker")],
    private: Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="private key of `tppo pack key`")],
) -> None:
    """Put your word under a bundle: the maker that it is right, a checker who is somebody else that it may judge people."""
    if role not in ("maker", "checker"):
        raise typer.BadParameter("the role is maker or checker")
    found = read(bundle)
    who = private.name.removesuffix(".private.json")
    checked: Role = "maker" if role == "maker" else "checker"
    bundle.write_bytes(found.signed(checked, who, OKPKey.import_key(json.loads(private.read_text()))).encode())
    typer.echo(f"{who} signed {found.digest[:12]} as {role}")


def activate(bundle: BundleFile, packs: Packs = None) -> None:
    """Let a bundle judge, without a restart. One that does not hold is refused here, and by risk as well."""
    folder, found = packs_folder(packs), read(bundle)
    try:
        pack = accepted(found, signers(folder / SIGNERS), _today())
    except Refused as error:
        _fail(f"refused: {error}")
    if (folder / ACTIVE).exists():
        (folder / PREVIOUS).write_bytes((folder / ACTIVE).read_bytes())
    put(folder, ACTIVE, found.encode())
    _until(pack.digest)


def rollback(packs: Packs = None) -> None:
    """Back to the bundle before; called again, forward. Without one, to the rules that came along."""
    folder = packs_folder(packs)
    if not (folder / ACTIVE).exists():
        _fail(f"{folder} has no active bundle: the rules that came along are in use")
    now = (folder / ACTIVE).read_bytes()
    if not (folder / PREVIOUS).exists():
        (folder / ACTIVE).unlink()
        (folder / PREVIOUS).write_bytes(now)
        typer.echo("back to the rules that came along")
        _until(Pack.load().digest)
        return
    before = (folder / PREVIOUS).read_bytes()
    digest = Bundle.decode(before).pack().digest
    (folder / PREVIOUS).write_bytes(now)
    put(folder, ACTIVE, before)
    _until(digest)


def put(folder: Path, name: str, content: bytes) -> None:
    """In one step: risk reads the whole file or the old one."""
    beside = folder / f".{name}.new"
    beside.write_bytes(content)
    beside.replace(folder / name)


def _until(digest: str) -> None:
    """Until risk says that it judges by these rules."""
    address = connect().where.admin.get("risk")
    if not address:
        typer.echo("written; TPPO_ADMIN_RISK would let this command see when risk has taken it over")
        return
    started = time.monotonic()
    while time.monotonic() < started + WAIT_S:
        state = httpx.get(f"{address}/pack", timeout=5).json()
        if state["digest"] == digest:
            typer.echo(f"risk judges by {digest[:12]} now")
            return
        if state["refused"] and time.monotonic() > started + LOOKED_S:  # before that it may be of the file before
            _fail(f"risk refused it: {state['refused']}")
        time.sleep(0.2)
    _fail(f"risk did not take it over within {WAIT_S:.0f} s")


def packs_folder(given: Path | None) -> Path:
    folder = given or Path(connect().where.data) / "packs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read(file: Path) -> Bundle:
    try:
        return Bundle.decode(file.read_bytes())
    except Refused as error:
        _fail(f"{file}: {error}")


def _today() -> date:
    return local_date(datetime.now(UTC))


def _fail(text: str) -> NoReturn:
    typer.secho(text, fg="red", err=True)
    raise typer.Exit(1)
