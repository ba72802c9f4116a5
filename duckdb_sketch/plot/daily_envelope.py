"""What a day looks like: for each time of day the extremes, the mean and quantiles of all days."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median_low
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families import Distribution
from duckdb_sketch.plot.series import floats, merge, times_of
from duckdb_sketch.plot.style import BLUE, FAINT, INK, ORANGE, Palette, axes_or_new, finish, number, ticks
from duckdb_sketch.values import histogram_quantile, histogram_stats
from duckdb_sketch.values.data import Data

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_DAY = 24 * 60
_APART = 2.0  # hours between two days drawn side by side
_SQUASHED = 3.0  # times: extremes so far outside of the bands would leave these no room


@dataclass(frozen=True)
class _Day:
    """One kind of day: a number for each slot, at its start, in hours."""

    name: str
    hours: list[float]
    least: list[float]
    greatest: list[float]
    mean: list[float]
    quantiles: list[list[float]]
    color: Palette


def daily_envelope(
    times: Any,
    histograms: Data,
    ax: Axes | None = None,
    *,
    weekend: Collection[int] = (5, 6),
    label: str = "value",
) -> Axes:
    """Draw the daily cycle, weekdays and weekends side by side.

    Histograms of the same time of day are merged over all days. For each time of day there is the mean and the median,
    bands from 5 % to 95 % and from 25 % to 75 %, the minimum and the maximum. An extreme that would squash the bands is
    not drawn, and a note names it. The time of day is the one in the time zone of the column.

    Args:
        times: A column of timestamps, truncated to hours or less: pandas, Polars, Arrow, NumPy, or a list.
        histograms: The column of approximate histograms beside it.
        ax: Where to draw; by default a new pyplot figure. Its x are hours: 0 to 24 for weekdays, 26 to 50 for weekends.
        weekend: Its days, Monday is 0. Without any, all days are drawn as one.
        label: What the values are.

    Returns:
        The axes.

    Raises:
        InvalidInputError: If the columns are not of one length, or not of times and histograms, or without any value,
            or all times are midnights.
    """
    if not set(weekend) <= set(range(7)):
        raise InvalidInputError(f"weekend {sorted(weekend)}: days are 0, Monday, to 6, Sunday")
    column = times_of(times)
    moments: list[datetime | None] = column.to_pylist()
    keys = [None if moment is None else _key(moment, weekend) for moment in moments]
    found, states, _ = merge(pa.array(keys, pa.int64()), histograms, Distribution)
    if {key % _DAY for key in found} == {0}:
        raise InvalidInputError("all times are midnights: the daily cycle needs a rollup by hour, or finer")
    days = _days(found, states, bool(set(weekend)))
    if not days:
        raise InvalidInputError("every histogram is NULL or empty: there is nothing to draw")
    ax = axes_or_new(ax)
    step = _step(found)
    left_out, extremes = _limit(ax, days)
    for index, day in enumerate(days):
        _draw(ax, day, index * (24 + _APART), step, extremes)
    _set_hours(ax, days)
    ax.yaxis.set_major_formatter(ticks())
    finish(ax, _finding(days), "time of day", label)
    ax.legend(
        handles=_legend(extremes), loc="upper left", edgecolor="none", framealpha=0.9, labelcolor=INK, ncols=3,
        fontsize=9,
    )  # fmt: skip
    ax.annotate(
        ", ".join(left_out), (1, 0), xycoords="axes fraction", xytext=(0, -31), textcoords="offset points",
        ha="right", size=9, color=FAINT,
    )  # fmt: skip
    return ax


def _key(moment: datetime, weekend: Collection[int]) -> int:
    """The minute of the day, after those of a weekday for a weekend."""
    return (moment.weekday() in weekend) * _DAY + moment.hour * 60 + moment.minute


def _step(keys: list[int]) -> float:
    """How many hours a slot takes."""
    slots = sorted({key % _DAY for key in keys})
    return median_low([after - before for before, after in pairwise([*slots, slots[0] + _DAY])]) / 60


def _days(keys: list[int], states: Any, split: bool) -> list[_Day]:
    stats = histogram_stats(states)
    least, greatest, mean = ([*floats(stats, lambda s, n=name: s[n])] for name in ("min", "max", "mean"))  # type: ignore[misc]
    answers = histogram_quantile(states, _QUANTILES)
    quantiles = [floats(answers, lambda a, i=i: a[i]) for i in range(len(_QUANTILES))]  # type: ignore[misc]
    days = []
    for index, (name, color) in enumerate((("weekdays" if split else "all days", ORANGE), ("weekends", BLUE))):
        rows = [i for i, key in enumerate(keys) if key // _DAY == index and least[i] == least[i]]

        def take(values: list[float], rows: list[int] = rows) -> list[float]:
            return [values[i] for i in rows]

        hours = [keys[i] % _DAY / 60 for i in rows]
        bands = [take(values) for values in quantiles]
        if rows:
            days.append(_Day(name, hours, take(least), take(greatest), take(mean), bands, color))
    return days


def _draw(ax: Axes, day: _Day, left: float, step: float, extremes: list[str]) -> None:
    """Draw a day with some of its extremes, each slot as wide as it is; missing slots leave a gap."""
    x: list[float] = []
    rows: list[int | None] = []
    for row, hour in enumerate(day.hours):
        if row and hour - day.hours[row - 1] > 1.01 * step:
            x.append(left + day.hours[row - 1] + step)
            rows.append(None)
        x += [left + hour, left + hour + step]
        rows += [row, row]

    def spread(values: list[float]) -> list[float]:
        return [float("nan") if row is None else values[row] for row in rows]

    low, lower, middle, upper, high = (spread(values) for values in day.quantiles)
    color = day.color
    ax.fill_between(x, low, high, color=color.outer, linewidth=0)
    ax.fill_between(x, lower, upper, color=color.inner, linewidth=0)
    ax.plot(x, middle, color=color.line, linewidth=1.8)
    ax.plot(x, spread(day.mean), color=INK, linewidth=1.3, linestyle=(0, (4, 1.5)))
    for values in (values for name, values in (("minimum", day.least), ("maximum", day.greatest)) if name in extremes):
        ax.plot(x, spread(values), color=color.line, linewidth=1, linestyle=":")
    ax.annotate(
        day.name, (left + 12, 0), xycoords=("data", "axes fraction"), xytext=(0, 6), textcoords="offset points",
        ha="center", size=10.5, weight="bold", color=color.line,
    )  # fmt: skip


def _finding(days: list[_Day]) -> str:
    """When the median is highest."""
    median, hour, name = max(
        (median, -hour, day.name) for day in days for hour, median in zip(day.hours, day.quantiles[2], strict=True)
    )
    minutes = round(-60 * hour)
    return f"The median is highest at {minutes // 60}:{minutes % 60:02} on {name}: {number(median)}"


def _set_hours(ax: Axes, days: list[_Day]) -> None:
    places, names = [], []
    for index in range(len(days)):
        left = index * (24 + _APART)
        places += [left + hour for hour in range(0, 24, 6)]
        names += [f"{hour}:00" for hour in range(0, 24, 6)]
    end = places[0] + len(days) * 24 + (len(days) - 1) * _APART
    ax.set_xticks([*places, end], labels=[*names, "24:00"])
    ax.set_xlim(-0.3, end + 0.3)


def _limit(ax: Axes, days: list[_Day]) -> tuple[list[str], list[str]]:
    """Leave room for the legend; say which extremes are not within the picture, and name those that are."""
    drawn = [value for day in days for band in (*day.quantiles, day.mean) for value in band]
    least = min(value for day in days for value in day.least)
    greatest = max(value for day in days for value in day.greatest)
    low, high = min(drawn), max(drawn)
    room = (high - low) or 1.0
    notes, drawn_extremes = [], []
    if greatest - high > _SQUASHED * room:
        notes.append(f"maximum up to {number(greatest)}")
    else:
        drawn_extremes.append("maximum")
        high = max(high, greatest)
    if low - least > _SQUASHED * room:
        notes.append(f"minimum down to {number(least)}")
    else:
        drawn_extremes.append("minimum")
        low = min(low, least)
    room = (high - low) or 1.0
    ax.set_ylim(low - 0.1 * room, high + 0.25 * room)
    return notes, sorted(drawn_extremes, reverse=True)


def _legend(extremes: list[str]) -> list[Any]:
    drawn = [Line2D([], [], color=FAINT, linewidth=1, linestyle=":", label=", ".join(extremes))] if extremes else []
    return [
        *drawn,
        Line2D([], [], color=INK, linewidth=1.3, linestyle=(0, (4, 1.5)), label="mean"),
        Line2D([], [], color=FAINT, linewidth=1.8, label="median"),
        Patch(color="#c9d0d6", label="25 % to 75 %"),
        Patch(color="#e9edf0", label="5 % to 95 %"),
    ]
