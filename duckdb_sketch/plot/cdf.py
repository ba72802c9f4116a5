"""How many of the values are at most so great."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from duckdb_sketch._text import percent_text
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.plot.finding import up_to
from duckdb_sketch.plot.style import FAINT, INK, Color, Palette, axes_or_new, finish, note, number, palette_of, ticks
from duckdb_sketch.values import ApproxHistogram
from duckdb_sketch.view import Scale, View, histogram_of, view_of

_POINTS = 400
# Close to 0 and 1 a step of rank is a long way among the values.
_TAIL = np.geomspace(1e-5, 0.01, 30)
_RANKS = np.unique(np.concatenate([np.linspace(0, 1, 201), _TAIL, 1 - _TAIL]))


def cdf(
    h: ApproxHistogram | bytes,
    ax: Axes | None = None,
    *,
    marks: Sequence[float] = (0.5, 0.95),
    scale: Scale = "auto",
    label: str = "value",
    color: Color | None = None,
) -> Axes:
    """Draw the fraction of the values that are at most x, and the band that the histogram proves.

    What is shown of long tails is as for `histogram`. A histogram that is still exact has no band.

    Args:
        h: The histogram, or its state.
        ax: Where to draw; by default a new pyplot figure.
        marks: Fractions, 0 to 1, whose quantiles are marked.
        scale: Of the axis of values: `linear`, `log`, or as the values are.
        label: What the values are.
        color: Of the line, as matplotlib takes it; the band is a tint of it.

    Returns:
        The axes.

    Raises:
        InvalidInputError: If `h` is not a histogram or empty, a mark is not a fraction, or the scale is logarithmic and
            a value is not above 0.
    """
    h = histogram_of(h)
    if not all(0 <= mark <= 1 for mark in marks):
        raise InvalidInputError(f"marks {list(marks)}: fractions are 0 to 1")
    view = view_of(h, scale)
    palette = palette_of(color)
    ax = axes_or_new(ax)
    x = _places(h, view)
    if not h.stats.exact:
        brackets = [bounds for bounds in map(h.quantile_bounds, _RANKS.tolist()) if bounds is not None]
        lower = [bounds.lower for bounds in brackets]
        upper = [bounds.upper for bounds in brackets]
        ax.fill_betweenx(_RANKS, lower, upper, color=palette.outer, linewidth=0, label="proven")
    name = "exact" if h.stats.exact else "estimate"
    ax.plot(x, h.cdf(x), color=palette.line, linewidth=1.6, label=name)
    if view.log:
        ax.set_xscale("log")
    else:
        ax.xaxis.set_major_formatter(ticks())
    ax.set_xlim(*view.limits())
    ax.set_ylim(0, 1.04)
    for mark, value in zip(marks, h.quantile(list(marks)), strict=True):
        assert value is not None
        if view.low <= value <= view.high:
            _mark(ax, view, mark, value, palette)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    finish(ax, up_to(h, max(marks, default=0.5)), label, "share of the values")
    ax.legend(loc="lower right", edgecolor="none", framealpha=0.9, labelcolor=INK)
    if view.left_out:
        ax.set_ylim(0, 1.16)  # room for the note
        ax.set_yticks(np.arange(0, 1.01, 0.2))
    note(ax, view.left_out)
    return ax


def _places(h: ApproxHistogram, view: View) -> np.ndarray:
    """Where to read the function: evenly, and at and right below each center, where it may jump."""
    low, high = view.limits()
    even = np.geomspace(low, high, _POINTS) if view.log else np.linspace(low, high, _POINTS)
    centers = np.array([bin.center for bin in h.bins])
    places = np.unique(np.concatenate([even, centers, np.nextafter(centers, -np.inf)]))
    return places[(low <= places) & (places <= high)]


def _mark(ax: Axes, view: View, fraction: float, value: float, color: Palette) -> None:
    ax.plot([value, value, view.limits()[0]], [0, fraction, fraction], ":", color=FAINT, linewidth=1)
    ax.plot(value, fraction, "o", color=color.line, markersize=5)
    right = ax.transAxes.inverted().transform(ax.transData.transform((value, fraction)))[0] > 0.7
    ax.annotate(
        f"{percent_text(fraction)}: {number(value)}", (value, fraction), xytext=(-8 if right else 8, -13),
        textcoords="offset points", size=9.5, color=INK, ha="right" if right else "left",
    )  # fmt: skip
