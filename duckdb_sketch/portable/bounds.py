"""What the bins prove of ranks, and the bracket around a quantile.

The proof is in `extension/src/sketch/histogram/bounds.rs`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import numpy as np

from duckdb_sketch.portable.answers import quantile, rank_of
from duckdb_sketch.portable.bins import Counts
from duckdb_sketch.portable.histogram import Histogram

_ABOVE = 1 + 2.0**-40
_ADDITIONS = 2.0**-26
_ROUNDINGS = 2.0**-40
_LEAST_NORMAL = 2.0**-1022
_MANY_BINS = 1024


def quantile_bounds(histogram: Histogram, q: float) -> dict[str, float] | None:
    """Return the quantile and a bracket around it; None if there are no values.

    Raises:
        InvalidInputError: Unless q is from 0 to 1.
    """
    estimate = quantile(histogram, q)
    if estimate is None:
        return None
    rank = rank_of(histogram, q)
    lower = _least_number(histogram, lambda x: float(_between_how_many(histogram, x)[1]) >= rank)
    upper = _least_number(histogram, lambda x: float(_between_how_many(histogram, x)[0]) >= rank)
    return {"lower": min(lower, estimate), "estimate": estimate, "upper": max(upper, estimate)}


def rank_error(histogram: Histogram) -> float:
    """Return the guaranteed error of rank, as a fraction of the count; 0 if every bin is exact."""
    if histogram.is_empty:
        return 0.0
    off = histogram.slack
    if off and len(histogram.bins) <= _MANY_BINS:
        off = min(off, _most_off(histogram))
    return off / histogram.count


def _most_off(histogram: Histogram) -> int:
    off, before = 0, 0
    for center, count in zip(histogram.bins.centers.tolist(), histogram.bins.counts.tolist(), strict=True):
        most = _between_how_many(histogram, math.nextafter(center, -math.inf))[1]
        least = _between_how_many(histogram, center)[0]
        off = max(off, most - before, before + count - least)
        before += count
    return off


def _between_how_many(histogram: Histogram, x: float) -> tuple[int, int]:
    """Return at least and at most how many values are <= x."""
    bins = histogram.bins
    least, most = _of_extents(histogram, x)
    up_to = int(bins.counts[bins.centers <= x].sum())
    return max(int(least.sum()), up_to - histogram.slack), min(int(most.sum()), up_to + histogram.slack)


def _of_extents(histogram: Histogram, x: float) -> tuple[Counts, Counts]:
    bins = histogram.bins
    known = np.isfinite(bins.lows) & np.isfinite(bins.highs)
    with np.errstate(all="ignore"):
        # Quarters, since distances, and sums of them, may overflow.
        center, low, high, at = bins.centers / 4, bins.lows / 4, bins.highs / 4, x / 4
        missed = (high - low) * _ADDITIONS + np.maximum(np.abs(low), np.abs(high)) * _ROUNDINGS + _LEAST_NORMAL
        to_right, to_left = (high - center + missed) / (high - at), (center - low + missed) / (at - low)
        share = np.where(x < bins.centers, to_right, to_left)
        counts = bins.counts.astype(np.float64)
        part = np.minimum(counts * share * _ABOVE, counts)
        part = np.minimum(np.where(known & np.isfinite(part), part, 0).astype(np.int64), bins.counts)
    below, above = known & (x < bins.lows), known & (x >= bins.highs)
    nothing = np.zeros_like(bins.counts)
    least = np.where(above, bins.counts, np.where(~known | (x < bins.centers), nothing, bins.counts - part))
    most = np.where(below, nothing, np.where(known & ~above & (x < bins.centers), part, bins.counts))
    return np.where(below, nothing, least), most


def _least_number(histogram: Histogram, holds: Callable[[float], bool]) -> float:
    """Return the least number from minimum to maximum for which this holds; it holds for all above it."""
    low, high = _to_ordered(histogram.min), _to_ordered(histogram.max)
    while low < high:
        middle = (low + high) >> 1
        if holds(_from_ordered(middle)):
            high = middle
        else:
            low = middle + 1
    return _from_ordered(high) + 0.0


def _to_ordered(number: float) -> int:
    """Return an integer of the same order."""
    (bits,) = struct.unpack("<q", struct.pack("<d", number))
    return int(bits) if bits >= 0 else int(bits) ^ 0x7FFF_FFFF_FFFF_FFFF


def _from_ordered(ordered: int) -> float:
    bits = ordered if ordered >= 0 else ordered ^ 0x7FFF_FFFF_FFFF_FFFF
    (number,) = struct.unpack("<d", struct.pack("<q", bits))
    return float(number)
