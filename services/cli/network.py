"""`tppo entity show` and `tppo ring list|show`: what the network knows, by reference; nothing personal is stored there."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pymongo.database import Database
from rich.console import Console
from rich.table import Table

from services.cli.connection import connect
from services.cli.risk_store import risk_store
from services.cli.topic import read_all
from services.contracts.fields import parse_time
from services.contracts.network import EntitySeen, LinkSuspected, RingAssessed
from services.risk.fold import fold
from services.risk.network.entity import Entity, place_of, rows_of
from services.risk.network.picture import draw
from services.risk.network.rings import standing
from services.risk.network.rules import hubs_of
from services.risk.network.says import Said, says
from services.risk.network.sightings import fared
from services.risk.network.words import KIND_WORDS
from services.risk.pack import Pack
from services.risk.store import record_of


def register(app: typer.Typer) -> None:
    entity = typer.Typer(help="Things that several applications name.", no_args_is_help=True)
    entity.command("show")(show_entity)
    app.add_typer(entity, name="entity")
    ring = typer.Typer(help="Groups of applications that such things tie together.", no_args_is_help=True)
    ring.command("list")(list_rings)
    ring.command("show")(show_ring)
    app.add_typer(ring, name="ring")


def show_entity(
    token: Annotated[str, typer.Argument(help="token or key, as it stands in a ring or a finding")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Its members in order of time, what it says about each, marks, and why somebody was not counted."""
    with risk_store() as database:
        document = database["entities"].find_one({"_id": token})
        if document is None:
            typer.secho(f"no application names {token}", fg="red", err=True)
            raise typer.Exit(1)
        entity = Entity.of(document)
        became = _became(database, [row.application_id for row in entity.in_order()])
        away = [r for page in database["pages"].find({"entity": token}) for r in rows_of(page["rows"])]
    said = says(entity, hubs_of(Pack.load()))
    if as_json:
        typer.echo(orjson.dumps(_plain(entity, said), option=orjson.OPT_INDENT_2).decode())
        return
    console = Console()
    kinds = ", ".join(f"{KIND_WORDS[k][0]} · {KIND_WORDS[k][1]}" for k in sorted(entity.kinds()))
    console.print(f"[bold]{token}[/] · {kinds} · versi/version {entity.version}", highlight=False)
    for mark in entity.marks.values():
        console.print(f"  [red]{mark.mark}[/] {mark.marked_at[:10]} oleh/by {mark.by}")
    table = Table(box=None)
    for heading in ("saat · seen", "permohonan · application", "sebagai · as", "kanim", "tujuan · to", "keluarga · households", "paspor · passport", "hasil · outcome", "keterangan · why"):  # fmt: skip
        table.add_column(heading, overflow="fold")
    for row in entity.in_order():
        net = said.get(place_of(row), Said()).net or {}
        why = [row.group or ("nama tanpa HP · name without phone" if row.weak else "")]
        why += net.get("marked", ())
        table.add_row(
            row.seen_at[:16].replace("T", " "), row.application_id, KIND_WORDS[row.entity_kind][0], row.office,
            row.destination or "", f"{net.get('households', 1)}{'' if net.get('exact', True) else '+'}",
            *became.get(row.application_id, ("", "")), ", ".join(w for w in why if w),
        )  # fmt: skip
    console.print(table)
    if away:
        console.print(f"dan {len(away)} yang lebih lama · and {len(away)} older ones, who take part in marks alone")


def _plain(entity: Entity, said: dict[str, Said]) -> dict[str, Any]:
    return {
        "entity": entity.id,
        "version": entity.version,
        "marks": [m.model_dump(mode="json", exclude_none=True) for m in entity.marks.values()],
        "members": [
            row.model_dump(mode="json", exclude_none=True) | {"net": about.net, "exclusions": list(about.exclusions)}
            for row in entity.in_order()
            for about in (said.get(place_of(row), Said()),)
        ],
    }


def list_rings() -> None:
    """Rings there are now, the largest first."""
    rings = sorted(standing(_all(), {}).values(), key=lambda r: (-len(r.members), r.ring_id))
    console = Console()
    for ring in rings:
        console.print(f"[bold]{ring.ring_id}[/] {ring.first_at[:10]} … {ring.last_at[:10]}", highlight=False)
        console.print(f"    {ring.hypothesis_id}\n    {ring.hypothesis_en}", highlight=False)
    console.print(f"{len(rings)} jaringan · rings")


