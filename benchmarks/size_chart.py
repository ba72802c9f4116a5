"""Bytes of a stored state over the number of values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.chart_style import WIDTH, chart, color_of, finish, is_ours, marker_of

_STYLES = ("-", "--", ":")


def draw_sizes(path: Path, sizes: dict[str, Any]) -> None:
    """Distinct counts on the left, distributions on the right; below, what Parquet makes of them."""
    subtitle = "Mean bytes per state, as stored and per row of a Parquet file with zstd; logarithmic scales"
    with chart(path, (WIDTH, 8.6), _finding(sizes), subtitle) as figure:
        grid = {"left": 0.085, "right": 0.985, "top": 0.845, "bottom": 0.215, "wspace": 0.12, "hspace": 0.33}
        axes = figure.subplots(2, 2, gridspec_kw=grid, sharey=True)
        for column, (family, title) in enumerate((("distinct", "Distinct counts"), ("distribution", "Distributions"))):
            _draw_panel(axes[0, column], sizes[family], "raw", title)
            _draw_panel(axes[1, column], sizes[family], "parquet", f"{title}, in Parquet")
            axes[1, column].set_xlabel("distinct values")
            handles, labels = axes[0, column].get_legend_handles_labels()
            x = 0.075 if column == 0 else 0.555
            figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(x, 0.0), frameon=False, fontsize=10)


def _draw_panel(axes: Axes, kinds: dict[str, Any], measure: str, title: str) -> None:
    used: dict[str, int] = {}
    for kind, found in kinds.items():
        by_count = found.get("by_count", {})
        color = color_of(kind)
        style = _STYLES[used.get(color, 0) % len(_STYLES)]
        used[color] = used.get(color, 0) + 1
        axes.plot(
            [int(count) for count in by_count],
            [cell[measure] for cell in by_count.values()],
            style,
            marker=marker_of(kind),
            markersize=5.5,
            color=color,
            linewidth=2.6 if is_ours(kind) else 1.5,
            zorder=3 if is_ours(kind) else 2,
            label=kind,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(_axis_count))
    axes.yaxis.set_major_formatter(FuncFormatter(_axis_bytes))
    axes.yaxis.set_minor_formatter(NullFormatter())
    finish(axes, title)


def _finding(sizes: dict[str, Any]) -> str:
    """The greatest mean of our states."""
    most = {}
    for family in ("distinct", "distribution"):
        ours = [found.get("by_count", {}) for kind, found in sizes[family].items() if is_ours(kind)]
        most[family] = max((cell["raw"] for counts in ours for cell in counts.values()), default=0)
    return (
        f"However many values: {most['distinct']:,.0f} bytes count them, "
        f"{most['distribution']:,.0f} bytes hold their distribution"
    )


def _axis_count(value: float, _: object) -> str:
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _axis_bytes(value: float, _: object) -> str:
    return f"{value:g} B" if value < 1000 else f"{value / 1000:g} kB"
