"""What a picture shows, as its title where the axes have none."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from duckdb_sketch.plot.style import number
from duckdb_sketch.values import ApproxHistogram


def spread(h: ApproxHistogram) -> str:
    """Where the middle half of the values lies."""
    low, high = h.quantile([0.25, 0.75])
    assert low is not None
    assert high is not None
    values = counted(h)
    if low == high:
        return f"Half of {values} or more are {number(low)}"
    return f"Half of {values} lie between {number(low)} and {number(high)}"


def up_to(h: ApproxHistogram, fraction: float) -> str:
    """The value that a fraction of the values does not exceed."""
    value = h.quantile(fraction)
    assert value is not None
    return f"{100 * fraction:g} % of {counted(h)} are at most {number(value)}"


def between(values: Iterable[float], what: str, scope: str) -> str:
    """The least and the greatest of some values; NaN are gaps."""
    there = [value for value in values if isfinite(value)]
    low, high = number(min(there)), number(max(there))
    return f"{what[0].upper()}{what[1:]} {scope}: {low}" + (f" to {high}" if high != low else "")


def counted(h: ApproxHistogram) -> str:
    """How many values there are."""
    return f"{h.stats.count:,} {'value' if h.stats.count == 1 else 'values'}"
