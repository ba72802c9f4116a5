"""One look for every chart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#22303c"
FAINT = "#8a97a3"
MUTED = "#5d6b78"  # of letters, which need more contrast than lines
GRID = "#e6eaee"
OURS = "#e4572e"
OURS_LIGHT = "#f7b89f"
# Colors and markers of the others, by the system that a contender's name begins with: the color-blind have the markers.
OTHERS = {
    "DuckDB": "#22303c",
    "ClickHouse": "#c79a00",
    "DataFusion": "#0072b2",
    "DataSketches": "#6b4c9a",
    "KLL": "#6b4c9a",
    "t-digest": "#56b4e9",
    "Polars": "#009e73",
    "Spark": "#b8609a",
}
MARKERS = {
    "DuckDB": "s",
    "ClickHouse": "^",
    "DataFusion": "D",
    "DataSketches": "P",
    "KLL": "P",
    "t-digest": "h",
    "Polars": "v",
    "Spark": "X",
}
WIDTH = 10.0
"""Inches of every picture: at the width of a README, its smallest letters are as high as the text around it."""
DOTS_PER_INCH = 150


def is_ours(name: str) -> bool:
    return name.startswith("duckdb_sketch")


def color_of(name: str) -> str:
    """The color of a contender."""
    if is_ours(name):
        return OURS
    return next((color for system, color in OTHERS.items() if name.startswith(system)), FAINT)


def marker_of(name: str) -> str:
    """The marker of a contender; ours is a dot."""
    return next((marker for system, marker in MARKERS.items() if name.startswith(system)), "o")


@contextmanager
def chart(path: Path, size: tuple[float, float], title: str, subtitle: str) -> Iterator[Figure]:
    """A figure of `size` inches with its titles, which is written to `path`; the axes are to leave its top free."""
    style = {"font.size": 10.5, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT}
    with mpl.rc_context(style):  # type: ignore[arg-type]
        figure = Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor="white")
        left, height = 0.22 / size[0], size[1]
        figure.text(left, 1 - 0.42 / height, title, size=15, weight="bold")
        figure.text(left, 1 - 0.7 / height, subtitle, size=10.5, color=MUTED)
        yield figure
        figure.savefig(path)


def finish(axes: Axes, title: str = "", grid: str = "both") -> None:
    """Give axes the common look."""
    if title:
        axes.set_title(title, loc="left", size=12, weight="bold", pad=8)
    axes.grid(color=GRID, linewidth=0.8, axis=grid)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=FAINT, labelcolor=INK, which="both")


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """Name what `axes` shows, in a line at the bottom of the figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=columns, frameon=False, fontsize=10)
