"""The grid that values lie on: whole multiples of a power of ten, as integers and decimals of a fixed scale do.

Nothing in an image says it. But a center is the mean of its bin: times the count it is a sum, and a sum of whole
numbers is one. So bins whose sums are all whole, to the digits that doubles have, hold whole numbers: that others have
such sums by chance is less likely than one in 2^30.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from duckdb_sketch.portable.bins import Doubles, Flags
from duckdb_sketch.portable.histogram import Histogram

_MOST_PLACES = 9
"""The finest grid: beyond, doubles are near one by chance."""
_MOST_STEPS = float(1 << 50)
"""Steps up to here are counted exactly."""
_CHANCE = 2.0**-30
"""That sums are whole by chance must be less likely."""
_ROUNDING = 2.0**-43
"""What rounding may have added to a sum, as a part of it."""
_LEAST_ROUNDING = 2.0**-48
"""The least of it that must be allowed."""
_MOST_ROUNDING = 0.125
"""A sum that rounding may have moved farther says nothing."""


@dataclass(frozen=True)
class Grid:
    """How many steps 1 has: a power of ten; 0 without a grid."""

    power: float

    @classmethod
    def of(cls, histogram: Histogram) -> Grid:
        """Return the coarsest grid that the values of a histogram lie on, as far as its bins tell."""
        powers = (10.0**places for places in range(_MOST_PLACES + 1))
        return cls(next((power for power in powers if _all_are_on(histogram, power)), 0.0))

    def holds(self, values: Doubles) -> Flags:
        """Return whether each number lies on the grid."""
        return _is_on(values, self.power) if self.power else np.zeros(len(values), np.bool_)

    def behind(self, x: float) -> float:
        """Return the middle of the step behind x: what lies on the grid is <= x just if it is below."""
        return (_floor(x, self.power) + 0.5) / self.power if self._counts(x) else x

    def before(self, x: float) -> float:
        """Return the middle of the step before x."""
        return (-_floor(-x, self.power) - 0.5) / self.power if self._counts(x) else x

    def nearest(self, x: float) -> float:
        """Return the number on the grid in whose step x lies, the lower of two."""
        if not self._counts(x):
            return x
        steps = x * self.power
        # A middle that was rounded up is still the middle.
        return math.ceil(steps - 0.5 - abs(steps) * 2.0**-50) / self.power + 0.0

    def _counts(self, x: float) -> bool:
        """Return whether the steps up to x can be counted."""
        return self.power > 0 and abs(x * self.power) < _MOST_STEPS


NO_GRID = Grid(0.0)


def _is_on(values: Doubles, power: float) -> Flags:
    """Return whether each is the double nearest to a whole number of steps, as a decimal becomes one."""
    with np.errstate(over="ignore"):
        steps = values * power
    return np.asarray((np.abs(steps) < _MOST_STEPS) & (np.rint(steps) / power == values), np.bool_)


def _all_are_on(histogram: Histogram, power: float) -> bool:
    """Return whether minimum, maximum and exact bins lie on a grid, and the sums of the others prove it."""
    bins = histogram.bins
    ends = np.array([histogram.min, histogram.max])
    if not _is_on(ends, power).all() or not _is_on(bins.centers[bins.exact], power).all():
        return False
    inexact = ~bins.exact
    with np.errstate(over="ignore"):
        sums = bins.centers[inexact] * power * bins.counts[inexact]
    roundings = np.maximum(np.abs(sums) * _LEAST_ROUNDING, np.minimum(np.abs(sums) * _ROUNDING, _MOST_ROUNDING))
    sums, roundings = sums[roundings <= _MOST_ROUNDING], roundings[roundings <= _MOST_ROUNDING]
    if (np.abs(sums - np.rint(sums)) > roundings).any():
        return False
    # Values on both sides of 0 may cancel.
    chances = np.where(sums == 0, 1.0, np.maximum(2 * roundings, _CHANCE))
    return bool(np.prod(chances) <= _CHANCE)


def _floor(x: float, power: float) -> float:
    """Return the greatest whole number of steps that is not above x."""
    whole = float(round(x * power))
    return whole if whole / power <= x else whole - 1
