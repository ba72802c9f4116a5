"""The number of values as a function of x, and its inverse.

Each bin's values lie on a piece of the axis, from where those of the bin before end to where those of the next one
begin. Values on a grid are read on it: what a bin says of a value lies half a step on either side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duckdb_sketch.portable.bins import Doubles
from duckdb_sketch.portable.grid import NO_GRID, half_step, middle_behind, steps_up_to, value_of
from duckdb_sketch.portable.histogram import Histogram
from duckdb_sketch.portable.piece import Bin, Piece, ends_between
from duckdb_sketch.portable.refine import FEW_BINS
from duckdb_sketch.portable.trapezoid import TrapezoidRanks

_ROUNDING = 2.0**-50


def ranks_of(histogram: Histogram) -> TrapezoidRanks | PieceRanks:
    """Return the ranks of a histogram that is not empty.

    Few bins are read as in the paper, and so are images that know no extents, or need none.
    """
    bins = histogram.bins
    knows_something = ~bins.exact & (np.isfinite(bins.lows) | np.isfinite(bins.highs))
    if histogram.max_bins < FEW_BINS or not knows_something.any():
        return TrapezoidRanks.of(histogram)
    return PieceRanks(histogram, bins.before.astype(np.float64))


@dataclass(frozen=True)
class PieceRanks:
    """Ranks of a histogram whose bins have extents."""

    histogram: Histogram
    before: Doubles
    """Of each bin the number of values before it, and, one more, of all."""

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
        places = self.histogram.places
        steps = steps_up_to(places, x)
        return self._below(x if steps is None else middle_behind(places, steps))

    def strictly_below(self, x: float) -> float:
        """Return the number of values < x."""
        histogram, centers = self.histogram, self.histogram.bins.centers
        if x <= histogram.min:
            return 0.0
        if x > histogram.max:
            return self.total
        steps = steps_up_to(histogram.places, x)
        if steps is not None:
            before = steps - 1.0 if value_of(histogram.places, steps) == x else steps
            return self._below(middle_behind(histogram.places, before))
        i = int(np.searchsorted(centers, x, "left"))
        is_there = i < len(centers) and centers[i] == x and histogram.bins.exact[i]
        return self.at(x) - (float(histogram.bins.counts[i]) if is_there else 0.0)

    def value_of(self, rank: float) -> float:
        """Return the least x with `at(x) >= rank`; the minimum for 0, the maximum for all."""
        histogram = self.histogram
        if rank <= 0:
            return histogram.min
        if rank >= self.total:
            return histogram.max
        point = min(max(self._point(rank), histogram.min), histogram.max)
        places = histogram.places
        steps = steps_up_to(places, point + half_step(places))
        if steps is None:
            return point
        enough = rank - self.total * _ROUNDING
        for _ in range(4):
            steps += 0.0 if self._below(middle_behind(places, steps)) >= enough else 1.0
        for _ in range(4):
            steps -= 1.0 if self._below(middle_behind(places, steps - 1.0)) >= enough else 0.0
        return min(max(value_of(places, steps), histogram.min), histogram.max)

    def _below(self, x: float) -> float:
        """Return how many values lie below a point of the axis; rounding may leave a little more than there are."""
        bins = self.histogram.bins
        after = int(np.searchsorted(bins.centers, x, "right"))
        if after < len(bins):
            piece = self._piece(after)
            if piece is not None and x >= piece.low:
                return min(float(self.before[after]) + float(bins.counts[after]) * piece.share_below(x), self.total)
        if after == 0:
            return 0.0
        piece = self._piece(after - 1)
        share = 1.0 if piece is None else piece.share_below(x)
        return min(float(self.before[after - 1]) + float(bins.counts[after - 1]) * share, self.total)

    def _point(self, rank: float) -> float:
        bins = self.histogram.bins
        at = int(np.searchsorted(self.before[1:], rank, "left"))
        piece = self._piece(at)
        if piece is None:
            return float(bins.centers[at])
        share = (rank - float(self.before[at])) / float(bins.counts[at])
        return piece.point_of(min(max(share, 0.0), 1.0))

    def _piece(self, at: int) -> Piece | None:
        """Return where the values of a bin lie; None if they all equal its center."""
        histogram, last = self.histogram, len(self.histogram.bins) - 1
        step = half_step(histogram.places) if histogram.places < NO_GRID else 0.0
        bin_ = self._bin(at)
        low = self._ends(at - 1)[1] if at else max(bin_.low, histogram.min) - step
        high = self._ends(at)[0] if at < last else min(bin_.high, histogram.max) + step
        return Piece.of(low, bin_.center, high) if not histogram.bins.exact[at] and low < high else None

    def _ends(self, left: int) -> tuple[float, float]:
        before = self._bin(left - 1) if left else None
        after = self._bin(left + 2) if left + 2 < len(self.histogram.bins) else None
        return ends_between(before, self._bin(left), self._bin(left + 1), after, half_step(self.histogram.places))

    def _bin(self, at: int) -> Bin:
        bins = self.histogram.bins
        return Bin(float(bins.centers[at]), int(bins.counts[at]), float(bins.lows[at]), float(bins.highs[at]))
