"""The last merges: which of a few bins too many become one, judged by what lies around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duckdb_sketch.portable.bins import Bins, Counts, Doubles

_SIZE = 0.1
_UNLIKE = 32.0
"""A pair counts as no more than that multiple of its smaller bin."""
_BRIDGE = 1.0
"""What bridging a thin gap costs, of the smaller bin."""
_CLOSE = 0.8
"""What losing the scale of a close pair costs, of the smaller bin."""
_EMPTY = 10.0
"""How many times as thin as both gaps beside it an empty one is."""
_DIGITS = 49
"""Which bits of a cost are not looked at, so that a threshold is off by an eighth at most."""
_ROUNDING = 1 + 2.0**-40
"""For what rounding adds to the sum of all counts."""
_GREATEST_COST = float(np.finfo(np.float64).max)


def settle(bins: Bins, target: int) -> Counts:
    """Return how many values each of `target` groups of neighbouring bins holds, of not many more bins.

    The cost of a pair is about how many of its values a reader would then look for in a wrong place. It depends on
    ratios of distances alone, so that every scale counts alike: how far either center moves, over the gap on its other
    side; a tenth of the pair, since nobody knows where in a bin its values lie, but of a small bin next to a large one
    no more than goes by the small one: its values belong where they are near, and not where few are; that a thin gap is
    bridged, or that two bins close to each other lose their scale; a whole bin's worth if that gap is ten times as thin
    as both beside it; and all values of an exact bin of several, which are known exactly and then are not. No pair may
    hold more than `2 N / target` values; values below 0 and above it are merged only if all else is forbidden.

    A merge may make a cost less, so that no order is the right one. In rounds: of the pairs that are among the
    cheapest, as many as are still to be merged, each that is cheaper than both pairs beside it.
    """
    counts = bins.counts.astype(np.float64)
    known = np.where(bins.exact & (bins.counts > 1), counts, 0.0)
    clusters = _Clusters(bins.centers, counts, known, bins.counts)
    cap = 2 * float(np.add.accumulate(counts)[-1]) / target * _ROUNDING
    while len(clusters.centers) > target:
        clusters = clusters.merged(cap, target)
    return clusters.whole


@dataclass(frozen=True)
class _Clusters:
    """Neighbouring bins on their way to become one."""

    centers: Doubles
    counts: Doubles
    known: Doubles
    """Of each the values that are known exactly: all of an exact bin of several, else none."""
    whole: Counts
    """The counts, with all their digits."""

    def merged(self, cap: float, target: int) -> _Clusters:
        """Merge what is cheaper than its neighbours, and among the cheapest."""
        left = len(self.centers) - target
        costs = self._costs(cap)
        dearest = _rounded_up(np.partition(costs, left - 1)[left - 1])
        before, behind = np.append(np.inf, costs[:-1]), np.append(costs[1:], np.inf)
        pairs = np.flatnonzero((costs < before) & (costs <= behind) & (costs <= dearest))[:left]
        centers, counts, known, whole = self.centers.copy(), self.counts.copy(), self.known.copy(), self.whole.copy()
        counts[pairs] += counts[pairs + 1]
        whole[pairs] += whole[pairs + 1]
        known[pairs] = 0.0
        centers[pairs] = _between(centers[pairs], centers[pairs + 1], self.counts[pairs + 1] / counts[pairs])
        kept = np.ones(len(centers), np.bool_)
        kept[pairs + 1] = False
        return _Clusters(centers[kept], counts[kept], known[kept], whole[kept])

    def _costs(self, cap: float) -> Doubles:
        """Return what it costs to merge each cluster with the next."""
        a, b = self.counts[:-1], self.counts[1:]
        both, smaller = a + b, _least(a, b)
        # Half of it, since distances may overflow.
        gaps = self.centers[1:] / 2 - self.centers[:-1] / 2
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            nears, thins = 1 / gaps, gaps / both
            denses = nears * both
            (near_before, near_behind), (thin_before, thin_behind) = _beside(nears), _beside(thins)
            moves_a, moves_b = _least(thins * b * near_before, 1.0), _least(thins * a * near_behind, 1.0)
            denser = _greatest(thin_before, thin_behind) * denses
            bridged, emptied = _greatest(1 - denser, 0.0), _greatest(1 - _EMPTY * denser, 0.0)
            close = _greatest(1 - thins * _greatest(*_beside(denses)), 0.0)
        costs = (
            (a * (moves_a * moves_a) + b * (moves_b * moves_b))
            + _SIZE * _least(both, _UNLIKE * smaller)
            + smaller * (_BRIDGE * bridged + _CLOSE * close)
            + cap / 2 * emptied
            + (self.known[:-1] + self.known[1:])
        )
        crosses_zero = (self.centers[:-1] < 0) & (self.centers[1:] > 0)
        return np.where(both > cap, np.inf, np.where(crosses_zero, _GREATEST_COST, costs))


def _beside(column: Doubles) -> tuple[Doubles, Doubles]:
    """Return that of the pair before each and of the pair behind; a missing one counts as the pair itself."""
    return np.append(column[:1], column[:-1]), np.append(column[1:], column[-1:])


def _rounded_up(cost: np.float64) -> float:
    """Return the greatest number that has the same leading bits."""
    bits = int(np.float64(cost).view(np.int64)) | (1 << _DIGITS) - 1
    rounded = float(np.int64(bits).view(np.float64))
    return np.inf if np.isnan(rounded) else rounded


def _least(a: Doubles, b: Doubles | float) -> Doubles:
    """Return the lesser of two numbers; the second if the first is none."""
    return np.where(a < b, a, b)


def _greatest(a: Doubles, b: Doubles | float) -> Doubles:
    """Return the greater of two numbers; the second if the first is none."""
    return np.where(a > b, a, b)


def _between(a: Doubles, b: Doubles, share: Doubles) -> Doubles:
    with np.errstate(over="ignore"):
        gap = b - a
    # The gap between two finite centers may not be finite; their mean is.
    mean = np.where(np.isfinite(gap), a + np.where(np.isfinite(gap), gap, 0.0) * share, a * (1 - share) + b * share)
    return np.minimum(np.maximum(mean, a), b)
