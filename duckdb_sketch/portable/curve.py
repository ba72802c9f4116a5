"""The curve between two centers: how the values of a gap lie in it.

A rational quadratic (Gregory and Delbourgo, "Piecewise rational quadratic interpolation to monotonic data", IMA J.
Numer. Anal. 2, 1982): monotone for any slopes at its ends, and its inverse is the root of a quadratic. The paper's
trapezoid is the one whose slopes are 2 together, and `t / (t + k (1 - t))` the one whose slopes multiply to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from duckdb_sketch.portable.bins import Flags
from duckdb_sketch.portable.grid import NO_GRID, Grid
from duckdb_sketch.portable.histogram import Histogram

_STEEPEST = float(1 << 30)
"""Slopes beyond are cut: what is thinner would be lost to rounding."""
_STEEPEST_TAIL = float(1 << 60)
"""The same of a tail, of which distances lose nothing: so that they remain numbers."""
_SPARSE = 2
"""With no more values per bin than this the shape between bins is unknown: the paper's own reading is taken."""
_EMPTY = 2.0
"""A gap this many times as thin as both beside it is between clusters."""
_MOST_SKEW = 3.0
"""How many times as far a bin reaches to one side as to the other, at most."""


@dataclass(frozen=True)
class Curve:
    """The fraction of the values of a gap that lie in its first part `t`, both from 0 to 1."""

    start: float
    """Its slope where it begins: the density there, over that of the whole gap."""
    end: float
    """Its slope where it ends."""

    @classmethod
    def of(cls, start: float, end: float) -> Curve:
        """Return the curve of these slopes, or of the nearest that are not too steep."""
        return cls(_bounded(start), _bounded(end))

    def at(self, t: float) -> float:
        """Return the fraction at `t`."""
        both = t * (1 - t)
        return _clamped((t * t + self.start * both) / (1 + (self.start + self.end - 2) * both), 0.0, 1.0)

    def inverse(self, fraction: float) -> float:
        """Return the `t` of a fraction, from the end that it is near to: so it ascends however near it is to 1."""
        if fraction <= 0.5:
            return self._near_start(fraction)
        return 1 - Curve(self.end, self.start)._near_start(1 - fraction)

    def _near_start(self, fraction: float) -> float:
        """Return the `t` of a fraction, in the form that loses no digits."""
        if fraction <= 0:
            return 0.0
        bend = fraction * (self.start + self.end - 2)
        square, linear = 1 - self.start + bend, self.start - bend
        root = math.sqrt(max(linear * linear + 4 * square * fraction, 0.0))
        # Never the difference of two that are nearly alike.
        t = _ratio(root - linear, 2 * square) if linear < 0 else _ratio(2 * fraction, linear + root)
        return t if t <= 1 else 1.0


@dataclass(frozen=True)
class Tail:
    """How the half of a bin thins out that borders on an empty gap.

    At its center it is as dense as the gap on the other side, and behind twice as far as it would reach so, there are
    none. The density falls evenly: it is the paper's trapezoid, or a triangle. Distances are counted from the center,
    so that no digits are lost however far the other end is.
    """

    center: float
    middle: float
    """The middle of the gap."""
    at_center: float
    """The rank of the center."""
    at_middle: float
    """The rank of the middle."""
    slope: float
    """The density at the center, over that of the whole way to the middle; at least 1."""

    def rank_of(self, x: float) -> float:
        """Return the rank of an x between center and middle."""
        t = (x - self.center) / (self.middle - self.center)
        slope = min(self.slope, 2.0)
        t = min(t * (self.slope / 2) if self.slope > 2 else t, 1.0)
        return self.at_center + (self.at_middle - self.at_center) * (t * (slope + (1 - slope) * t))

    def value_of(self, rank: float) -> float:
        """Return the number between center and middle that has a rank."""
        part = _ratio(rank - self.at_center, self.at_middle - self.at_center)
        # Counts beyond 2^53 may leave no way between the ranks.
        part = max(part, 0.0) if part <= 1 else 1.0
        slope = min(self.slope, 2.0)
        t = 2 * part / (slope + math.sqrt(max(slope * slope - 4 * (slope - 1) * part, 0.0)))
        reach = 2 / self.slope if self.slope > 2 else 1.0
        return self.center + (self.middle - self.center) * (t * reach)


