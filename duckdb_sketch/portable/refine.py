"""Fewer bins, chosen with care: the last step before a histogram is stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duckdb_sketch.portable.bins import Bins
from duckdb_sketch.portable.piece import Bin, Piece, between, ends_between, spacing
from duckdb_sketch.portable.reduce import grouped, reduce_bins

FEW_BINS = 16
"""Histograms of fewer bins than this are merged and read as in the paper."""
_CHOICE = 4
"""From so many bins for each that is to be left the choice is made."""
_COST_OF_SIZE = 0.07
"""What a merge costs for each value of the pair, beside what it does to the ranks of now."""


@dataclass(frozen=True)
class Field:
    """Where all values lie."""

    min: float
    max: float
    half_step: float
    """Half a step of their grid; 0 if there is none."""


def refine_bins(bins: Bins, target: int, field: Field) -> tuple[Bins, int]:
    """Merge neighbours until at most `target` bins are left; return these, and how many values that may have moved.

    The pair of least cost is merged first, the leftmost of equals, and no pair that holds more than `2 N / target`
    values. A merge costs as many values as ranks change by at most when the pair is read as one bin (see `Piece`)
    instead of two, and a part of its values. From many bins `reduce_bins` first makes few.
    """
    if target < FEW_BINS:
        return reduce_bins(bins, target)
    bins, moved = reduce_bins(bins, _CHOICE * target)
    if len(bins) <= target:
        return bins, moved
    merged, also_moved = grouped(bins, _Clusters(bins, 2 * bins.total // target, field).merge_down_to(target))
    return merged, moved + also_moved


class _Clusters:
    """Neighbouring bins on their way to become one."""

    def __init__(self, bins: Bins, cap: int, field: Field) -> None:
        columns = (bins.centers.tolist(), bins.counts.tolist(), bins.lows.tolist(), bins.highs.tolist())
        n = len(bins)
        self.bins: list[Bin | None] = [Bin(*column) for column in zip(*columns, strict=True)]
        self.bins.append(None)  # at -1, which stands for none
        self.next = [*range(1, n), -1, -1]
        self.previous = [*range(-1, n - 1), -1]
        self.ends = [(0.0, 0.0)] * n
        self.cap = cap
        self.field = field
        for at in range(n - 1):
            self._find_ends(at)
        self.costs = np.array([self._cost(at) for at in range(n)])

    def merge_down_to(self, target: int) -> list[int]:
        """Return the first bins of the clusters that are left."""
        for _ in range(len(self.ends) - target):
            self._merge_with_next(int(self.costs.argmin()))
        starts, at = [], 0
        while at >= 0:
            starts.append(at)
            at = self.next[at]
        return starts

    def _merge_with_next(self, left: int) -> None:
        right = self.next[left]
        before, after = self.previous[left], self.next[right]
        a, b = self.bins[left], self.bins[right]
        assert a is not None
        assert b is not None
        count = a.count + b.count
        center = between(a.center, b.center, float(b.count) / float(count))
        self.bins[left] = Bin(center, count, min(a.low, b.low), max(a.high, b.high))
        self.next[left] = after
        if after >= 0:
            self.previous[after] = left
        self.costs[right] = np.inf
        # Ends depend on the neighbours of both bins, and costs on the ends.
        around = [at for at in (self.previous[before], before, left, after) if at >= 0]
        for at in around:
            self._find_ends(at)
        for at in around:
            self.costs[at] = self._cost(at)

    def _find_ends(self, left: int) -> None:
        right = self.next[left]
        a, b = self.bins[left], self.bins[right]
        if a is not None and b is not None:
            before, after = self.bins[self.previous[left]], self.bins[self.next[right]]
            self.ends[left] = ends_between(before, a, b, after, self.field.half_step)

    def _cost(self, left: int) -> float:
        """Return what it costs to merge a cluster with the next; infinity if there is none or the cap forbids it."""
        right = self.next[left]
        a, b = self.bins[left], self.bins[right]
        if a is None or b is None or a.count + b.count > self.cap:
            return float("inf")
        before, field = self.previous[left], self.field
        low = self.ends[before][1] if before >= 0 else max(a.low, field.min) - field.half_step
        high = self.ends[right][0] if self.next[right] >= 0 else min(b.high, field.max) + field.half_step
        change = _rank_change(a, b, low, *self.ends[left], high)
        return change + self._bridged(left, a, b) + _COST_OF_SIZE * float(a.count + b.count)

    def _bridged(self, left: int, a: Bin, b: Bin) -> float:
        """Return how many values a merge brings over a gap, by how much wider it is than those around the pair."""
        before, after = self.bins[self.previous[left]], self.bins[self.next[self.next[left]]]
        own = spacing(a, b)
        around = max(spacing(before, a) if before else own, spacing(b, after) if after else own)
        return float(min(a.count, b.count)) * max(1.0 - around / own, 0.0)


def _rank_change(a: Bin, b: Bin, low: float, end: float, start: float, high: float) -> float:
    """Return by how many values at most ranks change at the ends and the centers of two bins that become one."""
    a_count, b_count = float(a.count), float(b.count)
    count = a_count + b_count
    merged = Piece.of(low, between(a.center, b.center, b_count / count), high)
    # Of equal values none lies below their center.
    below_a = Piece.of(low, a.center, end).share_below(a.center) if low < a.center else 0.0
    below_b = Piece.of(start, b.center, high).share_below(b.center) if b.center < high else 1.0
    points = [(end, a_count), (start, a_count), (a.center, a_count * below_a), (b.center, a_count + b_count * below_b)]
    return max(abs(below - count * merged.share_below(x)) for x, below in points)
