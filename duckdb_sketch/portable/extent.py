"""Where the values of a bin lie, a byte for each side. See "Extents" in `docs/STORAGE.md`.

The lower side of a bin is the upper one of the mirrored bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duckdb_sketch.portable.bins import Bins, Counts, Doubles, Flags

Codes = NDArray[np.uint8]

_HALVES = 192
"""From here on the codes of a side that reaches towards 0 are powers of two."""
_TO_THE_END = 254
"""Up to the minimum or the maximum of the histogram."""
_UNKNOWN = 255
"""Nobody knows, not even when other values have made the histogram wider."""
_STEPS = 16
"""How many steps the finest grid counts, and by how many more each next one, of steps twice as long."""
_STEP_OF_GAP = 5
_STEP_OF_CENTER = 48
_LEAST_NORMAL = 2.0**-1022
_LEAST_EXPONENT, _GREATEST_EXPONENT = -1000, 985
"""Powers of two that are far from where doubles end."""


def known(bins: Bins) -> Flags:
    """Of each bin whether more is known of its values than their center."""
    return np.isfinite(bins.lows) | np.isfinite(bins.highs)


def encoded(bins: Bins, least: float, greatest: float) -> bytes:
    """Return the bytes of the bins that are not exact, for a histogram of values from `least` to `greatest`."""
    low, high = _sides(bins.centers, bins.exact, least, greatest)
    codes = np.stack([low.codes(-bins.lows[~bins.exact]), high.codes(bins.highs[~bins.exact])], axis=1)
    return codes.astype(np.uint8).tobytes()


def decoded(image: bytes, centers: Doubles, exact: Flags, least: float, greatest: float) -> tuple[Doubles, Doubles]:
    """Return the least and the greatest number that the values of each bin may be, of two bytes an inexact bin."""
    low, high = _sides(centers, exact, least, greatest)
    codes = np.frombuffer(image, np.uint8).reshape(-1, 2)
    lows, highs = centers.copy(), centers.copy()
    lows[~exact], highs[~exact] = -low.reaches(codes[:, 0]), high.reaches(codes[:, 1])
    return lows, highs


@dataclass(frozen=True)
class _Side:
    """One side of bins."""

    centers: Doubles
    end: float
    """The minimum or the maximum."""
    base: Counts
    """The steps of the finest grid are 2 to this."""

    def codes(self, reaches: Doubles) -> Codes:
        """Return the codes of the nearest numbers that have one and are not less."""
        with np.errstate(all="ignore"):
            in_steps, towards_zero = self._codes_in_steps(reaches), self._codes_towards_zero(reaches)
            codes = np.where(self.reaches(towards_zero) <= self.reaches(in_steps), towards_zero, in_steps)
            found = self.reaches(codes)
        # One number has one code, so that what is read is written again.
        codes = np.where((reaches <= found) & (found < self.end), codes, _TO_THE_END)
        codes = np.where(reaches >= self.end, _TO_THE_END, codes)
        return np.where(reaches == np.inf, _UNKNOWN, codes).astype(np.uint8)

    def _codes_in_steps(self, reaches: Doubles) -> Codes:
        first = np.maximum(_exponents(reaches - self.centers) - 4, self.base)
        codes, found = np.full(len(reaches), _TO_THE_END), np.zeros(len(reaches), np.bool_)
        for step in (first, first + 1):
            grid = step - self.base
            steps = np.ceil(reaches * _powers(-step)) - np.floor(self.centers * _powers(-step))
            fits = ~found & (grid < 15) & (steps < 2 * _STEPS)
            whole = np.where(fits, steps, 0).astype(np.int64)
            code = np.where(whole < _STEPS, whole, (grid + 1) << 4 | (whole - _STEPS))
            codes, found = np.where(fits, code, codes), found | fits
        return np.where(codes < np.where(self.centers < 0, _HALVES, _TO_THE_END), codes, _TO_THE_END).astype(np.uint8)

    def _codes_towards_zero(self, reaches: Doubles) -> Codes:
        halved = _exponents(self.centers) - _exponents(reaches)
        is_coded = (reaches <= -_LEAST_NORMAL) & (halved >= 0) & (halved < _TO_THE_END - _HALVES)
        return np.where(is_coded, _HALVES + halved, _TO_THE_END).astype(np.uint8)

    def reaches(self, codes: Codes) -> Doubles:
        """Return up to where values are that these codes were written for."""
        grid, steps = codes.astype(np.int64) >> 4, codes.astype(np.int64) & (_STEPS - 1)
        step = self.base + np.maximum(grid, 1) - 1
        with np.errstate(all="ignore"):
            in_steps = (np.floor(self.centers * _powers(-step)) + (steps + np.where(grid > 0, _STEPS, 0))) * _powers(
                step
            )
            halved = _exponents(self.centers) - np.maximum(codes.astype(np.int64) - _HALVES, 0)
            reach = np.where((codes >= _HALVES) & (self.centers < 0), -_powers(np.maximum(halved, -1023)), in_steps)
        reach = np.minimum(np.maximum(np.where(codes == _TO_THE_END, self.end, reach), self.centers), self.end)
        return np.where(codes == _UNKNOWN, np.inf, reach)


def _sides(centers: Doubles, exact: Flags, least: float, greatest: float) -> tuple[_Side, _Side]:
    with np.errstate(over="ignore"):
        gaps = np.diff(centers)
    narrower = np.minimum(np.append(np.inf, gaps), np.append(gaps, np.inf))[: len(centers)]
    base = np.maximum(_exponents(narrower) - _STEP_OF_GAP, _exponents(centers) - _STEP_OF_CENTER)
    base, inexact = np.clip(base, _LEAST_EXPONENT, _GREATEST_EXPONENT)[~exact], centers[~exact]
    return _Side(-inexact, -least, base), _Side(inexact, greatest, base)


def _exponents(values: Doubles) -> Counts:
    """Return the powers of two at or below numbers; the least and the greatest ones for what has none."""
    return (values.view(np.int64) >> 52 & 0x7FF) - 1023


def _powers(exponents: Counts) -> Doubles:
    """Return 2 to these, which are not far from 0."""
    return ((exponents + 1023) << 52).view(np.float64)
