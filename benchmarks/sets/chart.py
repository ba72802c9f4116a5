"""The picture of the errors of set operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.chart_style import FAINT, INK, OURS, WIDTH, chart, finish
from benchmarks.sets.accuracy import DIFFERENCE, LIKELIHOOD, THETA

_COLORS = {THETA: OURS, LIKELIHOOD: INK, DIFFERENCE: FAINT}
_SHAPES = {THETA: "o", LIKELIHOOD: "s", DIFFERENCE: "^"}
_LABELS = {
    THETA: "theta sketches, lg_nom_entries 12",
    LIKELIHOOD: "HLL sketches, lg_k 12: hll_intersection",
    DIFFERENCE: "HLL sketches, lg_k 12: the difference of estimates",
}


def draw(path: Path, accuracy: dict[str, Any]) -> None:
    """The relative error of a union, an intersection and a difference over the Jaccard index."""
    subtitle = (
        f"Relative standard error over {accuracy['trials']} pairs of sets of {accuracy['values']:,} values each; "
        "logarithmic scales"
    )
    with chart(path, (WIDTH, 5), _finding(accuracy), subtitle) as figure:
        for i, what in enumerate(("union", "intersection", "difference")):
            axes = figure.add_axes((0.085 + 0.31 * i, 0.29, 0.275, 0.44))
            for how, color in _COLORS.items():
                _line(axes, accuracy, what, how, color)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylim(0.5, 2000)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.set_xlabel("Jaccard index of A and B")
            if i:
                axes.tick_params(axis="y", labelleft=False)
            finish(axes, {"union": "A or B", "intersection": "A and B", "difference": "A but not B"}[what])
        handles, labels = figure.axes[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower left", ncols=2, frameon=False, fontsize=10)


def _finding(accuracy: dict[str, Any]) -> str:
    """How many times smaller the error of an intersection is where the sets have least in common."""
    point = min(accuracy["points"], key=lambda point: point["likeness"])
    errors = {found["how"]: found["error"] for found in point["found"] if found["what"] == "intersection"}
    if not errors.get(THETA) or LIKELIHOOD not in errors:
        return "Errors of set operations"
    times = errors[LIKELIHOOD] / errors[THETA]
    return f"Theta intersections: {times:.0f} times less error than HLL where sets share {100 * point['likeness']:g} %"


def _line(axes: Axes, accuracy: dict[str, Any], what: str, how: str, color: str) -> None:
    points = [
        (point["likeness"], 100 * found["error"])
        for point in accuracy["points"]
        for found in point["found"]
        if (found["what"], found["how"]) == (what, how)
        and point["common"] < accuracy["values"] + (what != "difference")
    ]
    if points:
        axes.plot(*zip(*points, strict=True), color=color, marker=_SHAPES[how], markersize=5, label=_LABELS[how])
