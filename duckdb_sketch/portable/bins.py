"""Bins of (center, count) in ascending order.

Y. Ben-Haim and E. Tom-Tov, "A Streaming Parallel Decision Tree Algorithm", JMLR 11 (2010).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Bins:
    """Bins as columns of one length."""

    centers: Doubles
    """Of each bin the mean of its values; finite, strictly ascending."""
    counts: Counts
    """Of each bin how many values, 1 or more."""
    exact: Flags
    """Of each bin whether all its values equal its center."""
    lows: Doubles
    """Of each bin a number that none of its values is below; its center if it is exact, -inf if nobody knows."""
    highs: Doubles
    """Of each bin a number that none of its values is above."""

    def __len__(self) -> int:
        return len(self.centers)

    @cached_property
    def before(self) -> Counts:
        """Of each bin the sum of the counts before it, and, one more, the sum of all."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @cached_property
    def total(self) -> int:
        """How many values."""
        return int(self.counts.sum())


def no_bins() -> Bins:
    """Return bins of no value."""
    return exact_bins(np.empty(0), np.empty(0, np.int64))


def exact_bins(centers: Doubles, counts: Counts) -> Bins:
    """Return bins of equal values."""
    return Bins(centers, counts, np.ones(len(centers), np.bool_), centers, centers)


def bins_of_unknown(centers: Doubles, counts: Counts, exact: Flags) -> Bins:
    """Return bins of which only the centers are known."""
    lows, highs = np.where(exact, centers, -np.inf), np.where(exact, centers, np.inf)
    return Bins(centers, counts, exact, lows, highs)


def bins_of_values(values: Doubles) -> Bins:
    """Return one exact bin for each different value; the values must be finite."""
    ordered = np.sort(values + 0.0)  # -0.0 + 0.0 is 0.0
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_first)  # much faster than np.unique
    return exact_bins(ordered[starts], np.diff(starts, append=len(ordered)))


def united(sources: Sequence[Bins]) -> Bins:
    """Return the bins of all sources in one order, bins of equal centers as one.

    Such a bin is exact if all its parts are.
    """
    return _united(sources)[0]


def pool(sources: Sequence[Bins]) -> tuple[Bins, int]:
    """Return the same, but so that a heavy value stays exact: what has it as its mean goes to the bin beside it.

    Returns:
        The bins, and how many values at most have moved from one side of any number to the other.
    """
    bins, others = _united(sources)
    return _set_apart(bins, others) if others else (bins, 0)


def _united(sources: Sequence[Bins]) -> tuple[Bins, dict[int, int]]:
    """Return the bins, and of those that hold equal values and others how many others."""
    sources = [source for source in sources if len(source)]
    if len(sources) < 2:
        return (sources[0] if sources else no_bins()), {}
    centers = np.concatenate([source.centers for source in sources])
    order = np.argsort(centers, kind="stable")
    centers = centers[order]
    starts = np.flatnonzero(np.concatenate([[True], centers[1:] > centers[:-1]]))
    counts = np.concatenate([source.counts for source in sources])[order]
    exact = np.concatenate([source.exact for source in sources])[order]
    alike = np.add.reduceat(np.where(exact, counts, 0), starts)
    others = np.add.reduceat(np.where(exact, 0, counts), starts)
    mixed = np.flatnonzero((alike > 0) & (others > 0))
    lows = np.minimum.reduceat(np.concatenate([source.lows for source in sources])[order], starts)
    highs = np.maximum.reduceat(np.concatenate([source.highs for source in sources])[order], starts)
    bins = Bins(centers[starts], alike + others, others == 0, lows, highs)
    return bins, {int(i): int(others[i]) for i in mixed}


def _set_apart(bins: Bins, others: dict[int, int]) -> tuple[Bins, int]:
    """Give the values that have a heavier one as their mean to the bin beside it, so that it stays exact.

    Where that would cost another heavy value, or 0 lies between, or the others are as many, all stay one bin that is
    not exact. No bin takes such values from both sides, so that what moves here and there does not add up.

    Args:
        bins: Where `others` has a bin, its count is that of both.
        others: By bin how many values are not alike.

    Returns:
        The bins, and how many values at most have moved from one side of any number to the other.
    """
    centers, counts, exact = bins.centers.tolist(), bins.counts.tolist(), bins.exact.tolist()
    lows, highs = bins.lows.tolist(), bins.highs.tolist()
    moved, taken = 0, -1

    def may_take(beside: int, center: float) -> bool:
        one_sign = min(center, centers[beside]) >= 0 or max(center, centers[beside]) <= 0
        return one_sign and bool(not exact[beside] or counts[beside] == 1)

    for i, many in others.items():
        if many >= counts[i] - many:
            continue
        center = centers[i]
        before = i > 0 and i - 1 != taken and may_take(i - 1, center)
        behind = i + 1 < len(centers) and i + 1 not in others and may_take(i + 1, center)
        if before and behind:
            before = abs(center / 2 - centers[i - 1] / 2) <= abs(center / 2 - centers[i + 1] / 2)
        if not before and not behind:
            continue
        taker = i - 1 if before else i + 1
        count = counts[taker]
        both = [(centers[taker], count), (center, many)]
        mean = _mean(*(both if before else reversed(both)))
        if mean != center:
            centers[taker], counts[taker], exact[taker] = mean, count + many, False
            counts[i], exact[i] = counts[i] - many, True
            lows[taker], highs[taker] = min(lows[taker], lows[i]), max(highs[taker], highs[i])
            lows[i], highs[i] = center, center
            moved, taken = max(moved, count, many), taker
    columns = (np.array(counts, np.int64), np.array(exact, np.bool_), np.array(lows), np.array(highs))
    return Bins(np.array(centers), *columns), moved


def _mean(first: tuple[float, int], second: tuple[float, int]) -> float:
    """Return the mean of the values of two bins of (center, count), as `reduce` finds it of many."""
    (a, count_a), (b, count_b) = first, second
    count = float(count_a + count_b)
    origin = (b if b <= 0 else a) if math.isfinite(b - a) else 0.0
    # Adding 0.0 first, as the extension's sum does.
    mean = origin + (0.0 + (a - origin) * (float(count_a) / count) + (b - origin) * (float(count_b) / count))
    return min(max(mean, a), b)


def between(start: float, end: float, part: float) -> float:
    """Return the point so far from start to end; finite however far they are apart."""
    width = end - start
    point = start + width * part if math.isfinite(width) else start * (1 - part) + end * part
    return min(max(point, start), end)
