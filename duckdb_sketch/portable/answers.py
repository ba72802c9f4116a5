"""What is read off a histogram: counts, quantiles and buckets. See "What is read off" in `docs/STORAGE.md`.

An exact bin is a step. Of another bin a part lies below its center, the rest above it; how these values lie between two
centers, `curve` says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.bins import between
from duckdb_sketch.portable.curve import Curves
from duckdb_sketch.portable.grid import NO_GRID
from duckdb_sketch.portable.histogram import Histogram

GREATEST_BUCKETS = 1 << 20
"""Of equi_width and equi_depth: what they return must not take memory that the histogram does not justify."""

_ROUNDING = 2.0**-50
"""A rank within this part of the count of a whole number is that number."""

Bucket = dict[str, float]


class Ranks:
    """The number of values as a function of x, of a histogram that is not empty."""

    def __init__(self, histogram: Histogram) -> None:
        self.histogram = histogram
        self.curves = Curves(histogram)
        bins = histogram.bins
        self.centers = bins.centers
        before = bins.before.astype(np.float64)
        spread = np.array(self.curves.spread[1:-1])
        share = np.array([self.curves.share_below(i) for i in range(len(bins))])
        self.below = before[:-1] + spread * share
        """Of each bin the number of values < its center."""
        self.up_to = np.where(self.curves.steps, before[1:], before[1:] - spread * (1 - share))
        """Of each bin the number of values <= its center."""

    @property
    def total(self) -> float:
        """How many values."""
        return float(self.histogram.count)

    def at(self, x: float) -> float:
        """Return the number of values <= x."""
        if x < self.histogram.min:
            return 0.0
        if x >= self.histogram.max:
            return self.total
        # Rounding may leave a little more than there are.
        return min(self._interpolated(self.curves.grid.behind(x)), self.total)

    def strictly_below(self, x: float) -> float:
        """Return the number of values < x."""
        # The first bin may lie at the minimum although its values differ: its center is rounded.
        if x <= self.histogram.min:
            return 0.0
        if self.curves.grid != NO_GRID:
            return min(self._interpolated(self.curves.grid.before(x)), self.total)
        i = int(np.searchsorted(self.centers, x, "left"))
        is_step = i < len(self.centers) and self.centers[i] == x and self.histogram.bins.exact[i]
        return self.at(x) - (float(self.histogram.bins.counts[i]) if is_step else 0.0)

    def _interpolated(self, x: float) -> float:
        gap = int(np.searchsorted(self.centers, x, "right"))
        start, end = self._ranks_beside(gap)
        left, right = self.curves.edges[gap]
        if start >= end or x <= left:
            return start
        if x >= right:
            return end
        if self.curves.is_empty(gap):
            first, second = self.curves.tails(gap, float(self.histogram.bins.before[gap]))
            return first.rank_of(x) if x < first.middle else second.rank_of(x)
        return start + (end - start) * self.curves.curve(gap).at(_part(left, right, x))

    def value_of(self, rank: float) -> float:
        """Return the least x with `at(x) >= rank`; the minimum for 0, the maximum for all."""
        if rank <= 0:
            return self.histogram.min
        if rank >= self.total:
            return self.histogram.max
        bin_ = int(np.searchsorted(self.histogram.bins.before[1:].astype(np.float64), rank, "left"))
        center, at_center = float(self.centers[bin_]), float(self.below[bin_])
        if self.curves.steps[bin_]:
            return center
        gap = bin_ if rank <= at_center else bin_ + 1
        value = self.curves.grid.nearest(self._value_in_gap(gap, rank))
        return min(max(value, self.histogram.min), self.histogram.max)

    def _value_in_gap(self, gap: int, rank: float) -> float:
        left, right = self.curves.edges[gap]
        if self.curves.is_empty(gap):
            first, second = self.curves.tails(gap, float(self.histogram.bins.before[gap]))
            tail = first if rank <= first.at_middle else second
            return min(max(tail.value_of(rank), left), right)
        start, end = self._ranks_beside(gap)
        return between(left, right, self.curves.curve(gap).inverse((rank - start) / (end - start)))

    def _ranks_beside(self, gap: int) -> tuple[float, float]:
        """Return between which ranks the values of a gap lie."""
        start = float(self.up_to[gap - 1]) if gap else 0.0
        return start, float(self.below[gap]) if gap < len(self.centers) else self.total


def counts_below(histogram: Histogram, points: Sequence[float | None]) -> list[float | None]:
    """Return of each x the number of values <= x (the paper's *sum*), 0 if there are none; None of None.

    Raises:
        InvalidInputError: If an x is NaN.
    """
    ranks = None if histogram.is_empty else Ranks(histogram)

    def count_below(x: float) -> float:
        if math.isnan(x):
            raise InvalidInputError("x is NaN, and must be a number")
        return ranks.at(x) if ranks else 0.0

    return [None if x is None else count_below(x) for x in points]


def cdfs(histogram: Histogram, points: Sequence[float | None]) -> list[float | None]:
    """Return of each x the fraction of values <= x; None of None, or if there are no values.

    Raises:
        InvalidInputError: If an x is NaN.
    """
    below = counts_below(histogram, points)
    return [None if count is None or histogram.is_empty else count / histogram.count for count in below]


def quantiles(histogram: Histogram, fractions: Sequence[float | None]) -> list[float | None]:
    """Return of each q the least x up to which there are `q N` values; None of None, or if there are no values.

    Raises:
        InvalidInputError: Unless each q is from 0 to 1.
    """
    asked = [None if q is None else rank_of(histogram, q) for q in fractions]
    if histogram.is_empty:
        return [None] * len(asked)
    ranks = Ranks(histogram)
    return [None if rank is None else ranks.value_of(rank) for rank in asked]


def equi_width(histogram: Histogram, n: int) -> list[Bucket]:
    """Return n buckets of one width from the minimum to the maximum; one if these are equal, none of no values.

    Raises:
        InvalidInputError: If n is less than 1, or too many.
    """
    _check_buckets(n)
    if histogram.is_empty:
        return []
    if histogram.min == histogram.max:
        n = 1
    edges = [between(histogram.min, histogram.max, i / n) for i in range(n)] + [histogram.max]
    return _buckets(histogram, edges)


def equi_depth(histogram: Histogram, n: int) -> list[Bucket]:
    """Return n buckets of equal count from the minimum to the maximum (the paper's *uniform*); none of no values.

    Raises:
        InvalidInputError: If n is less than 1, or too many.
    """
    _check_buckets(n)
    if histogram.is_empty:
        return []
    ranks = Ranks(histogram)
    inner = [ranks.value_of(rank_of(histogram, i / n)) for i in range(1, n)]
    edges = [histogram.min, *inner, histogram.max]
    depth = ranks.total / n
    return [{"lower": lower, "upper": upper, "count": depth} for lower, upper in _pairs(edges)]


def buckets(histogram: Histogram, edges: Sequence[float | None]) -> list[Bucket]:
    """Return the buckets between edges, each with its upper edge, the first with its lower edge, too.

    Raises:
        InvalidInputError: Unless there are two edges or more, strictly ascending.
    """
    checked = [edge for edge in edges if edge is not None]
    if len(checked) < len(edges):
        raise InvalidInputError("an edge is NULL, and must be a number")
    if len(checked) < 2:
        raise InvalidInputError(f"{len(checked)} edges were given, and a bucket has two")
    for lower, upper in _pairs(checked):
        if not lower < upper:
            raise InvalidInputError(
                f"the edges are out of order: {_shown(lower)} does not come before {_shown(upper)}; "
                "they must be numbers in ascending order"
            )
    if histogram.is_empty:
        return [{"lower": lower, "upper": upper, "count": 0.0} for lower, upper in _pairs(checked)]
    return _buckets(histogram, checked)


def _buckets(histogram: Histogram, edges: Sequence[float]) -> list[Bucket]:
    ranks = Ranks(histogram)
    reached = [ranks.strictly_below(edges[0]), *(ranks.at(edge) for edge in edges[1:])]
    return [
        {"lower": lower, "upper": upper, "count": max(above - below, 0.0)}
        for (lower, upper), (below, above) in zip(_pairs(edges), _pairs(reached), strict=True)
    ]


def rank_of(histogram: Histogram, q: float) -> float:
    """Return `q N`; a whole number if it is one but for rounding.

    Raises:
        InvalidInputError: Unless q is from 0 to 1.
    """
    if not 0 <= q <= 1:
        raise InvalidInputError(f"q is {_shown(q)}, and must be from 0 to 1")
    rank = q * histogram.count
    nearest = float(round(rank))
    return nearest if abs(rank - nearest) <= histogram.count * _ROUNDING else rank


def _shown(number: float) -> str:
    """Return the number as the extension writes it: 1 for 1.0, and no exponents."""
    if math.isnan(number):
        return "NaN"
    return format(Decimal(repr(float(number))), "f").removesuffix(".0").replace("Infinity", "inf")


def _check_buckets(n: int) -> None:
    if not 1 <= n <= GREATEST_BUCKETS:
        raise InvalidInputError(f"the number of buckets is {n}, and must be from 1 to {GREATEST_BUCKETS}")


def _part(start: float, end: float, x: float) -> float:
    """Return how far x is from start to end, 0 to 1."""
    if math.isinf(end - start):
        start, end, x = start / 2, end / 2, x / 2
    return (x - start) / (end - start)


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(values))
