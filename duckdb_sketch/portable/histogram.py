"""The approximate histogram: built of values, merged, and its bytes.

Byte 0 "AH" · 2 version 1 or 2 · 3 flags · 4 u16 `max_bins` · 6 u16 `n` · varint count · varint non-finite · varint
slack · f64 minimum if flag 1 · f64 maximum if flag 2 · n f64 centers · n varints `count << 1 | inexact` · in version 2
two bytes for each inexact bin. All little-endian. The whole of it: `docs/STORAGE.md`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable import extent
from duckdb_sketch.portable.bins import Bins, Doubles, bins_of_unknown, bins_of_values, no_bins, pool
from duckdb_sketch.portable.reduce import FEW, reduce_bins
from duckdb_sketch.portable.varint import decode_varint, encode_varint

DEFAULT_BINS = 50
LEAST_BINS = 2
GREATEST_BINS = 65535
COUNT_LIMIT = 1 << 62
"""Counts of values, finite or not, are below."""

_MAGIC = b"AH"
_FIRST_VERSION = 1
"""Without extents, and at most as many bins as allowed."""
_VERSION = 2
_FLAG_MIN = 1
_FLAG_MAX = 2
_HEADER = struct.Struct("<2s2B2H")


@dataclass(frozen=True)
class Histogram:
    """A histogram; `min` and `max` are of no meaning while it is empty."""

    max_bins: int
    non_finite: int
    slack: int
    """By how much the number of values up to any x may differ from the sum of the counts of the bins up to x."""
    min: float
    max: float
    bins: Bins

    @property
    def count(self) -> int:
        """How many finite values it holds."""
        return self.bins.total

    @property
    def is_empty(self) -> bool:
        """Whether it holds no finite value."""
        return len(self.bins) == 0

    @property
    def mean(self) -> float:
        """The mean of the finite values: a bin's center is the mean of its values."""
        mean = float(np.sum(self.bins.centers * (self.bins.counts / self.count)))
        return min(max(mean, self.min), self.max)

    @property
    def version(self) -> int:
        """The first version that can say it: what every reader knows is written so that every reader reads it."""
        has_extents = (extent.known(self.bins) & ~self.bins.exact).any()
        return _VERSION if has_extents or len(self.bins) > self.max_bins else _FIRST_VERSION

    def to_bytes(self) -> bytes:
        """Return the image."""
        bins, count, version = self.bins, self.count, self.version
        flags, ends = 0, b""
        if len(bins) and self.min != bins.centers[0]:
            flags, ends = flags | _FLAG_MIN, ends + struct.pack("<d", self.min)
        if len(bins) and self.max != bins.centers[-1]:
            flags, ends = flags | _FLAG_MAX, ends + struct.pack("<d", self.max)
        return b"".join([
            _HEADER.pack(_MAGIC, version, flags, self.max_bins, len(bins)),
            encode_varint(count),
            encode_varint(self.non_finite),
            encode_varint(self.slack),
            ends,
            bins.centers.astype("<f8").tobytes(),
            *(
                encode_varint(int(mass) << 1 | (not exact))
                for mass, exact in zip(bins.counts, bins.exact, strict=True)
            ),
            extent.encoded(bins, self.min, self.max) if version == _VERSION else b"",
        ])  # fmt: skip

    @classmethod
    def parse(cls, blob: bytes) -> Histogram:
        """Read an image; every length is checked against the bytes before anything is made of them.

        Raises:
            InvalidInputError: If it is not an image of an approximate histogram, is damaged, or of an unknown version.
        """
        if not blob.startswith(_MAGIC):
            raise _not_a_histogram(blob)
        if len(blob) > 2 and not _FIRST_VERSION <= blob[2] <= _VERSION:
            raise InvalidInputError(
                f"an approximate histogram of format version {blob[2]}; versions 1 and 2 are known here"
            )
        _, version, flags, max_bins, n = _HEADER.unpack(_Reader(blob, 0).take(_HEADER.size))
        most = max_bins if version == _FIRST_VERSION else while_open(max_bins)
        if flags & ~(_FLAG_MIN | _FLAG_MAX) or max_bins < LEAST_BINS or n > most:
            raise _damaged("its header has unknown flags or more bins than it allows")
        if n == 0 and flags:
            raise _damaged("it has no bins, but a minimum or a maximum")
        return _Reader(blob, _HEADER.size).body(version, flags, max_bins, n)


