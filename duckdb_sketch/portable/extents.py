"""The extents of a bin in one byte for each side.

They are rounded outwards to multiples of powers of two, the same for all histograms, so that what was rounded once
stays where it is when it is rounded again. A byte below 16 is a number of the finest steps; else its high half, less
one, says how many times the step is doubled, and its low half, and 16, how many of them there are. 255 is not known.
"""

from __future__ import annotations

import math
import struct

import numpy as np

from duckdb_sketch.portable.bins import Bins

_UNKNOWN = 255
_STEPS = 16
_FINEST = 5
"""In terms of the gap to the next center the finest step is two to the power of minus this."""
_LEAST_EXPONENT = -1074
_GREATEST_EXPONENT = 1023


def encode_extents(bins: Bins, least: float, greatest: float) -> bytes:
    """Return the bytes of the extents of every inexact bin, the lower one first."""
    encoded = bytearray()
    for at in np.flatnonzero(~bins.exact).tolist():
        center, finest = float(bins.centers[at]), _finest_exponent(bins, at, least, greatest)
        encoded.append(_encode_low(center, finest, float(bins.lows[at])))
        encoded.append(_encode_low(-center, finest, -float(bins.highs[at])))
    return bytes(encoded)


def with_extents(bins: Bins, encoded: bytes, least: float, greatest: float) -> Bins:
    """Return the bins with the extents that these bytes say."""
    lows, highs = bins.lows.copy(), bins.highs.copy()
    for i, at in enumerate(np.flatnonzero(~bins.exact).tolist()):
        center, finest = float(bins.centers[at]), _finest_exponent(bins, at, least, greatest)
        low, high = _decode_low(center, finest, encoded[2 * i]), -_decode_low(-center, finest, encoded[2 * i + 1])
        lows[at] = max(low, least) if math.isfinite(low) else low
        highs[at] = min(high, greatest) if math.isfinite(high) else high
    return Bins(bins.centers, bins.counts, bins.exact, lows + 0.0, highs + 0.0)


def _finest_exponent(bins: Bins, at: int, least: float, greatest: float) -> int:
    """Return the exponent of the finest step of a bin, by the nearer one of its neighbours, or ends."""
    center = float(bins.centers[at])
    left = center - (float(bins.centers[at - 1]) if at else least)
    right = (float(bins.centers[at + 1]) if at + 1 < len(bins) else greatest) - center
    # An outermost center may lie at the end itself.
    gap = left if left > 0 and (left < right or right <= 0) else right
    # Not so fine that a center is more than 2^52 steps from 0, and steps are lost.
    return max(_exponent(gap) - _FINEST, _exponent(center) - 51, _LEAST_EXPONENT)


def _encode_low(center: float, finest: int, low: float) -> int:
    for first in range(0, _UNKNOWN, _STEPS):
        step = _step(finest, first)
        if step is None or math.isinf(low):
            break
        steps = _floor(center / step) - _floor(low / step) - (_STEPS if first else 0)
        byte = first + int(steps) if 0 <= steps < _STEPS else _UNKNOWN
        if byte < _UNKNOWN and _decode_low(center, finest, byte) <= low:
            return byte
    return _UNKNOWN


def _decode_low(center: float, finest: int, byte: int) -> float:
    step = _step(finest, byte)
    if byte == _UNKNOWN or step is None:
        return -math.inf
    steps = byte if byte < _STEPS else _STEPS + byte % _STEPS
    return (_floor(center / step) - steps) * step


def _step(finest: int, byte: int) -> float | None:
    exponent = finest + max(byte // _STEPS - 1, 0)
    return math.ldexp(1.0, exponent) if exponent <= _GREATEST_EXPONENT else None


def _exponent(number: float) -> int:
    """Return the exponent of a number; that of the least normal one for less."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", number))
    return max(int(bits) >> 52 & 0x7FF, 1) - 1023


def _floor(number: float) -> float:
    return float(math.floor(number)) if abs(number) < 2.0**53 else number
