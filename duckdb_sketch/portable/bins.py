"""Bins of (center, count) in ascending order.

Y. Ben-Haim and E. Tom-Tov, "A Streaming Parallel Decision Tree Algorithm", JMLR 11 (2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

    def __len__(self) -> int:
        return len(self.centers)

    @property
    def before(self) -> Counts:
        """Of each bin the sum of the counts before it, and, one more, the sum of all."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @property
    def total(self) -> int:
        """How many values."""
        return int(self.counts.sum())


def no_bins() -> Bins:
    """Return bins of no value."""
    return Bins(np.empty(0), np.empty(0, np.int64), np.empty(0, np.bool_))


def bins_of_values(values: Doubles) -> Bins:
    """Return one exact bin for each different value; the values must be finite."""
    centers, counts = np.unique(values + 0.0, return_counts=True)  # -0.0 + 0.0 is 0.0
    return Bins(centers, counts.astype(np.int64), np.ones(len(centers), np.bool_))


def pool(sources: Sequence[Bins]) -> Bins:
    """Return the bins of all sources in one order, bins of equal centers as one.

    Such a bin is exact if all its parts are.
    """
    sources = [source for source in sources if len(source)]
    if len(sources) < 2:
        return sources[0] if sources else no_bins()
    centers = np.concatenate([source.centers for source in sources])
    order = np.argsort(centers, kind="stable")
    centers = centers[order]
    starts = np.flatnonzero(np.concatenate([[True], centers[1:] > centers[:-1]]))
    counts = np.concatenate([source.counts for source in sources])[order]
    exact = np.concatenate([source.exact for source in sources])[order]
    return Bins(centers[starts], np.add.reduceat(counts, starts), np.logical_and.reduceat(exact, starts))
