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
GRID = "#e6eaee"
OURS = "#e4572e"
OURS_LIGHT = "#f7b89f"
# Colors of the others, by the system that a contender's name begins with.
OTHERS = {
    "DuckDB": "#22303c",
    "ClickHouse": "#c79a00",
    "DataFusion": "#2a7f9e",
    "DataSketches": "#6b4c9a",
    "KLL": "#6b4c9a",
    "t-digest": "#b07cc6",
    "Polars": "#5a8f3c",
    "Spark": "#a8324a",
}
DOTS_PER_INCH = 150


def is_ours(name: str) -> bool:
    return name.startswith("duckdb_sketch")


def color_of(name: str) -> str:
    """The color of a contender."""
    if is_ours(name):
        return OURS
    return next((color for system, color in OTHERS.items() if name.startswith(system)), FAINT)


@contextmanager
def chart(path: Path, size: tuple[float, float], title: str, subtitle: str) -> Iterator[Figure]:
    """A figure of `size` inches with its titles, which is written to `path`; the axes are to leave its top free."""
    style = {"font.size": 10.5, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT}
    with mpl.rc_context(style):  # type: ignore[arg-type]
        figure = Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor="white")
        left, height = 0.22 / size[0], size[1]
        figure.text(left, 1 - 0.46 / height, title, size=17, weight="bold")
        figure.text(left, 1 - 0.78 / height, subtitle, size=11, color=FAINT)
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