class Curves:
    """The curves of a histogram that is not empty.

    Values lie between places, in order: the minimum, the centers, the maximum. Gap `i` is behind place `i`.
    """

    def __init__(self, histogram: Histogram) -> None:
        bins = histogram.bins
        self._last = len(bins)
        self._is_sparse = histogram.count <= _SPARSE * len(bins)
        self.grid = NO_GRID if self._is_sparse else Grid.of(histogram)
        """The grid that answers lie on."""
        self.steps = bins.exact | self._heavy(histogram)
        """Whether all values of each bin are read at its center."""
        spread = [0.0 if step else float(count) for step, count in zip(self.steps, bins.counts, strict=True)]
        self.spread = [0.0, *spread, 0.0]
        """How many values spread around each place."""
        self.edges = self._edges(histogram)
        """Between which two numbers the values of each gap lie. On a grid each value fills its step."""

    def _heavy(self, histogram: Histogram) -> Flags:
        """Return which bins at a number of the grid hold more than distinct values may.

        They are a heavy value, and a few others that had it as their mean.
        """
        bins = histogram.bins
        return (bins.counts > 2 * histogram.count // histogram.max_bins) & self.grid.holds(bins.centers)

    def _edges(self, histogram: Histogram) -> list[tuple[float, float]]:
        grid = self.grid
        places = list(zip(histogram.bins.centers.tolist(), self.steps.tolist(), strict=True))
        starts = [grid.before(histogram.min), *(grid.behind(c) if step else c for c, step in places)]
        ends = [*(grid.before(c) if step else c for c, step in places), grid.behind(histogram.max)]
        return [(start, max(start, end)) for start, end in zip(starts, ends, strict=True)]

    def share_below(self, bin_: int) -> float:
        """Return which part of a bin's values lie below its center."""
        place = bin_ + 1
        if self._is_sparse or self.is_empty(place - 1) or self.is_empty(place):
            return 0.5
        own = self.spread[place]
        if not own:
            return 0.5
        before, behind = self._reach(place - 1, own, place - 1), self._reach(place, own, place + 1)
        skew = _ratio(behind, before)
        root = 1.0 if math.isnan(skew) else math.sqrt(_clamped(skew, 1 / _MOST_SKEW, _MOST_SKEW))
        return root / (1 + root)

    def curve(self, gap: int) -> Curve:
        """Return the curve in a gap."""
        if self._is_sparse and 0 < gap < self._last:
            content = self._content(gap)
            return Curve.of(_ratio(self.spread[gap], content), _ratio(self.spread[gap + 1], content))
        start = self._slope(gap, gap - 1) if gap > 0 else None
        end = self._slope(gap, gap + 1) if gap < self._last else None
        if start is None:
            return Curve(1.0, 1.0) if end is None else Curve.of(_ratio(1.0, end), end)
        return Curve.of(start, _ratio(1.0, start) if end is None else end)

    def tails(self, gap: int, before: float) -> tuple[Tail, Tail]:
        """Return what reaches into an empty gap from both sides; `before` is the rank of its middle."""
        start, end = self.edges[gap]
        middle = start / 2 + end / 2
        first, second = self.spread[gap] / 2, self.spread[gap + 1] / 2
        return (
            Tail(start, middle, before - first, before, self._tail_slope(gap, first, gap - 1)),
            Tail(end, middle, before + second, before, self._tail_slope(gap, second, gap + 1)),
        )

    def _tail_slope(self, gap: int, half: float, beside: int) -> float:
        widths = _ratio(self._half_width(gap), self._half_width(beside))
        ratio = _ratio(self._content(beside), 2 * half) * widths
        return min(ratio, _STEEPEST_TAIL) if ratio >= 1 else 1.0

    def _content(self, gap: int) -> float:
        """Return how many values a gap holds, if half of each bin lies on either side of its center."""
        return (self.spread[gap] + self.spread[gap + 1]) / 2

    def _half_width(self, gap: int) -> float:
        """Return half of the width: the whole may overflow."""
        start, end = self.edges[gap]
        return end / 2 - start / 2

    def _reach(self, gap: int, own: float, beside: int) -> float:
        return self._half_width(gap) * (own / (own + self.spread[beside]))

    def _times_denser(self, other: int, this: int) -> float:
        """Return how many times as dense a gap is as this one, which holds something."""
        widths = _ratio(self._half_width(this), self._half_width(other))
        ratio = _ratio(self._content(other), self._content(this)) * widths
        return min(ratio, _STEEPEST) if ratio >= 0 else 0.0

    def is_empty(self, gap: int) -> bool:
        """Return whether a gap lies between two clusters."""
        if not 0 < gap < self._last:
            return False
        return self._times_denser(gap - 1, gap) > _EMPTY and self._times_denser(gap + 1, gap) > _EMPTY

    def _slope(self, gap: int, beside: int) -> float | None:
        """Return the slope of a gap's curve at the end that it shares with the one beside it; None if that is empty."""
        other = self._times_denser(beside, gap)
        if other == 0:
            return None
        if self.is_empty(beside):
            return 1.0
        return _mean_density(other, _ratio(self._content(gap), self._content(gap) + self._content(beside)))


def _mean_density(other: float, weight: float) -> float:
    """Return the density between two gaps: 1 in one, `other` in the other.

    The geometric mean of the weighted arithmetic and harmonic ones.
    """
    arithmetic = weight * other + (1 - weight)
    inverse_harmonic = weight + (1 - weight) * other
    return math.sqrt(arithmetic * other / inverse_harmonic)


def _bounded(slope: float) -> float:
    return min(slope, _STEEPEST) if slope >= 0 else 1.0


def _clamped(x: float, least: float, greatest: float) -> float:
    return min(max(x, least), greatest)


def _ratio(a: float, b: float) -> float:
    """Return a / b as IEEE 754 has it."""
    if b:
        return a / b
    return math.inf if a > 0 else math.nan
