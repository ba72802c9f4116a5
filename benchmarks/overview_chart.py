"""Speed and accuracy in one picture: time as a multiple of ours, and the error of quantiles over bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from benchmarks.chart_style import INK, OURS, WIDTH, chart, color_of, finish, is_ours, marker_of
from benchmarks.speed_chart import WORKLOADS, draw_dot, finish_rows, seconds_by_name, system_handles
from benchmarks.workloads import BY_NAME

_TIMES = (0.25, 0.5, 1, 2, 5, 10, 20, 40)
_ERRORS = (0.1, 1, 10, 100)
_BYTES = (500, 1_000, 2_000, 5_000)
# Where a name does not fit on the right of its point: points to move it by, and how it is aligned.
_PLACES = {
    "DuckDB approx_quantile": (-9, 0, "right"),
    "KLL, k = 200 (datasketches)": (-9, -1, "right"),
    "ClickHouse quantilesTDigest": (0, 12, "center"),
}


def draw_overview(path: Path, speed: dict[str, Any], accuracy: dict[str, Any]) -> None:
    """Times above, errors below."""
    merges = _times(speed, "histogram_merge").get("DuckDB approx_quantile")
    quantiles = _times(speed, "histogram").get("DuckDB approx_quantile")
    title = "Speed and accuracy beside other systems"
    if merges is not None and quantiles is not None:
        title = f"Quantiles {quantiles:.0f} times as fast as DuckDB's own; merging them, {merges:.0f} times"
    rows = f"{speed['rows'] / 1e6:g} million rows, {speed['threads']} threads, best of {speed['runs']}"
    with chart(path, (WIDTH, 8.3), title, f"{rows}; logarithmic scales") as figure:
        _draw_times(figure.add_axes((0.265, 0.495, 0.715, 0.38)), speed)
        figure.legend(
            handles=system_handles(), loc="lower left", bbox_to_anchor=(0.005, 0.387), ncols=6, frameon=False,
            fontsize=10.5,
        )  # fmt: skip
        _draw_errors(figure.add_axes((0.105, 0.075, 0.875, 0.255)), accuracy["histograms"])


def _times(speed: dict[str, Any], workload: str) -> dict[str, float]:
    """The time of each contender as a multiple of ours."""
    seconds = seconds_by_name(speed, workload)
    ours = next((value for name, value in seconds.items() if is_ours(name)), None)
    return {name: value / ours for name, value in seconds.items()} if ours else {}


def _draw_times(axes: Axes, speed: dict[str, Any]) -> None:
    axes.axvline(1, color=OURS, linewidth=1.5, zorder=1)
    for row, workload in enumerate(WORKLOADS):
        for name, times in _times(speed, workload).items():
            draw_dot(axes, name, times, row)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(_TIMES)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_xlabel("time, as a multiple of duckdb_sketch's: to the right is slower")
    finish_rows(axes, [BY_NAME[name].title for name in WORKLOADS])


def _draw_errors(axes: Axes, histograms: dict[str, Any]) -> None:
    for kind, found in histograms["kinds"].items():
        plans = [plan for plans in found.get("by_distribution", {}).values() for plan in plans.values()]
        if not plans:
            continue
        ours = is_ours(kind)
        size, error = max(plan["bytes"] for plan in plans), 100 * max(plan["largest"] for plan in plans)
        axes.plot(size, error, marker_of(kind), color=color_of(kind), markersize=10 if ours else 7.5)
        right, up, align = _PLACES.get(kind, (9, 0, "left"))
        axes.annotate(
            kind.replace(" (datasketches)", ""), (size, error), (right, up), textcoords="offset points",
            va="center", ha=align, size=10.5, color=OURS if ours else INK, weight="bold" if ours else "normal",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(_BYTES)))
    axes.yaxis.set_major_locator(FixedLocator(list(_ERRORS)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f} bytes"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.set_xlim(420, 9_000)
    axes.set_ylim(0.09, 300)
    axes.set_xlabel("size of a state: to the left is smaller")
    count = len(histograms["distributions"])
    finish(axes, f"Largest rank error over {count} smooth distributions")
