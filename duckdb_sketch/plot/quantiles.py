"""Some quantiles, and the brackets that are proven."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.plot.style import INK, ORANGE, Palette, axes_or_new, finish, number, percent
from duckdb_sketch.plot.view import Scale, histogram_of
from duckdb_sketch.values import ApproxHistogram

_LOG_FROM = 50.0  # times: so far apart, the least are not told apart on a linear axis


def quantiles(
    h: ApproxHistogram | bytes,
    ax: Axes | None = None,
    *,
    quantiles: Sequence[float] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99),
    scale: Scale = "auto",
    label: str = "value",
    color: Palette = ORANGE,
) -> Axes:
    """Draw quantiles as dots with their values, each on the bracket in which the true one is proven to lie.

    Args:
        h: The histogram, or its state.
        ax: Where to draw; by default a new pyplot figure.
        quantiles: Fractions, 0 to 1. The least is drawn at the bottom.
        scale: Of the axis of values: `linear`, `log`, or as the values are.
        label: What the values are.
        color: Of the dots and brackets.

    Returns:
        The axes.

    Raises:
        InvalidInputError: If `h` is no histogram or empty, a fraction is outside 0 to 1, or the scale is logarithmic
            and a value is not above 0.
    """
    h = histogram_of(h)
    fractions = sorted(set(quantiles))
    if not fractions:
        raise InvalidInputError("no quantiles to draw: give fractions, 0 to 1")
    brackets = [bounds for bounds in map(h.quantile_bounds, fractions) if bounds is not None]
    low, high = min(bounds.lower for bounds in brackets), max(bounds.upper for bounds in brackets)
    if scale == "log" and low <= 0:
        raise InvalidInputError(f"a logarithmic scale shows what is above 0, and the least value is {number(low)}")
    ax = axes_or_new(ax)
    rows = range(len(fractions))
    ax.hlines(
        rows, [bounds.lower for bounds in brackets], [bounds.upper for bounds in brackets],
        color=color.inner, linewidth=5, alpha=0.7, label="proven",
    )  # fmt: skip
    ax.plot([bounds.estimate for bounds in brackets], rows, "o", color=color.line, markersize=6, label="estimate")
    for row, bounds in zip(rows, brackets, strict=True):
        ax.annotate(
            number(bounds.estimate), (bounds.estimate, row), xytext=(0, 7), textcoords="offset points",
            size=9.5, color=INK, ha="center",
        )  # fmt: skip
    if scale == "log" or (scale == "auto" and low > 0 and high / low > _LOG_FROM):
        ax.set_xscale("log")
    ax.margins(x=0.06)
    ax.set_ylim(-0.6, len(fractions) - 0.2)
    ax.set_yticks(list(rows), labels=[percent(fraction) for fraction in fractions])
    title = "Quantiles" if h.stats.exact else "Quantiles, and the brackets that are proven"
    finish(ax, title, label, "share of the values up to there", grid="x")
    return ax
