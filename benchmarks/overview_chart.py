"""Speed and accuracy in one picture: time as a multiple of ours, and the error of quantiles over bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from benchmarks.chart_style import FAINT, INK, OURS, chart, color_of, finish, is_ours
from benchmarks.workloads import BY_NAME

_WORKLOADS = (
    "hll_bigint",
    "hll_varchar",
    "hll_groups",
    "hll_small_groups",
    "hll_merge",
    "histogram",
    "histogram_groups",
    "histogram_merge",
)
_SYSTEMS = ("DuckDB", "ClickHouse", "DataFusion", "Polars", "Spark")
_TIMES = (0.25, 0.5, 1, 2, 5, 10, 20, 40)
_ERRORS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_BYTES = (500, 1_000, 2_000, 5_000)
# Where a name does not fit on the right of its point: points to move it by, and how it is aligned.
_PLACES = {
    "DuckDB approx_quantile": (9, -4, "left"),
    "KLL, k = 200 (datasketches)": (-9, 0, "right"),
    "ClickHouse quantilesTDigest": (-9, 6, "right"),
}


def draw_overview(path: Path, speed: dict[str, Any], accuracy: dict[str, Any]) -> None:
    """Times on the left, errors on the right."""
    merges = _times(speed, "histogram_merge").get("DuckDB approx_quantile")
    quantiles = _times(speed, "histogram").get("DuckDB approx_quantile")
    title = "Speed and accuracy beside other systems"
    if merges is not None and quantiles is not None:
        title = f"Quantiles {quantiles:.0f} times as fast as DuckDB's own, and merges of them {merges:.0f} times"
    rows = f"{speed['rows'] / 1e6:g} million rows, {speed['threads']} threads, best of {speed['runs']}"
    with chart(path, (13, 5.9), title, f"{rows}; logarithmic scales") as figure:
        grid = {"left": 0.205, "right": 0.985, "top": 0.79, "bottom": 0.17, "wspace": 0.2, "width_ratios": [1.1, 1]}
        times, errors = figure.subplots(1, 2, gridspec_kw=grid)
        _draw_times(times, speed)
        _draw_errors(errors, accuracy["histograms"])
        handles = [
            Line2D([], [], marker="o", linestyle="", color=color_of(name), label=name)
            for name in ("duckdb_sketch", *_SYSTEMS)
        ]
        figure.legend(handles=handles, loc="lower left", ncols=len(handles), frameon=False, fontsize=10)


def _times(speed: dict[str, Any], workload: str) -> dict[str, float]:
    """The time of each contender as a multiple of ours."""
    cells = speed["workloads"].get(workload, {})
    seconds = {name: cell["seconds"] for name, cell in cells.items() if "seconds" in cell}
    ours = next((value for name, value in seconds.items() if is_ours(name)), None)
    return {name: value / ours for name, value in seconds.items()} if ours else {}


def _draw_times(axes: Axes, speed: dict[str, Any]) -> None:
    for row, workload in enumerate(_WORKLOADS):
        for name, times in _times(speed, workload).items():
            if not is_ours(name):
                axes.plot(times, row, "o", color=color_of(name), markersize=7.5, alpha=0.85)
    axes.axvline(1, color=OURS, linewidth=2, zorder=1)
    axes.text(1, -0.75, "duckdb_sketch", color=OURS, size=10, ha="center", va="bottom", weight="bold")
    axes.set_yticks(range(len(_WORKLOADS)), [BY_NAME[name].title for name in _WORKLOADS])
    axes.set_ylim(len(_WORKLOADS) - 0.5, -0.7)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(_TIMES)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.set_xlabel("time, as a multiple of ours: to the right is slower than ours")
    finish(axes)


def _draw_errors(axes: Axes, histograms: dict[str, Any]) -> None:
    for kind, found in histograms["kinds"].items():
        plans = [plan for plans in found.get("by_distribution", {}).values() for plan in plans.values()]
        if not plans:
            continue
        size, error = max(plan["bytes"] for plan in plans), 100 * max(plan["largest"] for plan in plans)
        axes.plot(size, error, "o", color=color_of(kind), markersize=9 if is_ours(kind) else 7.5)
        right, up, align = _PLACES.get(kind, (9, 0, "left"))
        axes.annotate(
            kind.replace(" (datasketches)", ""), (size, error), (right, up), textcoords="offset points",
            va="center", ha=align, size=10, color=INK if not is_ours(kind) else OURS,
            weight="bold" if is_ours(kind) else "normal",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(_BYTES)))
    axes.yaxis.set_major_locator(FixedLocator(list(_ERRORS)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f} B"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.set_xlim(420, 9_000)
    axes.set_xlabel("bytes of a state")
    count = len(histograms["distributions"])
    finish(axes, f"Largest rank error of {count} smooth distributions")
    axes.title.set_fontsize(11)
    axes.tick_params(color=FAINT)
