"""Fewer bins: which neighbours to merge."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from duckdb_sketch.portable.bins import Bins, Counts, Doubles
from duckdb_sketch.portable.settle import settle

_CAPPED = np.inf
_GREATEST_COST = np.finfo(np.float64).max
_WORTH_A_ROUND = 256
"""Fewer merges than this in a round, and one by one is faster."""


_BEFORE_SETTLING = 2
"""How many times as many bins the last merges choose from."""
FEW = 2
"""With no more values per bin than this, what lies around a pair is chance: all merges are by gap and count."""


def reduce_bins(bins: Bins, target: int) -> tuple[Bins, int]:
    """Merge neighbours until at most `target` bins are left; return these, and how many values that may have moved.

    Moved from one side of any x to the other, that is. The bins that become one change the sum of the counts up to x
    only for an x between their own outermost centers, there by those left of the new center or by those right of it,
    and one x lies between those of one new bin at most. The last merges are those that `settle` chooses.
    """
    if len(bins) <= target:
        return bins, 0
    if bins.total <= FEW * target:
        return _grouped(bins, merged_by_gap(bins, target))
    coarse = bins
    if len(bins) > _BEFORE_SETTLING * target:
        coarse, _ = _grouped(bins, merged_by_gap(bins, _BEFORE_SETTLING * target))
    return _grouped(bins, settle(coarse, target))


def merged_by_gap(bins: Bins, target: int) -> Counts:
    """Return how many values each of `target` groups of neighbouring bins holds.

    The pair of least cost is merged first, the leftmost of equals; the cost is gap times combined count, and no pair
    may hold more than `2 N / target` values. A pair with 0 between them is merged only if no other is left. The paper
    merges the pair of least gap, which spends all bins on the far tail of skewed data. Some pair always can be merged:
    the pairs of neighbours hold fewer than `2 N` values between them, so that not each of `target` pairs can hold more
    than `2 N / target`.

    Done in rounds, with the same result as one by one. A merge never makes a cost less: the merged center is farther
    from either neighbour, and the count is greater. So a pair that costs less than both pairs beside it is merged
    before they change, if it is merged at all; and if r merges are left, the last costs no less than the r-th cheapest
    of now. Each round merges all such pairs at once, and when rounds bring little, a heap does the rest.
    """
    if len(bins) <= target:
        return bins.counts
    cap = 2 * bins.total // target
    centers, counts = bins.centers, bins.counts
    while len(centers) > target:
        merged_centers, merged_counts = _round(centers, counts, cap, target)
        merges = len(centers) - len(merged_centers)
        centers, counts = merged_centers, merged_counts
        if merges < _WORTH_A_ROUND:
            centers, counts = _one_by_one(centers, counts, cap, target)
    return counts


def _grouped(old: Bins, counts: Counts) -> tuple[Bins, int]:
    """Merge the neighbours that hold that many values together, each new center being the mean of its parts.

    Returns:
        The bins, and how many values at most have moved from one side of any number to the other.
    """
    ends = np.searchsorted(old.before, np.cumsum(counts))
    starts = np.concatenate([[0], ends[:-1]])
    sizes = ends - starts
    first, last = old.centers[starts], old.centers[ends - 1]
    with np.errstate(over="ignore"):
        # Away from the center nearest to 0, so that no digits are lost; but not where that would overflow.
        origin = np.where(np.isfinite(last - first), np.where(last <= 0, last, first), 0.0)
    shares = (old.centers - np.repeat(origin, sizes)) * (old.counts / np.repeat(counts, sizes))
    # From left to right, as the extension adds: the same bins give the same bytes.
    sums = [np.add.accumulate(shares[start:end])[-1] for start, end in zip(starts, ends, strict=True)]
    means = np.minimum(np.maximum(origin + sums, first), last) + 0.0
    alone = sizes == 1
    middle = np.repeat(means, sizes)
    left = np.add.reduceat(np.where(old.centers < middle, old.counts, 0), starts)
    right = np.add.reduceat(np.where(old.centers > middle, old.counts, 0), starts)
    moved = np.where(alone, 0, np.maximum(left, right))
    lows, highs = np.minimum.reduceat(old.lows, starts), np.maximum.reduceat(old.highs, starts)
    return Bins(np.where(alone, first, means), counts, old.exact[starts] & alone, lows, highs), int(moved.max())


def _costs(centers: Doubles, counts: Counts, cap: int) -> Doubles:
    combined = counts[:-1] + counts[1:]
    with np.errstate(over="ignore"):
        costs = np.minimum((centers[1:] - centers[:-1]) * combined, _GREATEST_COST)
    costs[(centers[:-1] < 0) & (centers[1:] > 0)] = _GREATEST_COST
    return np.where(combined <= cap, costs, _CAPPED)


def _round(centers: Doubles, counts: Counts, cap: int, target: int) -> tuple[Doubles, Counts]:
    """Merge the pairs that cost less than their neighbours and no more than the last merge to come."""
    left = len(centers) - target
    costs = _costs(centers, counts, cap)
    threshold = np.partition(costs, left - 1)[left - 1]
    pairs = _cheaper_than_neighbours(costs, threshold)
    if len(pairs) > left:
        pairs = pairs[np.argsort(costs[pairs], kind="stable")[:left]]
    if not len(pairs):
        return centers, counts
    merged_centers, merged_counts = centers.copy(), counts.copy()
    merged_counts[pairs] += counts[pairs + 1]
    with np.errstate(over="ignore"):
        merged_centers[pairs] = _mean(centers[pairs], counts[pairs], centers[pairs + 1], counts[pairs + 1])
    kept = np.ones(len(centers), np.bool_)
    kept[pairs + 1] = False
    return merged_centers[kept], merged_counts[kept]


def _cheaper_than_neighbours(costs: Doubles, threshold: float) -> NDArray[np.int64]:
    """Return the pairs that are merged whatever becomes of the others: each costs less than those beside it.

    Of a run of pairs of one cost, which is what evenly spaced values make, every second is: one by one the leftmost is
    merged, which makes the next cost more, then the third, and so on.
    """
    fenced = np.concatenate([[_CAPPED], costs, [_CAPPED]])
    starts = np.flatnonzero(fenced[1:-1] != np.concatenate([[-1.0], costs[:-1]]))
    ends = np.append(starts[1:], len(costs))
    is_least = (fenced[starts] > costs[starts]) & (fenced[ends + 1] > costs[starts]) & (costs[starts] <= threshold)
    lengths = ends - starts
    offsets = np.arange(len(costs)) - np.repeat(starts, lengths)
    return np.flatnonzero(np.repeat(is_least, lengths) & (offsets % 2 == 0))


def _mean(a: Doubles, count_a: Counts, b: Doubles, count_b: Counts) -> Doubles:
    share = count_b / (count_a + count_b)
    gap = b - a
    # The gap between two finite centers may not be finite; their mean is.
    mean = np.where(np.isfinite(gap), a + gap * share, a * (1 - share) + b * share)
    return np.minimum(np.maximum(mean, a), b) + 0.0


def _one_by_one(centers: Doubles, counts: Counts, cap: int, target: int) -> tuple[Doubles, Counts]:
    """Merge the cheapest pair, again and again, with a heap of (cost, left bin, age of the pair)."""
    center = [float(value) for value in centers]
    count = [int(value) for value in counts]
    after = [*range(1, len(center)), -1]
    before = [-1, *range(len(center) - 1)]
    age = [0] * len(center)
    costs = _costs(centers, counts, cap)
    heap = [(float(costs[left]), left, 0) for left in np.flatnonzero(costs < _CAPPED).tolist()]
    heapify(heap)
    alive = len(center)

    def renew(left: int) -> None:
        age[left] += 1
        right = after[left]
        if right >= 0 and count[left] + count[right] <= cap:
            cost = min((center[right] - center[left]) * (count[left] + count[right]), float(_GREATEST_COST))
            if center[left] < 0 < center[right]:
                cost = float(_GREATEST_COST)
            heappush(heap, (cost, left, age[left]))

    while alive > target:
        _, left, born = heappop(heap)
        if born != age[left]:
            continue
        right = after[left]
        share = count[right] / (count[left] + count[right])
        gap = center[right] - center[left]
        mean = center[left] + gap * share if gap < np.inf else center[left] * (1 - share) + center[right] * share
        center[left] = min(max(mean, center[left]), center[right]) + 0.0
        count[left] += count[right]
        count[right] = 0
        age[right] += 1
        after[left] = after[right]
        if after[right] >= 0:
            before[after[right]] = left
        alive -= 1
        renew(left)
        if before[left] >= 0:
            renew(before[left])
    kept = [i for i, mass in enumerate(count) if mass]
    return np.array([center[i] for i in kept]), np.array([count[i] for i in kept], np.int64)
