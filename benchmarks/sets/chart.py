"""The picture of the errors of set operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.chart_style import FAINT, INK, OURS, chart, finish, legend_below
from benchmarks.sets.accuracy import DIFFERENCE, LIKELIHOOD, THETA

_COLORS = {THETA: OURS, LIKELIHOOD: INK, DIFFERENCE: FAINT}
_LABELS = {
    THETA: "theta sketches, lg_nom_entries 12",
    LIKELIHOOD: "HLL sketches, lg_k 12: hll_intersection",
    DIFFERENCE: "HLL sketches, lg_k 12: the difference of estimates",
}


def draw(path: Path, accuracy: dict[str, Any]) -> None:
    """The relative error of a union, an intersection and a difference over the Jaccard index."""
    subtitle = (
        f"Relative standard error of {accuracy['trials']} pairs of sets of {accuracy['values']:,} values each, by "
        "their Jaccard index; both axes logarithmic"
    )
    with chart(path, (13, 6), "Theta sketches intersect with a fraction of the error", subtitle) as figure:
        for i, what in enumerate(("union", "intersection", "difference")):
            axes = figure.add_axes((0.06 + 0.32 * i, 0.19, 0.27, 0.56))
            for how, color in _COLORS.items():
                _line(axes, accuracy, what, how, color)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylim(0.5, 2000)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.set_xlabel("Jaccard index")
            finish(axes, {"union": "A or B", "intersection": "A and B", "difference": "A but not B"}[what])
        legend_below(figure, figure.axes[1], 3)


def _line(axes: Axes, accuracy: dict[str, Any], what: str, how: str, color: str) -> None:
    points = [
        (point["likeness"], 100 * found["error"])
        for point in accuracy["points"]
        for found in point["found"]
        if (found["what"], found["how"]) == (what, how)
        and point["common"] < accuracy["values"] + (what != "difference")
    ]
    if points:
        axes.plot(*zip(*points, strict=True), color=color, marker="o", markersize=4, label=_LABELS[how])
