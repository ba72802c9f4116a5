"""Time by workload and contender: one dot plot on one axis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from benchmarks.chart_style import MARKERS, OTHERS, OURS, WIDTH, chart, color_of, finish, is_ours, marker_of
from benchmarks.markdown import seconds_text
from benchmarks.targets import FLOOR
from benchmarks.workloads import BY_NAME

WORKLOADS = (
    "hll_bigint",
    "hll_varchar",
    "hll_groups",
    "hll_small_groups",
    "hll_merge",
    "histogram",
    "histogram_groups",
    "histogram_merge",
)
SYSTEMS = ("DuckDB", "ClickHouse", "DataFusion", "Polars", "Spark")
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def draw_speed(path: Path, speed: dict[str, Any]) -> None:
    """A row for each workload, and in it a dot for each contender at its time."""
    rows = f"{speed['rows'] / 1e6:g} million rows, {speed['threads']} threads, best of {speed['runs']}"
    subtitle = f"{rows}; each system on data in its own memory; logarithmic scale"
    with chart(path, (WIDTH, 5.9), _finding(speed), subtitle) as figure:
        axes = figure.add_axes((0.265, 0.185, 0.715, 0.655))
        for row, workload in enumerate(WORKLOADS):
            for name, seconds in seconds_by_name(speed, workload).items():
                draw_dot(axes, name, seconds, row)
                if is_ours(name):
                    axes.annotate(
                        seconds_text(seconds), (seconds, row), (0, 8), textcoords="offset points",
                        ha="center", size=9.5, weight="bold", color=OURS,
                    )  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(list(_TICKS)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _axis_seconds(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("time: to the left is faster")
        finish_rows(axes, [BY_NAME[name].title for name in WORKLOADS])
        figure.legend(handles=system_handles(), loc="lower left", ncols=6, frameon=False, fontsize=10.5)


def seconds_by_name(speed: dict[str, Any], workload: str) -> dict[str, float]:
    """The time of each contender that was measured. The floor is none: it answers no such question."""
    cells = speed["workloads"].get(workload, {})
    return {name: cell["seconds"] for name, cell in cells.items() if "seconds" in cell and name != FLOOR}


def draw_dot(axes: Axes, name: str, x: float, row: int) -> None:
    """A contender in its row; ours is greater, and in front."""
    ours = is_ours(name)
    axes.plot(
        x, row, marker_of(name), color=color_of(name), markersize=10 if ours else 7.5, zorder=4 if ours else 3,
        markeredgecolor="white", markeredgewidth=0.6,
    )  # fmt: skip


def finish_rows(axes: Axes, titles: list[str]) -> None:
    """Name the rows, from the top down."""
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(len(titles) - 0.5, -0.7)
    finish(axes)


def system_handles() -> list[Line2D]:
    """The legend: a marker for each system."""
    ours = Line2D([], [], marker="o", linestyle="", color=OURS, markersize=9, label="duckdb_sketch")
    others = [
        Line2D([], [], marker=MARKERS[name], linestyle="", color=OTHERS[name], markersize=7, label=name)
        for name in SYSTEMS
    ]
    return [ours, *others]


def _finding(speed: dict[str, Any]) -> str:
    """In how many workloads we are ahead."""
    faster = first = compared = 0
    for workload in WORKLOADS:
        found = seconds_by_name(speed, workload)
        ours = next((seconds for name, seconds in found.items() if is_ours(name)), None)
        duckdb = next((seconds for name, seconds in found.items() if name.startswith("DuckDB")), None)
        if ours is not None and duckdb is not None:
            compared += 1
            faster += ours < duckdb
            first += ours <= min(found.values())
    return f"Faster than DuckDB's own aggregates in {faster} of {compared} workloads, fastest of all in {first}"


def _axis_seconds(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms"
