"""Draws a ring as one SVG page: who names what, and when they came. Readable with five members and with a hundred and fifty.

Same ring, same bytes: the layout is seeded, nothing depends on the clock. Members appear by reference, never by anything personal.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import rustworkx

from services.contracts.fields import parse_time
from services.contracts.network import EntitySeen, LinkSuspected, RingAssessed
from services.contracts.regions import kabupaten
from services.risk.network.words import KIND_WORDS

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter
from matplotlib.ticker import MaxNLocator

NAMED_UP_TO = 25  # members whose reference is written beside them
COLOURS = ("#2f6f8f", "#d98e04", "#5b8c5a", "#9b4f7c", "#7a6a4f", "#4f5d9b", "#b4532a", "#6b6b6b")
STYLE: Any = {"svg.hashsalt": "tppo", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}  # fmt: skip


def draw(ring: RingAssessed, links: Sequence[LinkSuspected], file: Path) -> None:
    """`links` are those of the ring's entities."""
    inside = set(ring.members)
    rows = {r.application_id: r for link in links for r in link.members if r.application_id in inside}
    colour = _colours(rows.values())
    with pyplot.rc_context(STYLE):
        figure, (graph, timeline) = pyplot.subplots(2, 1, figsize=(11, 11), height_ratios=(3, 1), layout="constrained")
        figure.suptitle(f"Jaringan · ring {ring.ring_id[:8]}: {len(ring.members)} pemohon · applicants")
        _graph(graph, links, rows, colour)
        _timeline(timeline, list(rows.values()), colour)
        figure.savefig(file, format="svg", metadata={"Date": None})
        pyplot.close(figure)


def _colours(rows: Any) -> dict[str, str]:
    """By kabupaten, the most frequent first; the rest share the last."""
    often = [k for k, _ in sorted(Counter(_place(r) for r in rows).items(), key=lambda c: (-c[1], c[0]))]
    return {k: COLOURS[min(n, len(COLOURS) - 1)] for n, k in enumerate(often)}


def _place(row: EntitySeen) -> str:
    return kabupaten().get((row.desa or "")[:4], "?")


def _graph(axes: Axes, links: Sequence[LinkSuspected], rows: dict[str, EntitySeen], colour: dict[str, str]) -> None:
    """Things as squares with their kind, members as dots in the colour of their kabupaten."""
    graph: rustworkx.PyGraph[str, None] = rustworkx.PyGraph()
    member = {a: graph.add_node(a) for a in sorted(rows)}
    thing = {link.entity: graph.add_node(link.entity) for link in sorted(links, key=lambda k: k.entity)}
    for link in links:
        graph.add_edges_from_no_data(
            [(thing[link.entity], member[r.application_id]) for r in link.members if r.application_id in member]
        )
    place = rustworkx.spring_layout(graph, seed=7, k=1.6 / max(len(graph), 1) ** 0.5, num_iter=300)
    for one, other in graph.edge_list():
        (x1, y1), (x2, y2) = place[one], place[other]
        axes.plot([x1, x2], [y1, y2], color="#c8c8c8", linewidth=0.7, zorder=1)
    size = 60 if len(rows) <= NAMED_UP_TO else 22
    for application, node in member.items():
        axes.scatter(*place[node], s=size, color=colour[_place(rows[application])], zorder=2)
        if len(rows) <= NAMED_UP_TO:
            axes.annotate(application, place[node], xytext=(5, 5), textcoords="offset points", fontsize=7)
    for link in links:
        words = KIND_WORDS[link.entity_kind]
        count = sum(r.application_id in rows for r in link.members)
        axes.scatter(*place[thing[link.entity]], s=130, marker="s", color="#222222", zorder=3)
        axes.annotate(
            f"{words[0]} · {words[1]} ({count})", place[thing[link.entity]], xytext=(9, -3), textcoords="offset points",
            fontsize=9, weight="bold", zorder=4, bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    for name, shade in colour.items():
        axes.scatter([], [], s=60, color=shade, label=name)
    axes.legend(loc="upper left", frameon=False, title="Kabupaten domisili · of residence")
    axes.margins(0.12)
    axes.axis("off")


def _timeline(axes: Axes, rows: list[EntitySeen], colour: dict[str, str]) -> None:
    """How the ring grew: one step for each member, in the order in which they came."""
    rows = sorted(rows, key=lambda r: (parse_time(r.seen_at), r.application_id))
    days: Any = [parse_time(r.seen_at) for r in rows]
    axes.step(days, range(1, len(rows) + 1), where="post", color="#c8c8c8", zorder=1)
    axes.scatter(days, range(1, len(rows) + 1), s=14, c=[colour[_place(r)] for r in rows], zorder=2)
    axes.xaxis.set_major_formatter(DateFormatter("%d-%m-%Y"))  # type: ignore[no-untyped-call]  # matplotlib has no types there
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(axis="x", labelrotation=20)
    axes.set_ylabel("pemohon · applicants")
    axes.set_xlabel("saat tercatat · when each was seen")
