"""Quantiles over time, as bands around the median."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex

from duckdb_sketch._text import percent_text
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families import Distribution
from duckdb_sketch.plot.finding import between
from duckdb_sketch.plot.lines import draw_band, draw_line, set_dates
from duckdb_sketch.plot.series import floats, series_of
from duckdb_sketch.plot.style import Color, Palette, axes_or_new, finish, legend_on_top, note, palette_of, ticks
from duckdb_sketch.values import histogram_quantile
from duckdb_sketch.values.data import Data

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def quantile_bands(
    times: Any,
    histograms: Data,
    ax: Axes | None = None,
    *,
    quantiles: Sequence[float] = QUANTILES,
    every: str | None = "auto",
    label: str = "value",
    color: Color | None = None,
) -> Axes:
    """Draw quantiles over time: bands between the outermost, the next, and so on, and a line for the one in the middle.

    Rows of the same time are merged first. Lines and bands break where a time is missing, or nothing was counted.

    Args:
        times: A column of dates or timestamps, in any order: pandas, Polars, Arrow, NumPy, or a list.
        histograms: The column of approximate histograms beside it.
        ax: Where to draw; by default a new pyplot figure.
        quantiles: Fractions, 0 to 1: of an even number of them there is no line.
        every: A unit of time, `minute` to `year`, whose sketches are merged to a point each. `auto`: where there are
            more times than the axes have room for, the finest unit that fits, which a note names. None: no merging.
        label: What the values are.
        color: Of the line, as matplotlib takes it; bands are tints of it.

    Returns:
        The axes.

    Raises:
        InvalidInputError: If the columns are not of one length, or not of times and histograms, or without any value;
            or a fraction is outside 0 to 1.
    """
    fractions = sorted(set(quantiles))
    if not fractions:
        raise InvalidInputError("no quantiles to draw: give fractions, 0 to 1")
    ax = axes_or_new(ax)
    series = series_of(times, histograms, Distribution, every, ax)
    answers = histogram_quantile(series.states, fractions)
    if all(value is None or None in value for value in answers.to_pylist()):
        raise InvalidInputError("every histogram is NULL or empty: there is nothing to draw")
    columns = [floats(answers, lambda a, i=i: a[i]) for i in range(len(fractions))]  # type: ignore[misc]
    x, values = series.spaced(*columns)
    palette = palette_of(color)
    pairs = len(fractions) // 2
    for i, tint in enumerate(tints(palette, pairs)):
        name = f"{percent_text(fractions[i])} to {percent_text(fractions[-1 - i])}"
        draw_band(ax, x, values[i], values[-1 - i], tint, name)
    if len(fractions) % 2:
        middle = fractions[pairs]
        name = "median" if middle == 0.5 else percent_text(middle)
        draw_line(ax, x, values[pairs], palette.line, linewidth=1.4, label=name)
    set_dates(ax, series.times, series.width())
    ax.yaxis.set_major_formatter(ticks())
    what = "median" if fractions[pairs] == 0.5 else f"quantile {percent_text(fractions[pairs])}"
    finish(ax, between(values[pairs], what, series.scope), "", label)
    legend_on_top(ax, pairs + 1)
    note(ax, series.merged)
    return ax


def tints(color: Palette, count: int) -> list[str]:
    """Colors of `count` bands, from the outermost, which is the lightest."""
    shades = LinearSegmentedColormap.from_list("tints", [color.outer, color.inner])
    return [to_hex(shades(i / max(count - 1, 1))) for i in range(count)]
