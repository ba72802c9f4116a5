"""How many distinct values, over time."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families import DistinctCount
from duckdb_sketch.plot.finding import between
from duckdb_sketch.plot.lines import draw_band, draw_line, set_dates
from duckdb_sketch.plot.series import floats, series_of
from duckdb_sketch.plot.style import Color, axes_or_new, finish, legend_on_top, note, palette_of, ticks
from duckdb_sketch.values.columns import distinct_bounds
from duckdb_sketch.values.data import Data


def uniques(
    times: Any,
    sketches: Data,
    ax: Axes | None = None,
    *,
    num_std_dev: int = 2,
    every: str | None = "auto",
    label: str = "distinct values",
    color: Color | None = None,
) -> Axes:
    """Draw how many distinct values each time has, with the band of the error.

    Rows of the same time are merged first: of a rollup by hour and page comes one line. The line breaks where a time is
    missing or its sketches are NULL; an empty sketch is a 0. Times are drawn in the time zone of their column.

    Args:
        times: A column of dates or timestamps, in any order: pandas, Polars, Arrow, NumPy, or a list.
        sketches: The column of HLL sketches beside it, or of others that count distinct values.
        ax: Where to draw; by default a new pyplot figure.
        num_std_dev: How wide the band is to either side, in standard errors: 1, 2 or 3.
        every: A unit of time, `minute` to `year`, whose sketches are merged to a point each. `auto`: where there are
            more times than the axes have room for, the finest unit that fits, which a note names. None: no merging.
        label: What is counted.
        color: Of the line, as matplotlib takes it; the band is a tint of it.

    Returns:
        The axes.

    Raises:
        InvalidInputError: If the columns are not of one length, or not of times and such sketches, or without any.
    """
    ax = axes_or_new(ax)
    series = series_of(times, sketches, DistinctCount, every, ax)
    bounds = distinct_bounds(series.states, series.family, num_std_dev)
    if bounds.null_count == len(bounds):
        raise InvalidInputError("every sketch is NULL: there is nothing to draw")
    columns = [floats(bounds, lambda b, end=end: b[end]) for end in ("lower", "estimate", "upper")]  # type: ignore[misc]
    x, (lower, estimate, upper) = series.spaced(*columns)
    palette = palette_of(color)
    errors = "standard error" if num_std_dev == 1 else "standard errors"
    draw_band(ax, x, lower, upper, palette.outer, f"± {num_std_dev} {errors}")
    draw_line(ax, x, estimate, palette.line, linewidth=1.3, label="estimate")
    set_dates(ax, series.times, series.width())
    if ax.get_ylim()[0] < 0.4 * ax.get_ylim()[1]:
        ax.set_ylim(bottom=0)  # nothing is lost by showing how far above it is
    ax.yaxis.set_major_formatter(ticks())
    finish(ax, between(estimate, "distinct values", series.scope), "", label)
    legend_on_top(ax, 2)
    note(ax, series.merged)
    return ax
