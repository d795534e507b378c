"""Draws a tally as one SVG page: purposes, kabupaten, arrivals over the day, ring sizes. Same tally, same bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

from services.contracts import regions
from services.simulator.marginals import AREA, Tally
from services.simulator.mix import mix

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.axes import Axes

INK, TARGET = "#2f6f8f", "#d98e04"
STYLE: Any = {
    "svg.hashsalt": "tppo",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(tally: Tally, title: str, file: Path) -> None:
    """Four panels; orange marks are the targets of the reference."""
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(2, 2, figsize=(12, 8.5), layout="constrained")
        figure.suptitle(title)
        _purposes(axes[0][0], tally)
        _kabupaten(axes[0][1], tally)
        _arrivals(axes[1][0], tally)
        _rings(axes[1][1], tally)
        figure.savefig(file, format="svg", metadata={"Date": None})
        pyplot.close(figure)


def _bars(axis: Axes, labels: Sequence[str], values: Sequence[float], targets: Sequence[float]) -> None:
    places = list(range(len(labels)))[::-1]
    axis.barh(places, values, color=INK, height=0.65)
    axis.scatter(targets, places, marker="|", s=220, linewidths=2.5, color=TARGET, zorder=3)
    axis.set_yticks(places, labels)
    axis.set_xlabel("% of applications (orange: target)")


def _purposes(axis: Axes, tally: Tally) -> None:
    names = list(mix().purposes)
    axis.set_title("Tujuan / purpose")
    _bars(axis, names, [tally.percent("purpose", n) for n in names], [mix().purposes[n].share for n in names])


def _kabupaten(axis: Axes, tally: Tally) -> None:
    residence: Mapping[str, float] = {k: mix().raw["residence"][k] for k in AREA} | {"others": 11}
    labels = [regions.kabupaten().get(k, "lain / others").removeprefix("Kabupaten ") for k in residence]
    axis.set_title("Tempat tinggal / residence")
    _bars(axis, labels, [tally.percent("kabupaten", k) for k in residence], list(residence.values()))


def _arrivals(axis: Axes, tally: Tally) -> None:
    halves = range(14, 34)
    axis.bar([h / 2 + 0.25 for h in halves], [tally.arrivals[h] for h in halves], width=0.45, color=INK)
    axis.set_title("Kedatangan menurut jam / arrivals over the day")
    axis.set_xlabel("hour, WIB")
    axis.set_ylabel("people")
    axis.set_xticks(range(7, 18))


def _rings(axis: Axes, tally: Tally) -> None:
    axis.set_title("Jaringan: ukuran / rings: people in each")
    if not tally.rings:
        axis.text(0.5, 0.5, "tidak ada jaringan / no ring", ha="center", va="center", transform=axis.transAxes)
        axis.set_axis_off()
        return
    rings = sorted(tally.rings, key=lambda r: -r[1])
    places = list(range(len(rings)))[::-1]
    axis.barh(places, [size for _, size in rings], color=INK, height=0.65)
    axis.set_yticks(places, [name for name, _ in rings])
    for place, (_, size) in zip(places, rings, strict=True):
        axis.text(size, place, f" {size}", va="center")
    axis.set_xlabel("people")