def show_ring(
    ring_id: Annotated[str, typer.Argument(help="id of a ring, or its beginning")],
    picture: Annotated[Path | None, typer.Option(help="draw who names what, and when, into this SVG")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Members by reference, what ties them, who has a passport already, what became of them, how it grew."""
    history = [r for r in _all() if r.ring_id.startswith(ring_id)]
    if len({r.ring_id for r in history}) != 1:
        what = "no ring has" if not history else f"{len({r.ring_id for r in history})} rings have"
        typer.secho(f"{what} an id that begins with {ring_id}; `tppo ring list` shows them", fg="red", err=True)
        raise typer.Exit(1)
    ring = history[-1]
    with risk_store() as database:
        links, became = _links(database, ring), _became(database, ring.members)
    if as_json:
        typer.echo(ring.encode().decode())
    else:
        _show(ring, history, _members(ring, links, became))
    if picture is not None:
        draw(ring, links, picture)
        typer.echo(f"{picture}: {len(ring.members)} applicants, {len(links)} things that tie them", err=as_json)


def _became(database: Database[dict[str, Any]], applications: list[str]) -> dict[str, tuple[str, str]]:
    """When the passport was printed, and the outcome."""
    found: dict[str, tuple[str, str]] = {}
    for document in database["records"].find({"_id": {"$in": applications}}):
        events = record_of(document).in_order()
        printed = next((e.at[:10] for e in events if e.type == "passport.printed"), "")
        found[document["_id"]] = printed, fared(fold(events)) or ""
    return found


def _members(ring: RingAssessed, links: list[LinkSuspected], became: dict[str, tuple[str, str]]) -> Table:
    """In order of time. Things have the numbers under which `_show` lists them."""
    table = Table(box=None)
    for heading in ("saat · seen", "permohonan · application", "lewat · by", "tujuan · to", "paspor · passport", "hasil · outcome"):  # fmt: skip
        table.add_column(heading, overflow="fold")
    told = {link.entity: link.members for link in links}
    named: dict[str, dict[str, EntitySeen]] = {}
    for number, entity in enumerate(ring.entities, start=1):
        for row in told.get(entity["token"], ()):
            named.setdefault(row.application_id, {})[str(number)] = row
    first = {member: min(rows.values(), key=_when) for member, rows in named.items() if member in ring.members}
    for member, row in sorted(first.items(), key=lambda one: _when(one[1])):
        by = ", ".join(named[member])
        table.add_row(row.seen_at[:16].replace("T", " "), member, by, row.destination or "", *became.get(member, ("", "")))  # fmt: skip
    for member in sorted(set(ring.members) - first.keys()):  # what tied it has changed since the ring was told
        table.add_row("", member)
    return table


def _when(row: EntitySeen) -> tuple[datetime, str]:
    return parse_time(row.seen_at), row.application_id


def _show(ring: RingAssessed, history: list[RingAssessed], members: Table) -> None:
    console = Console()
    console.print(f"[bold]{ring.ring_id}[/]", highlight=False)
    console.print(f"  {ring.hypothesis_id}\n  {ring.hypothesis_en}", highlight=False)
    console.print(
        f"  {ring.first_at[:10]} … {ring.last_at[:10]} · kerapatan/density {ring.density:.2f} · "
        f"berizin/licensed {ring.licensed_share:.0%} · kabupaten {', '.join(ring.kabupaten) or '?'}"
    )
    if ring.supersedes:
        console.print(f"  menggantikan · supersedes {', '.join(ring.supersedes)}", highlight=False)
    for number, entity in enumerate(ring.entities, start=1):
        console.print(f"  {number}. {' · '.join(KIND_WORDS[entity['kind']])}: {entity['token']}", highlight=False)
    for name in ring.supports or ():
        what = " · ".join(KIND_WORDS[name["kind"]])
        console.print(
            f"  nama tanpa nomor, bandingkan · a name without a phone, compare: {what}: {name['token']}",
            highlight=False,
        )
    console.print("Anggota, diduga calon korban · members, presumed possible victims:")
    console.print(members)
    console.print("Tumbuh · growth:")
    seen = 0
    for version in history:
        if len(version.members) != seen:
            seen = len(version.members)
            console.print(f"  {version.last_at[:10]} {seen} pemohon · applicants")
    if not ring.members:
        console.print("Tidak ada lagi: terurai atau dijelaskan · gone: it fell apart or was explained")


def _all() -> list[RingAssessed]:
    records = read_all(connect(), RingAssessed.TOPIC)
    return [RingAssessed.decode(r.value) for r in records if r.value is not None]


def _links(database: Database[dict[str, Any]], ring: RingAssessed) -> list[LinkSuspected]:
    wanted = [e["token"] for e in ring.entities]
    return [LinkSuspected.decode(d["link"]) for d in database["links"].find({"_id": {"$in": wanted}})]
