"""Time by workload and contender."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.chart_style import chart, color_of, finish, is_ours
from benchmarks.markdown import seconds_text
from benchmarks.workloads import BY_NAME

_PANELS = (
    ("hll_bigint", "hll_varchar", "hll_groups", "hll_small_groups"),
    ("hll_merge", "histogram", "histogram_groups", "histogram_merge"),
)
# The time axis is so many times longer than its data on the right, for the numbers.
_ROOM = 4.0


def draw_speed(path: Path, speed: dict[str, Any]) -> None:
    """One panel for each workload; a point for each contender, with its time as a multiple of ours."""
    rows = f"{speed['rows'] / 1e6:g} million rows, {speed['threads']} threads, best of {speed['runs']}"
    subtitle = f"{rows}; each system on data in its own memory. Time on a logarithmic scale; in parentheses, times ours"
    with chart(path, (16, 10.6), "How long it takes", subtitle) as figure:
        grid = {"left": 0.016, "right": 0.99, "top": 0.87, "bottom": 0.04, "wspace": 0.09, "hspace": 0.2}
        axes = figure.subplots(2, 4, gridspec_kw=grid)
        for row, names in zip(axes, _PANELS, strict=True):
            for panel, name in zip(row, names, strict=True):
                _draw_panel(panel, BY_NAME[name].title, speed["workloads"].get(name, {}))


def _draw_panel(axes: Axes, title: str, cells: dict[str, Any]) -> None:
    measured = {name: cell["seconds"] for name, cell in cells.items() if "seconds" in cell}
    order = sorted(measured, key=lambda name: measured[name])
    finish(axes, title, grid="x")
    axes.set_yticks([])
    if not order:
        return
    axes.set_ylim(len(order) - 0.5, -0.9)
    left = measured[order[0]] / 1.6
    axes.set_xscale("log")
    axes.set_xlim(left, measured[order[-1]] * _ROOM)
    ours = next((measured[name] for name in order if is_ours(name)), None)
    for row, name in enumerate(order):
        _draw_contender(axes, row, name, measured[name], left, ours)
    axes.xaxis.set_major_locator(LogLocator(10))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_contender(axes: Axes, row: int, name: str, seconds: float, left: float, ours: float | None) -> None:
    color = color_of(name)
    weight = "bold" if is_ours(name) else "normal"
    text = seconds_text(seconds)
    if ours is not None and not is_ours(name):
        text += f" ({seconds / ours:.1f})"
    axes.hlines(row, left, seconds, color=color, linewidth=2.4, alpha=0.45)
    axes.plot(seconds, row, "o", color=color, markersize=8.5 if is_ours(name) else 7)
    axes.annotate(text, (seconds, row), (9, 0), textcoords="offset points", va="center", size=10, weight=weight)
    axes.annotate(
        name, (left, row), (5, 8), textcoords="offset points", va="bottom", size=10, weight=weight, color=color
    )
