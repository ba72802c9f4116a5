"""How the values of one bin are taken to lie between its neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MOST_LOPSIDED = 5.0
"""By how much one reach of a bin may be longer than the other: beyond it the mean says little of most values."""
_MOST_STEEP = 1e30
"""By how much densities on either side of a gap may differ."""
_LEAST_DISTANCE = 1e-280


@dataclass(frozen=True)
class Bin:
    """One bin; see `bins.Bins`."""

    center: float
    count: int
    low: float
    high: float


@dataclass(frozen=True)
class Piece:
    """A bin's part of the axis, and how its values thin out along it."""

    low: float
    high: float
    thinning: float
    """The density falls by the square of it from the lower end to the upper one."""

    @classmethod
    def of(cls, low: float, center: float, high: float) -> Piece:
        """Return the part from low to high of a bin with this center, the mean of its values."""
        left, right = center - low, high - center
        if not math.isfinite(left + right):
            left, right = center / 2 - low / 2, high / 2 - center / 2
        if right >= _MOST_LOPSIDED * left:
            z = _MOST_LOPSIDED
        elif left >= _MOST_LOPSIDED * right:
            z = 1 / _MOST_LOPSIDED
        else:
            z = right / left
        return cls(low, high, z * math.sqrt(z))

    def share_below(self, x: float) -> float:
        """Return which share of the values lies below x."""
        if x >= self.high:
            return 1.0
        if x <= self.low:
            return 0.0
        way = part(self.low, self.high, x)
        bent = self.thinning * way
        return bent / (bent + (1 - way))

    def point_of(self, share: float) -> float:
        """Return the point that this share of the values lies below."""
        return between(self.low, self.high, share / (share + self.thinning * (1 - share)))


def ends_between(before: Bin | None, left: Bin, right: Bin, after: Bin | None, half_step: float) -> tuple[float, float]:
    """Return where the values of `left` end, and those of `right`, its neighbour, begin.

    Where their extents leave a gap, no value lies in it. Where they overlap, the ends meet between the centers: each
    bin takes a part of the way in proportion to its count, and to the spacing of values on its other side.
    """
    high, low = left.high + half_step, right.low - half_step
    if high <= low:
        return high, low
    own = spacing(left, right)
    spacing_before = spacing(before, left) if before else own
    spacing_after = spacing(right, after) if after else own
    steepness = math.sqrt(math.sqrt(min(max(spacing_after / spacing_before, 1 / _MOST_STEEP), _MOST_STEEP)))
    share = left.count / (float(left.count) + float(right.count) * steepness)
    end = between(left.center, right.center, share)
    end = min(max(end, low, left.center), high, right.center)
    return end, end


def spacing(left: Bin, right: Bin) -> float:
    """Return half the distance that there is for each value between two neighbouring centers, at least a little."""
    halves = max(right.center / 2 - left.center / 2, _LEAST_DISTANCE)
    return halves / (float(left.count) + float(right.count))


def part(start: float, end: float, x: float) -> float:
    """Return how far x is from start to end, 0 to 1."""
    if math.isinf(end - start):
        start, end, x = start / 2, end / 2, x / 2
    return (x - start) / (end - start)


def between(start: float, end: float, way: float) -> float:
    """Return the point so far from start to end."""
    width = end - start
    point = start + width * way if math.isfinite(width) else start * (1 - way) + end * way
    return min(max(point, start), end)