@dataclass
class _Reader:
    blob: bytes
    at: int

    def body(self, version: int, flags: int, max_bins: int, n: int) -> Histogram:
        count, non_finite, slack = self.varint(), self.varint(), self.varint()
        if max(count, non_finite) >= COUNT_LIMIT:
            raise _damaged(
                f"the count overflows: it says {count} values, and {non_finite} that are not finite, of fewer than 2^62"
            )
        least = self.double() if flags & _FLAG_MIN else None
        greatest = self.double() if flags & _FLAG_MAX else None
        centers = np.frombuffer(self.take(8 * n), "<f8").astype(np.float64)
        masses = [self.varint() for _ in range(n)]
        extents = self.take(2 * sum(mass & 1 for mass in masses)) if version == _VERSION else None
        if self.at != len(self.blob):
            raise _damaged(f"{len(self.blob) - self.at} bytes follow its end")
        if sum(mass >> 1 for mass in masses) != count:
            raise _damaged("its count is not the sum of its bins' counts")
        if any(mass < 2 or mass == 3 for mass in masses):
            raise _damaged("a bin of no value, or one of a single value that is not exact")
        if slack > count or (slack and not any(mass & 1 for mass in masses)):
            raise _damaged(f"its slack is {slack}, of {count} values in bins of which none is inexact or too few")
        if not _is_ascending(centers):
            raise _damaged("its centers are not finite and strictly ascending, or one is -0.0")
        if n:
            least = float(centers[0]) if least is None else least
            greatest = float(centers[-1]) if greatest is None else greatest
            if not (-math.inf < least <= centers[0] and centers[-1] <= greatest < math.inf):
                raise _damaged("its minimum and maximum do not enclose its bins")
        least, greatest = (least or 0.0) + 0.0, (greatest or 0.0) + 0.0
        counts = np.array([mass >> 1 for mass in masses], np.int64)
        exact = np.array([not mass & 1 for mass in masses], np.bool_)
        if extents is None:
            bins = bins_of_unknown(centers, counts, exact)
        else:
            bins = Bins(centers, counts, exact, *extent.decoded(extents, centers, exact, least, greatest))
        return Histogram(max_bins, non_finite, slack, least, greatest, bins)

    def take(self, count: int) -> bytes:
        left = len(self.blob) - self.at
        if left < count:
            raise InvalidInputError(
                f"truncated approximate histogram: {count} more bytes are needed where {left} are left"
            )
        self.at += count
        return self.blob[self.at - count : self.at]

    def double(self) -> float:
        (value,) = struct.unpack("<d", self.take(8))
        return float(value)

    def varint(self) -> int:
        decoded = decode_varint(self.blob, self.at)
        if decoded is None:
            raise _damaged("a count is not a varint of 64 bits in its shortest form, or the bytes end within it")
        value, self.at = decoded
        return value


def while_open(max_bins: int) -> int:
    """Return how many bins a union of two may have, as long as it is still to be merged."""
    return min(2 * max_bins, GREATEST_BINS)


def checked_bins(bins: int | None) -> int:
    """Return `bins` if it is in range.

    Raises:
        InvalidInputError: Unless it is from 2 to 65535.
    """
    if bins is None:
        raise InvalidInputError("bins is NULL, and must be a constant")
    if not LEAST_BINS <= bins <= GREATEST_BINS:
        raise InvalidInputError(f"bins is {bins}, and must be from {LEAST_BINS} to {GREATEST_BINS}")
    return bins


def histogram_of_values(values: Doubles, max_bins: int) -> Histogram:
    """Return the histogram of values; those that are not finite are only counted."""
    finite = values[np.isfinite(values)]
    return _of_bins(bins_of_values(finite), max_bins, len(values) - len(finite), 0, finite)


def union(histograms: Sequence[Histogram], max_bins: int | None, is_open: bool = False) -> Histogram:
    """Return the histogram of all that the histograms hold.

    Args:
        histograms: Any number of them, empty ones included.
        max_bins: Of the result; if not given the greatest of the inputs' that hold values, else of the empty ones', or
            the default.
        is_open: Whether the result is still to be merged: unless its values are few it keeps up to twice as many bins.

    Raises:
        InvalidInputError: If the count would be 2^62 or more.
    """
    full = [histogram for histogram in histograms if not histogram.is_empty]
    if max_bins is None:
        deciding = full or histograms
        max_bins = max((histogram.max_bins for histogram in deciding), default=DEFAULT_BINS)
    non_finite = sum(histogram.non_finite for histogram in histograms)
    if max(sum(histogram.count for histogram in histograms), non_finite) >= COUNT_LIMIT:
        raise InvalidInputError("the count overflows: a histogram holds fewer than 2^62 values")
    ends = np.array([end for histogram in full for end in (histogram.min, histogram.max)])
    slack = sum(histogram.slack for histogram in full)
    bins, moved = pool([histogram.bins for histogram in full])
    return _of_bins(bins, max_bins, non_finite, slack + moved, ends, is_open)


def _of_bins(bins: Bins, max_bins: int, non_finite: int, slack: int, ends: Doubles, is_open: bool = False) -> Histogram:
    """Return a histogram of bins whose least and greatest value are among `ends`."""
    if not len(bins):
        return Histogram(max_bins, non_finite, 0, 0.0, 0.0, no_bins())
    least, greatest = float(ends.min()) + 0.0, float(ends.max()) + 0.0
    reduced, moved = reduce_bins(bins, while_open(max_bins) if is_open and bins.total > FEW * max_bins else max_bins)
    return Histogram(max_bins, non_finite, min(slack + moved, bins.total), least, greatest, reduced)


def _is_ascending(centers: Doubles) -> bool:
    negative_zero = (centers == 0) & np.signbit(centers)
    return bool(np.isfinite(centers).all() and (centers[1:] > centers[:-1]).all() and not negative_zero.any())


def _damaged(what: str) -> InvalidInputError:
    return InvalidInputError(f"damaged approximate histogram: {what}")


def _not_a_histogram(blob: bytes) -> InvalidInputError:
    from duckdb_sketch.portable.kind import hint, start  # which asks this module in turn

    return InvalidInputError(
        f'not an approximate histogram: it starts with {start(blob, 4)}, and a histogram with 41 48 ("AH"){hint(blob)}'
    )
