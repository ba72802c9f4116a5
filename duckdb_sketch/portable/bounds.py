"""What the bins prove: between which numbers the count of the values up to any x lies.

Of a bin of `m` values in `[low, high]` whose mean is `center`, none is `<= x` below `low`, and all are from `high` on.
In between at most `m (high - center) / (high - x)` are, if x lies below the center, and at most
`m (center - low) / (x - low)` are not, if it lies above: more would have another mean. The proof, and what rounding
adds: `extension/src/sketch/histogram/bounds.rs`.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from duckdb_sketch.portable.answers import Ranks, rank_of
from duckdb_sketch.portable.bins import Doubles, between
from duckdb_sketch.portable.histogram import Histogram

_ROUNDING = 8 * 2.0**-52
"""By how much a center may miss the mean of its values, for each value that was added up and for each merge."""
_MOST_MERGES = 2.0**20
"""As many merges may follow each other."""
_UPWARDS = 1 + 2.0**-44
"""For what rounding adds to a sum of counts."""
_MOST_BINS = 1024
"""Of more bins the slack alone is asked: to look around each of them would take too long."""
_HALVINGS = 5
"""How often an interval is halved, at most, to find where a bracket is farthest from the answer."""

Bracket = tuple[int, int]


@dataclass(frozen=True)
class _Bin:
    count: float
    center: float
    low: float
    high: float
    off: float
    """By how much the center may miss the mean."""

    def parts_up_to(self, x: float) -> tuple[float, float]:
        """Return which part of the values is `<= x` at least, and at most."""
        if x < self.low:
            return 0.0, 0.0
        if x >= self.high:
            return 1.0, 1.0
        above = _ratio(self.center - self.low + self.off, x - self.low) if x > self.center else 1.0
        most = _ratio(self.high - self.center + self.off, self.high - x) if x < self.center else 1.0
        return 1.0 - above, most


@dataclass(frozen=True)
class _Around:
    """What is known between two numbers: how many values lie at or below all, and the bins of which some may."""

    histogram: Histogram
    sure: float
    bins: list[_Bin]

    def at(self, x: float) -> Bracket:
        """Return between which numbers the count of the values <= x lies."""
        count, slack = self.histogram.count, self.histogram.slack
        if x < self.histogram.min:
            return 0, 0
        if x >= self.histogram.max:
            return count, count
        least = most = self.sure
        for each in self.bins:
            at_least, at_most = each.parts_up_to(x)
            least, most = least + each.count * at_least, most + each.count * at_most
        counted = int(self.histogram.bins.before[int(np.searchsorted(self.histogram.bins.centers, x, "right"))])
        greatest = min(int(most * _UPWARDS), counted + slack, count - 1)
        return min(max(math.ceil(least / _UPWARDS), counted - slack, 1), greatest), greatest


class Brackets:
    """The brackets of the counts up to all numbers, of a histogram that is not empty."""

    def __init__(self, histogram: Histogram) -> None:
        self.histogram = histogram
        bins = histogram.bins
        counts: Doubles = bins.counts.astype(np.float64)
        one_sign = (bins.lows >= 0) | (bins.highs <= 0)
        size = np.where(one_sign, np.abs(bins.centers), np.maximum(np.abs(bins.lows), np.abs(bins.highs)))
        with np.errstate(all="ignore"):
            width = np.fmin(bins.highs - bins.lows, size)
            off = _ROUNDING * (counts * width + np.minimum(counts, _MOST_MERGES) * size)
        columns = (counts, bins.centers, bins.lows, bins.highs, off)
        self._bins = [_Bin(*each) for each in zip(*(column.tolist() for column in columns), strict=True)]

    def at(self, x: float) -> Bracket:
        """Return between which numbers the count of the values <= x lies."""
        return _Around(self.histogram, 0.0, self._bins).at(x)

    def around(self, start: float, end: float) -> _Around:
        """Return what is known between two numbers."""
        sure = sum(each.count for each in self._bins if each.high <= start)
        return _Around(self.histogram, sure, [each for each in self._bins if each.high > start and each.low <= end])

    def first(self, holds: Callable[[Bracket], bool]) -> float:
        """Return the least number at which something holds that holds from somewhere on; the maximum at the latest."""
        if holds(self.at(self.histogram.min)):
            return self.histogram.min
        ends = [self.histogram.min, *self.histogram.bins.centers.tolist(), self.histogram.max]
        behind = bisect_left(range(1, len(ends) - 1), True, key=lambda i: holds(self.at(ends[i]))) + 1
        without, found = _to_ordered(ends[behind - 1]), _to_ordered(ends[behind])
        around = self.around(ends[behind - 1], ends[behind])
        while found - without > 1:
            middle = (without + found) // 2
            if holds(around.at(_from_ordered(middle))):
                found = middle
            else:
                without = middle
        return _from_ordered(found)


def quantile_bounds(histogram: Histogram, q: float) -> dict[str, float] | None:
    """Return the quantile and a bracket around it; None if there are no values.

    The quantile is above every number up to which there are fewer than `q N` values at most, and not above one up to
    which there are as many at least.

    Raises:
        InvalidInputError: Unless q is from 0 to 1.
    """
    rank = rank_of(histogram, q)
    if histogram.is_empty:
        return None
    brackets, estimate = Brackets(histogram), Ranks(histogram).value_of(rank)
    lower = brackets.first(lambda bracket: float(bracket[1]) >= rank)
    upper = brackets.first(lambda bracket: float(bracket[0]) >= rank)
    return {"lower": min(lower, estimate), "estimate": estimate, "upper": max(upper, estimate)}


def rank_error(histogram: Histogram) -> float:
    """Return by how much an answer of `cdf` may be off, whatever x; 0 if every bin is exact."""
    bins = histogram.bins
    if bool(bins.exact.all()):
        return 0.0
    # The sum of the counts up to x differs from the truth by no more than the slack, and an answer from it by one bin.
    by_slack = float(min(histogram.slack + int(bins.counts.max()), histogram.count))
    by_extents = _Farthest(histogram).found if len(bins) <= _MOST_BINS else by_slack
    return min(by_extents, by_slack) / histogram.count


class _Place(NamedTuple):
    """Between which numbers the count up to x lies, and what is answered."""

    x: float
    least: int
    most: int
    answer: float

    @property
    def off(self) -> float:
        """By how much the answer may be off here."""
        return max(self.most - self.answer, self.answer - self.least)


class _Stretch(NamedTuple):
    """The numbers from one place to another."""

    around: _Around
    start: _Place
    end: _Place

    @property
    def off(self) -> float:
        """By how much answers may be off here, at most."""
        return max(self.end.most - self.start.answer, self.end.answer - self.start.least)


class _Farthest:
    """By how much an answer may be off, at most.

    Bracket and answer ascend with x. So from `a` to right before `b` they are not farther apart than one at `a` from
    the other right before `b`. Where that is more than was found elsewhere, the interval is halved.
    """

    def __init__(self, histogram: Histogram) -> None:
        brackets, bins = Brackets(histogram), histogram.bins
        self._ranks = Ranks(histogram)
        ends = np.concatenate([bins.lows, bins.centers, bins.highs]).clip(histogram.min, histogram.max)
        stretches = []
        for start, end in pairwise(np.unique(ends).tolist()):
            around, last = brackets.around(start, end), _from_ordered(_to_ordered(end) - 1)
            stretches.append(_Stretch(around, self._place(around, start), self._place(around, last)))
        # What is off at one number is known at once, so that only where it may be more is looked for it.
        self.found = max((place.off for stretch in stretches for place in stretch[1:]), default=0.0)
        for stretch in stretches:
            self._look(stretch, _HALVINGS)

    def _place(self, around: _Around, x: float) -> _Place:
        return _Place(x, *around.at(x), self._ranks.at(x))

    def _look(self, stretch: _Stretch, halvings: int) -> None:
        if stretch.off <= self.found:
            return
        around, start, end = stretch
        middle = between(start.x, end.x, 0.5)
        if halvings == 0 or not start.x < middle < end.x:
            self.found = stretch.off
            return
        place = self._place(around, middle)
        self._look(_Stretch(around, start, place), halvings - 1)
        self._look(_Stretch(around, place, end), halvings - 1)


def _ratio(part: float, whole: float) -> float:
    """Return the ratio, at most 1, which is what stands for distances that are not finite."""
    return min(part / whole, 1.0) if part < whole else 1.0


def _to_ordered(value: float) -> int:
    """Return an integer of the same order."""
    (bits,) = struct.unpack("<q", struct.pack("<d", value))
    return int(bits) if bits >= 0 else int(bits) ^ 0x7FFF_FFFF_FFFF_FFFF


def _from_ordered(ordered: int) -> float:
    (value,) = struct.unpack("<d", struct.pack("<q", ordered if ordered >= 0 else ordered ^ 0x7FFF_FFFF_FFFF_FFFF))
    return float(value)
