"""Rank errors by distribution, and the error of HyperLogLog over the cardinality."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks import targets
from benchmarks.chart_style import (
    FAINT,
    INK,
    OURS,
    OURS_LIGHT,
    WIDTH,
    chart,
    color_of,
    finish,
    legend_below,
    marker_of,
)
from benchmarks.hll_accuracy import standard_error


def draw_rank_errors(path: Path, accuracy: dict[str, Any]) -> None:
    """For each distribution the largest error of every sketch, the worst of the ways to merge."""
    histograms = accuracy["histograms"]
    names = histograms["distributions"]
    subtitle = (
        f"Largest rank error of {histograms['quantiles']} quantiles; {histograms['values'] / 1e6:g} million values in "
        f"{histograms['parts']} sketches, merged in the worst order"
    )
    with chart(path, (WIDTH, 6.6), _rank_finding(histograms), subtitle) as figure:
        axes = figure.add_axes((0.14, 0.25, 0.84, 0.56))
        for kind, found in histograms["kinds"].items():
            _draw_kind(axes, kind, found, names)
        goal = 100 * targets.rank_error_target(50, "")
        axes.axvline(goal, color=OURS, linewidth=1, linestyle="--")
        axes.text(goal, -0.78, f"target for 50 bins: {goal:g} %", color=OURS, size=10, ha="center", va="bottom")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.7)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("rank error: to the left is better; logarithmic scale")
        finish(axes)
        legend_below(figure, axes, 2)


def _rank_finding(histograms: dict[str, Any]) -> str:
    found = histograms["kinds"].get("duckdb_sketch, 50 bins", {}).get("by_distribution", {})
    plans = [plan for plans in found.values() for plan in plans.values()]
    if not plans:
        return "Rank errors of quantiles"
    error, size = 100 * max(plan["largest"] for plan in plans), max(plan["bytes"] for plan in plans)
    count = len(histograms["distributions"])
    return f"Quantiles from {size:,} bytes: within {ceil(100 * error) / 100} % on {count} smooth distributions"


def _draw_kind(axes: Axes, kind: str, found: dict[str, Any], names: list[str]) -> None:
    by_name = found.get("by_distribution", {})
    points = [
        (100 * max(plan["largest"] for plan in by_name[name].values()), row)
        for row, name in enumerate(names)
        if by_name.get(name)
    ]
    if not points:
        return
    size = max(plan["bytes"] for plans in by_name.values() for plan in plans.values())
    hollow = found.get("bins") == 100
    axes.plot(
        [error for error, _ in points],
        [row for _, row in points],
        "v" if kind == "ClickHouse histogram(50)" else marker_of(kind),
        color=color_of(kind),
        markerfacecolor="white" if hollow else color_of(kind),
        markersize=10 if found.get("bins") else 7.5,
        markeredgewidth=2 if hollow else 1,
        zorder=3 if found.get("bins") else 2,
        label=f"{kind}: {size:,} B",
    )


def draw_hll_errors(path: Path, accuracy: dict[str, Any]) -> None:
    """Relative standard error and bias over the cardinality, a curve for each precision."""
    hll = accuracy["hll"]
    trials = [int(points[0]["trials"]) for points in hll["curves"].values()]
    subtitle = (
        f"{min(trials):,} to {max(trials):,} sketches at each point"
        if min(trials) < max(trials)
        else (f"{min(trials):,} sketches at each point")
    )
    with chart(path, (WIDTH, 6), _hll_finding(hll), subtitle) as figure:
        grid = {"left": 0.075, "right": 0.955, "top": 0.77, "bottom": 0.115, "wspace": 0.36}
        errors, biases = figure.subplots(1, 2, gridspec_kw=grid)
        # The yellow end of the colors cannot be seen on white.
        colors = [mpl.colormaps["viridis"](0.85 * i / len(hll["curves"])) for i in range(len(hll["curves"]))]
        for number, (lg_k, points) in enumerate(hll["curves"].items()):
            _draw_curve(errors, biases, int(lg_k), points, colors[number])
        finish(errors, "Standard error; dashed: 1.04 / √k")
        finish(biases, "Bias; band: the target")
        _finish_errors(errors)
        _finish_biases(biases, hll)
        for axes in (errors, biases):
            axes.set_xscale("log")
            axes.set_xlim(1, hll["cardinality"])
            axes.set_xlabel("distinct values (logarithmic scale)")
            axes.xaxis.set_major_formatter(FuncFormatter(_axis_count))


def _hll_finding(hll: dict[str, Any]) -> str:
    bias = 100 * max(abs(point["bias"]) for points in hll["curves"].values() for point in points)
    most = max(point["error"] / standard_error(int(lg_k)) for lg_k, points in hll["curves"].items() for point in points)
    return f"Distinct counts: standard error at most {most:.2f} × 1.04 / √k, bias within {bias:.2f} %"


def _axis_count(value: float, _: object) -> str:
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _draw_curve(errors: Axes, biases: Axes, lg_k: int, points: list[dict[str, float]], color: Any) -> None:
    counts = [point["cardinality"] for point in points]
    theory = 100 * standard_error(lg_k)
    errors.axhline(theory, color=color, linewidth=0.9, linestyle="--")
    errors.plot(counts, [100 * point["error"] for point in points], color=color, linewidth=1.7)
    errors.annotate(
        f"lg_k {lg_k}", (1, theory), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
        va="center", size=9.5, color=color,
    )  # fmt: skip
    biases.plot(counts, [100 * point["bias"] for point in points], color=color, linewidth=1.4)


def _finish_errors(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.set_ylim(0.01, 15)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))


def _finish_biases(axes: Axes, hll: dict[str, Any]) -> None:
    aim = 100 * targets.HLL_BIAS
    axes.axhspan(-aim, aim, color=OURS_LIGHT, alpha=0.5, linewidth=0, zorder=0)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    largest = max(abs(point["bias"]) for points in hll["curves"].values() for point in points)
    limit = max(100 * largest * 1.15, 2 * aim)
    axes.set_ylim(-limit, limit)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.2g} %" if value else "0"))
    axes.tick_params(axis="y", labelcolor=INK)
