"""What is read off a histogram: counts, quantiles and buckets. See "What is read off" in `docs/STORAGE.md`.

With bins (c, m), the number of values up to x is taken to rise between two centers as the paper's trapezoid (§2.1,
procedure 3): the density is linear from w to w', w being m for an inexact bin and 0 for an exact one, which counts at
its center alone. Half of an outermost inexact bin lies outside its center, out to the minimum or the maximum, the
thinner the farther that is. Into a gap that is much wider than the one on its other side, a bin reaches thinner, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.bins import Doubles
from duckdb_sketch.portable.histogram import Histogram

GREATEST_BUCKETS = 1 << 20
"""Of equi_width and equi_depth: what they return must not take memory that the histogram does not justify."""

_MOST_THINNING = float(1 << 30)
_ROUNDING = 2.0**-50
"""A rank within this part of the count of a whole number is that number."""

Bucket = dict[str, float]


@dataclass(frozen=True)
class Ranks:
    """The number of values as a function of x, of a histogram that is not empty."""

    histogram: Histogram
    centers: Doubles
    spread: Doubles
    """Of each bin w."""
    up_to: Doubles
    """Of each bin the number of values <= its center."""
    below: Doubles
    """Of each bin the number of values < its center."""

    @classmethod
    def of(cls, histogram: Histogram) -> Ranks:
        """Return the ranks at the centers."""
        bins = histogram.bins
        counts = bins.counts.astype(np.float64)
        before = bins.before.astype(np.float64)
        spread = np.where(bins.exact, 0.0, counts)
        up_to = np.where(bins.exact, before[1:], before[:-1] + counts / 2)
        below = before[:-1] + spread / 2
        if histogram.max == bins.centers[-1]:
            up_to[-1] = histogram.count
        if histogram.min == bins.centers[0]:
            below[0] = 0.0
        return cls(histogram, bins.centers, spread, up_to, below)

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
        return min(self._between_the_ends(x), self.total)

    def _between_the_ends(self, x: float) -> float:
        i = int(np.searchsorted(self.centers, x, "right")) - 1
        if i < 0:
            way = _part(self.histogram.min, float(self.centers[0]), x)
            return float(self.below[0]) * _bend(way, self._outer_thinning(self.histogram.min, 0, 1))
        start = float(self.up_to[i])
        if i == len(self.centers) - 1:
            way = _part(float(self.centers[i]), self.histogram.max, x)
            return start + (self.total - start) * _bend(way, 1 / self._outer_thinning(self.histogram.max, i, i - 1))
        left, right = self._gap_thinnings(i)
        t = _bend_both(_part(float(self.centers[i]), float(self.centers[i + 1]), x), 1 / left, 1 / right)
        w, next_w = float(self.spread[i]), float(self.spread[i + 1])
        return start + t * (w + (next_w - w) * t / 2)

    def strictly_below(self, x: float) -> float:
        """Return the number of values < x."""
        i = int(np.searchsorted(self.centers, x, "left"))
        if i < len(self.centers) and self.centers[i] == x:
            return float(self.below[i])
        return self.at(x)

    def value_of(self, rank: float) -> float:
        """Return the least x with `at(x) >= rank`; the minimum for 0, the maximum for all."""
        if rank <= 0:
            return self.histogram.min
        if rank >= self.total:
            return self.histogram.max
        i = int(np.searchsorted(self.up_to, rank, "left"))
        if i == len(self.centers):
            start = float(self.up_to[-1])
            way = _bend((rank - start) / (self.total - start), self._outer_thinning(self.histogram.max, i - 1, i - 2))
            return _between(float(self.centers[-1]), self.histogram.max, way)
        center = float(self.centers[i])
        if rank > self.below[i]:
            return center
        if i == 0:
            way = _bend(rank / float(self.below[0]), 1 / self._outer_thinning(self.histogram.min, 0, 1))
            return _between(self.histogram.min, center, way)
        w, next_w = float(self.spread[i - 1]), float(self.spread[i])
        area = rank - float(self.up_to[i - 1])
        # The root of t (w + (w' - w) t / 2) = area, in the form that loses no digits.
        root = math.sqrt(max(w * w + 2 * (next_w - w) * area, 0.0))
        way = min(2 * area / (w + root), 1.0) if w + root > 0 else 1.0
        return _between(float(self.centers[i - 1]), center, _bend_both(way, *self._gap_thinnings(i - 1)))

    def _outer_thinning(self, end: float, outermost: int, beside: int) -> float:
        """Return how fast the outer half of a bin thins out to the end: its center is the mean of its values."""
        if len(self.centers) == 1:
            return 1.0
        return _bounded(2 * _times_farther(end, float(self.centers[outermost]), float(self.centers[beside])))

    def _gap_thinnings(self, i: int) -> tuple[float, float]:
        """Return how fast bin i and the next one thin out into the gap between them.

        Not at all up to twice the gap on their other side: if as many values lay as evenly in one that is wider, the
        bin's mean would not be its center. Values that are all alike spread nowhere.
        """
        edges = [self.histogram.min, *self.centers.tolist(), self.histogram.max]
        before, center, following, after = edges[i : i + 4]
        left = _bounded(_times_farther(following, center, before) - 1) if self.spread[i] else 1.0
        right = _bounded(_times_farther(center, following, after) - 1) if self.spread[i + 1] else 1.0
        return left, right


def count_below(histogram: Histogram, x: float) -> float:
    """Return the number of values <= x (the paper's *sum*); 0 if there are none.

    Raises:
        InvalidInputError: If x is NaN.
    """
    if math.isnan(x):
        raise InvalidInputError("x is NaN, and must be a number")
    return 0.0 if histogram.is_empty else Ranks.of(histogram).at(x)


def cdf(histogram: Histogram, x: float) -> float | None:
    """Return the fraction of values <= x; None if there are none.

    Raises:
        InvalidInputError: If x is NaN.
    """
    below = count_below(histogram, x)
    return None if histogram.is_empty else below / histogram.count


def quantile(histogram: Histogram, q: float) -> float | None:
    """Return the least x with `count_below(x) >= q N`; None if there are no values.

    Raises:
        InvalidInputError: Unless q is from 0 to 1.
    """
    rank = _rank(histogram, q)
    return None if histogram.is_empty else Ranks.of(histogram).value_of(rank)


def quantile_bounds(histogram: Histogram, q: float) -> dict[str, float] | None:
    """Return the quantile and a bracket around it; None if there are no values.

    The bracket reaches from the last center before which, with the slack added, there are fewer than `q N` values, to
    the first center up to which, with the slack taken off, there are as many.

    Raises:
        InvalidInputError: Unless q is from 0 to 1.
    """
    rank = _rank(histogram, q)
    if histogram.is_empty:
        return None
    bins = histogram.bins
    above = bins.centers[bins.before[:-1] + histogram.slack < rank]
    below = bins.centers[np.maximum(bins.before[1:] - histogram.slack, 0) >= rank]
    estimate = Ranks.of(histogram).value_of(rank)
    lower = float(above[-1]) if len(above) else histogram.min
    upper = float(below[0]) if len(below) else histogram.max
    return {"lower": min(lower, estimate), "estimate": estimate, "upper": max(upper, estimate)}


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
    edges = [_between(histogram.min, histogram.max, i / n) for i in range(n)] + [histogram.max]
    return _buckets(histogram, edges)


def equi_depth(histogram: Histogram, n: int) -> list[Bucket]:
    """Return n buckets of equal count from the minimum to the maximum (the paper's *uniform*); none of no values.

    Raises:
        InvalidInputError: If n is less than 1, or too many.
    """
    _check_buckets(n)
    if histogram.is_empty:
        return []
    ranks = Ranks.of(histogram)
    inner = [ranks.value_of(_rank(histogram, i / n)) for i in range(1, n)]
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
                f"the edges are out of order: {lower} does not come before {upper}; "
                "they must be numbers in ascending order"
            )
    if histogram.is_empty:
        return [{"lower": lower, "upper": upper, "count": 0.0} for lower, upper in _pairs(checked)]
    return _buckets(histogram, checked)


def _buckets(histogram: Histogram, edges: Sequence[float]) -> list[Bucket]:
    ranks = Ranks.of(histogram)
    reached = [ranks.strictly_below(edges[0]), *(ranks.at(edge) for edge in edges[1:])]
    return [
        {"lower": lower, "upper": upper, "count": max(above - below, 0.0)}
        for (lower, upper), (below, above) in zip(_pairs(edges), _pairs(reached), strict=True)
    ]


def _rank(histogram: Histogram, q: float) -> float:
    if not 0 <= q <= 1:
        raise InvalidInputError(f"q is {q}, and must be from 0 to 1")
    rank = q * histogram.count
    nearest = float(round(rank))
    return nearest if abs(rank - nearest) <= histogram.count * _ROUNDING else rank


def _check_buckets(n: int) -> None:
    if not 1 <= n <= GREATEST_BUCKETS:
        raise InvalidInputError(f"the number of buckets is {n}, and must be from 1 to {GREATEST_BUCKETS}")


def _part(start: float, end: float, x: float) -> float:
    """Return how far x is from start to end, 0 to 1."""
    if math.isinf(end - start):
        start, end, x = start / 2, end / 2, x / 2
    return (x - start) / (end - start)


def _bend(t: float, thinning: float) -> float:
    """Return a curve from 0 to 1 as t goes from 0 to 1, whose slope is 1 / thinning at first and thinning at last."""
    return t / (t + thinning * (1 - t))


def _bend_both(t: float, left: float, right: float) -> float:
    """Return the way across a gap: its first half bent by one thinning, its second, seen from the other end, by one."""
    if t <= 0.5:
        return t if left == 1 else _bend(2 * t, left) / 2
    return t if right == 1 else 1 - _bend(2 * (1 - t), right) / 2


def _times_farther(this: float, center: float, that: float) -> float:
    """Return how many times farther from the center this is than that."""
    # Halves, since distances may overflow; the least of distances has none.
    to_this, to_that = abs(this / 2 - center / 2), abs(that / 2 - center / 2)
    if to_that == 0:
        return math.inf if to_this else 1.0
    return to_this / to_that


def _bounded(thinning: float) -> float:
    return min(max(thinning, 1.0), _MOST_THINNING)


def _between(start: float, end: float, part: float) -> float:
    """Return the point so far from start to end."""
    width = end - start
    point = start + width * part if math.isfinite(width) else start * (1 - part) + end * part
    return min(max(point, start), end)


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(values))
