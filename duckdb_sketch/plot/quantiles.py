"""Some quantiles, and the brackets that are proven."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from duckdb_sketch._text import percent_text
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.plot.style import FAINT, INK, Color, axes_or_new, finish, number, palette_of, ticks
from duckdb_sketch.values import ApproxHistogram, Bounds
from duckdb_sketch.view import Scale, histogram_of, view_of

_BEYOND = 0.5  # of the distance between the quantiles: brackets that are longer run out of the picture


def quantiles(
    h: ApproxHistogram | bytes,
    ax: Axes | None = None,
    *,
    quantiles: Sequence[float] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99),
    scale: Scale = "auto",
    label: str = "value",
    color: Color | None = None,
) -> Axes:
    """Draw quantiles as dots with their values, each on the bracket in which the exact one is proven to lie.

    Args:
        h: The histogram, or its state.
        ax: Where to draw; by default a new pyplot figure.
        quantiles: Fractions, 0 to 1. The least is drawn at the bottom.
        scale: Of the axis of values: `linear`, `log`, or as the values are.
        label: What the values are.
        color: Of the dots, as matplotlib takes it; brackets are a tint of it.

    Returns:
        The axes.

    Raises:
        InvalidInputError: If `h` is not a histogram or empty, a fraction is outside 0 to 1, or the scale is logarithmic
            and a value is not above 0.
    """
    h = histogram_of(h)
    fractions = sorted(set(quantiles))
    if not fractions:
        raise InvalidInputError("no quantiles to draw: give fractions, 0 to 1")
    brackets = [bounds for bounds in map(h.quantile_bounds, fractions) if bounds is not None]
    log = view_of(h, scale).log
    palette = palette_of(color)
    ax = axes_or_new(ax)
    rows = range(len(fractions))
    ax.hlines(
        rows, [bounds.lower for bounds in brackets], [bounds.upper for bounds in brackets],
        color=palette.inner, linewidth=5, alpha=0.7, label="proven",
    )  # fmt: skip
    ax.plot([bounds.estimate for bounds in brackets], rows, "o", color=palette.line, markersize=6, label="estimate")
    for row, bounds in zip(rows, brackets, strict=True):
        ax.annotate(
            number(bounds.estimate), (bounds.estimate, row), xytext=(0, 7), textcoords="offset points",
            size=9.5, color=INK, ha="center",
        )  # fmt: skip
    ax.margins(x=0.06)
    if log:
        ax.set_xscale("log")
    else:
        ax.xaxis.set_major_formatter(ticks())
        _limit(ax, brackets)
    ax.set_ylim(-0.6, len(fractions) - 0.2)
    ax.set_yticks(list(rows), labels=[percent_text(fraction) for fraction in fractions])
    middle = min(brackets, key=lambda bounds: abs(brackets.index(bounds) - (len(brackets) - 1) / 2))
    proven = "" if h.stats.exact else f", proven: {number(middle.lower)} to {number(middle.upper)}"
    fraction = fractions[brackets.index(middle)]
    name = "Median" if fraction == 0.5 else f"Quantile {percent_text(fraction)}"
    finish(ax, f"{name} {number(middle.estimate)}{proven}", label, "share of the values up to there", grid="x")
    return ax


def _limit(ax: Axes, brackets: list[Bounds]) -> None:
    """Let brackets of the far tails run out of the picture, with their ends in words."""
    least, greatest = brackets[0].estimate, brackets[-1].estimate
    beyond = _BEYOND * (greatest - least)
    if not beyond:
        return
    low = min([least, *(bounds.lower for bounds in brackets if bounds.lower >= least - beyond)])
    high = max([greatest, *(bounds.upper for bounds in brackets if bounds.upper <= greatest + beyond)])
    margin = 0.06 * (high - low)
    # Room for the words beside the value of the outermost quantile.
    left = margin + (3 * margin if any(bounds.lower < low for bounds in brackets) else 0)
    right = margin + (3 * margin if any(bounds.upper > high for bounds in brackets) else 0)
    ax.set_xlim(low - left, high + right)
    for row, bounds in enumerate(brackets):
        if bounds.lower < low:
            _end(ax, row, low - left, f"← {number(bounds.lower)}", "left")
        if bounds.upper > high:
            _end(ax, row, high + right, f"{number(bounds.upper)} →", "right")


def _end(ax: Axes, row: int, x: float, text: str, side: str) -> None:
    ax.annotate(text, (x, row), xytext=(0, 7), textcoords="offset points", size=9, color=FAINT, ha=side)
