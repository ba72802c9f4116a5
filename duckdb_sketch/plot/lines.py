"""Lines and bands over time, which break at gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isnan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter


def draw_line(ax: Axes, x: Sequence[Any], y: Sequence[float], color: str, **style: Any) -> None:
    """Draw a line, and a dot for a value between two gaps, of which a line shows nothing."""
    ax.plot(x, y, color=color, **style)
    alone = _alone(y)
    if alone:
        style.pop("label", None)
        ax.plot([x[i] for i in alone], [y[i] for i in alone], "o", color=color, markersize=4)


def draw_band(
    ax: Axes, x: Sequence[Any], lower: Sequence[float], upper: Sequence[float], color: str, label: str
) -> None:
    """Fill what is between two lines, with a bar for a value between two gaps."""
    ax.fill_between(x, lower, upper, color=color, linewidth=0, label=label)
    alone = _alone(lower)
    if alone:
        ax.vlines([x[i] for i in alone], [lower[i] for i in alone], [upper[i] for i in alone], color=color, linewidth=5)


def set_dates(ax: Axes, times: Sequence[datetime], width: timedelta) -> None:
    """Write dates as short as can be, in the time zone of `times`."""
    zone = times[0].tzinfo
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]
    first, last = ax.dataLim.intervalx  # of everything drawn so far
    margin = (last - first) * 0.01 or width / timedelta(days=1)
    ax.set_xlim(first - margin, last + margin)


def _alone(y: Sequence[float]) -> list[int]:
    """Where a value has no neighbour."""
    there = [False, *(not isnan(value) for value in y), False]
    return [i - 1 for i in range(1, len(there) - 1) if there[i] and not there[i - 1] and not there[i + 1]]
