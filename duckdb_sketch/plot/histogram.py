"""How many values lie where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.plot.finding import spread
from duckdb_sketch.plot.style import Color, axes_or_new, finish, note, palette_of, ticks
from duckdb_sketch.values import ApproxHistogram
from duckdb_sketch.view import Scale, View, extremes, histogram_of, view_of

Height = Literal["count", "percent", "density"]

_FEW = 25  # that many distinct values get a bar each
_BUCKETS = 40


def histogram(
    h: ApproxHistogram | bytes,
    ax: Axes | None = None,
    *,
    buckets: int | Sequence[float] = _BUCKETS,
    height: Height = "count",
    scale: Scale = "auto",
    label: str = "value",
    color: Color | None = None,
) -> Axes:
    """Draw a distribution as bars.

    Up to 25 distinct values, known exactly, get a bar each. Others share buckets with round edges. Where long tails
    would squash the rest, values that are all above 0 get a logarithmic axis, and of others the tails are left out, at
    most 5 % at either end, as a note in the picture says.

    Args:
        h: The histogram, or its state.
        ax: Where to draw; by default a new pyplot figure.
        buckets: About how many, or their edges, ascending.
        height: What the height of a bar is: how many values, how many percent of all, or a density, whose area is 1.
        scale: Of the axis of values: `linear`, `log`, or as the values are.
        label: What the values are.
        color: Of the bars, as matplotlib takes it.

    Returns:
        The axes.

    Raises:
        InvalidInputError: If `h` is not a histogram or empty, the scale is logarithmic and a value is not above 0, or
            the edges do not ascend.
    """
    h = histogram_of(h)
    if height not in ("count", "percent", "density"):
        raise InvalidInputError(f"height {height!r}: it is 'count', 'percent' or 'density'")
    view = view_of(h, scale)
    if not isinstance(buckets, int):
        lower, upper, counts = _in_buckets(h, buckets)
        view = View(float(lower[0]), float(upper[-1]), scale == "log" or (scale == "auto" and view.log), [])
    elif buckets < 1:
        raise InvalidInputError(f"{buckets} buckets: it has to be 1 or more")
    elif h.stats.exact and h.stats.bins <= _FEW and not view.log and not view.left_out:
        lower, upper, counts = _by_value(h)
        around = 0.0 if h.stats.bins > 1 else 2 * float(upper[0] - lower[0])
        view = View(float(lower[0]) - around, float(upper[-1]) + around, log=False, left_out=[])
    else:
        lower, upper, counts = _in_buckets(h, view.edges(buckets))
    heights = counts
    if height == "percent":
        heights = 100 * counts / h.stats.count
    elif height == "density":
        heights = counts / h.stats.count / (upper - lower)

    palette = palette_of(color)
    ax = axes_or_new(ax)
    ax.bar(lower, heights, upper - lower, align="edge", color=palette.line, linewidth=0)
    # Told apart by lines as high as the lower one of two: an edge around the bar would hide a low one.
    ax.vlines(lower[1:], 0, np.minimum(heights[1:], heights[:-1]), color="white", linewidth=0.5)
    if view.log:
        ax.set_xscale("log")
    else:
        ax.xaxis.set_major_formatter(ticks())
    ax.set_xlim(*view.limits())
    if height == "count":
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(ticks())
    names = {"count": "values", "percent": "percent of the values", "density": "density"}
    finish(ax, spread(h), label, names[height])
    ax.grid(visible=False, axis="x")
    note(ax, view.left_out)
    return ax


_Bars = tuple[np.ndarray, np.ndarray, np.ndarray]  # lower and upper ends, counts


def _in_buckets(h: ApproxHistogram, edges: Sequence[float] | np.ndarray) -> _Bars:
    found = h.buckets(edges)
    counts = np.array([bucket.count for bucket in found])
    return np.asarray(edges[:-1], dtype=float), np.asarray(edges[1:], dtype=float), counts


def _by_value(h: ApproxHistogram) -> _Bars:
    values = np.array([bin.center for bin in h.bins])
    low, high = extremes(h.stats)
    gap = float(np.diff(values).min()) if len(values) > 1 else max(abs(low) / 10, 0.5)
    half = max(0.4 * gap, (high - low) / 200)
    return values - half, values + half, np.array([bin.count for bin in h.bins], dtype=float)
