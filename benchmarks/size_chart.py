"""Bytes of a stored state over the number of values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.chart_style import chart, color_of, finish, is_ours

_STYLES = ("-", "--", ":")


def draw_sizes(path: Path, sizes: dict[str, Any]) -> None:
    """Distinct counts on the left, distributions on the right; below, what Parquet makes of them."""
    subtitle = "Mean bytes of one state, on logarithmic scales: above as it is, below a row of a Parquet file with zstd"
    with chart(path, (14, 9.4), "How large a stored sketch is", subtitle) as figure:
        grid = {"left": 0.065, "right": 0.985, "top": 0.855, "bottom": 0.16, "wspace": 0.15, "hspace": 0.28}
        axes = figure.subplots(2, 2, gridspec_kw=grid, sharey=True)
        for column, (family, title) in enumerate((("distinct", "Distinct counts"), ("distribution", "Distributions"))):
            _draw_panel(axes[0, column], sizes[family], "raw", title)
            _draw_panel(axes[1, column], sizes[family], "parquet", f"{title}, in Parquet")
            axes[1, column].set_xlabel("distinct values")
            handles, labels = axes[0, column].get_legend_handles_labels()
            x = 0.065 if column == 0 else 0.545
            figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(x, 0.005), ncols=2, frameon=False)


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
            marker="o",
            markersize=5,
            color=color,
            linewidth=2.6 if is_ours(kind) else 1.5,
            zorder=3 if is_ours(kind) else 2,
            label=kind,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(_axis_bytes))
    axes.yaxis.set_minor_formatter(NullFormatter())
    finish(axes, title)


def _axis_bytes(value: float, _: object) -> str:
    return f"{value:g} B" if value < 1000 else f"{value / 1000:g} kB"
