"""The bytes of Druid's `ApproximateHistogram`, in its three forms, all big-endian.

Dense: i32 size · i32 n · size f32 positions · size i64 counts · f32 minimum · f32 maximum. Sparse: i32 size · i32 -n ·
n f32 · n i64 · f32 · f32. Compact: i16 -size · i8 values · f32 each; or i16 -size · i8 -a · a f32 · f32 minimum ·
f32 maximum · i8 e · e f32. The sign bit of a count marks an approximate bin. The whole of it: `docs/STORAGE.md`.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.bins import Bins, bins_of_unknown, no_bins, united
from duckdb_sketch.portable.histogram import COUNT_LIMIT, DEFAULT_BINS, GREATEST_BINS, LEAST_BINS, Histogram

_COLUMNS = struct.Struct(">Ii")
_COMPACT = struct.Struct(">hb")
_ENDS = struct.Struct(">ff")
_APPROXIMATE = 1 << 63
_MOST_LISTED = 127
_MOST_COMPACT_BINS = 32767
_ROUNDING = 4 * 2.0**-23
"""Druid merges its bins in floats: a center may have left the range of its values by so much of it."""


@dataclass(frozen=True)
class _Bin:
    position: float
    count: int
    approximate: bool


@dataclass(frozen=True)
class _DruidHistogram:
    size: int
    bins: list[_Bin]
    min: float
    max: float


def histogram_from_druid(blob: bytes) -> Histogram:
    """Read an image of Druid; none of its bytes, or three of 0, are an empty histogram.

    Raises:
        InvalidInputError: If it is not a histogram of Druid, a damaged one, or one whose count is 2^62 or more.
    """
    try:
        druid = _parse(blob)
    except InvalidInputError:
        _refuse_others(blob)
        raise
    return _to_histogram(druid)


def histogram_to_druid(histogram: Histogram, form: str | None = None) -> bytes:
    """Write an image of Druid, in the form that Druid chooses if none is given.

    Raises:
        InvalidInputError: If it does not fit the form, or Druid's floats; or if there is no such form.
    """
    if form not in (None, "dense", "sparse", "compact"):
        raise InvalidInputError(f"the form is '{form}', and must be 'dense', 'sparse' or 'compact'")
    druid = _in_floats(histogram)
    if form == "dense":
        return _columns(druid, len(druid.bins), druid.size)
    if form == "sparse":
        if not druid.bins:
            raise InvalidInputError(
                "an empty histogram has no sparse form that Druid can read: leave the form out, or ask for "
                "'compact' or 'dense'"
            )
        return _columns(druid, -len(druid.bins), len(druid.bins))
    compact = _compact(druid)
    if form == "compact" and compact is None:
        raise InvalidInputError(
            f"a histogram of at most {druid.size} bins, with {_values(druid, False)} values in exact bins and "
            f"{_values(druid, True)} in approximate ones, has no compact form, which takes at most 32767 bins and 127 "
            "values of either kind: leave the form out, or ask for 'sparse'"
        )
    sparse = _columns(druid, -len(druid.bins), len(druid.bins))
    return compact if compact is not None and (form or len(compact) < len(sparse)) else sparse


def is_of_druid(blob: bytes) -> bool:
    """Return whether the bytes are a histogram of Druid that holds something."""
    try:
        return bool(_parse(blob).bins)
    except InvalidInputError:
        return False


def _parse(blob: bytes) -> _DruidHistogram:
    if blob in (b"", bytes(3)):
        return _DruidHistogram(0, [], math.inf, -math.inf)
    return _parse_compact(_Reader(blob)) if blob[0] >= 0x80 else _parse_columns(_Reader(blob))


def _parse_compact(reader: _Reader) -> _DruidHistogram:
    size, head = reader.unpack(_COMPACT)
    size = -size
    if head < 0:
        bins = _listed(reader.floats(-head), approximate=True)
        least, greatest = reader.unpack(_ENDS)
        (exact,) = reader.unpack(struct.Struct(">b"))
    else:
        bins, exact = [], head
    if head == -128 or exact < 0 or size > _MOST_COMPACT_BINS:
        raise _damaged("a compact one of more than 127 values of one kind, or of more than 32767 bins")
    bins += _listed(reader.floats(exact), approximate=False)
    reader.finish()
    if head >= 0:
        finite = [each.position for each in bins if math.isfinite(each.position)]
        least, greatest = min(finite, default=math.inf), max(finite, default=-math.inf)
    return _checked(_DruidHistogram(size, bins, least, greatest))


def _parse_columns(reader: _Reader) -> _DruidHistogram:
    length = reader.left
    size, n = reader.unpack(_COLUMNS)
    # Druid writes an empty histogram of many bins as a sparse one of -0 bins.
    stored = abs(n) if n < 0 or (n == 0 and length == 16) else size
    n = abs(n)
    if n > size:
        raise _damaged(f"it has {n} bins, and says that it has at most {size}")
    positions = np.frombuffer(reader.take(4 * stored), ">f4")[:n].tolist()
    counts = np.frombuffer(reader.take(8 * stored), ">u8")[:n].tolist()
    least, greatest = reader.unpack(_ENDS)
    reader.finish()
    bins = [
        _Bin(position, count & ~_APPROXIMATE, count >= _APPROXIMATE)
        for position, count in zip(positions, counts, strict=True)
    ]
    return _checked(_DruidHistogram(size, bins, least, greatest))


def _checked(druid: _DruidHistogram) -> _DruidHistogram:
    n = len(druid.bins)
    if n > druid.size:
        raise _damaged(f"it has {n} bins, and says that it has at most {druid.size}")
    if n > GREATEST_BINS:
        raise _damaged(f"it has {n} bins, and {GREATEST_BINS} are the most that a histogram has here")
    if any(each.count == 0 for each in druid.bins):
        raise _damaged("a bin has no value")
    if sum(each.count for each in druid.bins) >= COUNT_LIMIT:
        raise InvalidInputError("the count overflows: a histogram holds fewer than 2^62 values")
    return druid


def _to_histogram(druid: _DruidHistogram) -> Histogram:
    max_bins = min(max(druid.size, LEAST_BINS), GREATEST_BINS) if druid.size else DEFAULT_BINS
    # Druid forgets the marks of some bins when it merges: none are believed but where no bin has one, nor could have.
    reaches = all(
        not math.isfinite(end) or any(each.position == end for each in druid.bins) for end in (druid.min, druid.max)
    )
    believed = reaches and not any(each.approximate for each in druid.bins)

    def is_exact(each: _Bin) -> bool:
        return believed or each.count == 1

    finite = sorted((each for each in druid.bins if math.isfinite(each.position)), key=lambda each: each.position)
    others = [each for each in druid.bins if not math.isfinite(each.position)]
    if not all(map(is_exact, others)):
        raise _damaged("an approximate bin lies at NaN or an infinity, so that its values are lost")
    non_finite = sum(each.count for each in others)
    if not finite:
        return Histogram(max_bins, non_finite, 0, 0.0, 0.0, no_bins())
    ends = []
    for stored, outermost in ((druid.min, finite[0]), (druid.max, finite[-1])):
        if not math.isfinite(stored) and not is_exact(outermost):
            shown = "NaN" if math.isnan(stored) else stored
            raise _damaged(f"its minimum or maximum is {shown}, and its outermost bin is approximate")
        ends.append((stored if math.isfinite(stored) else outermost.position) + 0.0)
    least, greatest = ends
    if least > greatest:
        raise _damaged(f"its minimum is {least}, and its maximum {greatest}")
    rounding = _ROUNDING * max(abs(least), abs(greatest))
    for each in finite:
        if not least - rounding <= each.position <= greatest + rounding:
            raise _damaged(f"a bin at {each.position} is not between its minimum {least} and its maximum {greatest}")
    slack = sum(each.count for each in finite if not is_exact(each))
    bins = united([_bin(min(max(each.position, least), greatest) + 0.0, each.count, is_exact(each)) for each in finite])
    return Histogram(max_bins, non_finite, slack, least, greatest, bins)


def _bin(center: float, count: int, exact: bool) -> Bins:
    return bins_of_unknown(np.array([center]), np.array([count], np.int64), np.array([exact]))


def _in_floats(histogram: Histogram) -> _DruidHistogram:
    bins: list[_Bin] = []
    columns = (histogram.bins.centers.tolist(), histogram.bins.counts.tolist(), histogram.bins.exact.tolist())
    for center, count, exact in zip(*columns, strict=True):
        position = _to_float(center)
        if bins and bins[-1].position == position:
            bins[-1] = _Bin(position, bins[-1].count + count, True)
        else:
            bins.append(_Bin(position, count, not exact))
    if not bins:
        # Of more bins Druid has no form for nothing that it could read.
        return _DruidHistogram(min(histogram.max_bins, _MOST_COMPACT_BINS), [], math.inf, -math.inf)
    # One that is still to be merged may have more.
    size = max(histogram.max_bins, len(bins))
    return _DruidHistogram(size, bins, _to_float(histogram.min), _to_float(histogram.max))


def _values(druid: _DruidHistogram, approximate: bool) -> int:
    return sum(each.count for each in druid.bins if each.approximate == approximate)


def _columns(druid: _DruidHistogram, n: int, stored: int) -> bytes:
    unused = stored - len(druid.bins)
    counts = [each.count | (_APPROXIMATE if each.approximate else 0) for each in druid.bins]
    return b"".join([
        _COLUMNS.pack(druid.size, n),
        np.array([each.position for each in druid.bins], ">f4").tobytes(),
        bytes(4 * unused),
        np.array(counts, ">u8").tobytes(),
        bytes(8 * unused),
        _ENDS.pack(druid.min, druid.max),
    ])  # fmt: skip


def _compact(druid: _DruidHistogram) -> bytes | None:
    """Return none if there are too many values."""
    exact, approximate = _values(druid, False), _values(druid, True)
    if max(exact, approximate) > _MOST_LISTED or druid.size > _MOST_COMPACT_BINS:
        return None

    def listed(approximate: bool) -> bytes:
        kind = (each for each in druid.bins if each.approximate == approximate)
        return b"".join(struct.pack(">f", each.position) * each.count for each in kind)

    if not approximate:
        return _COMPACT.pack(-druid.size, exact) + listed(False)
    head = _COMPACT.pack(-druid.size, -approximate) + listed(True) + _ENDS.pack(druid.min, druid.max)
    return head + bytes([exact]) + listed(False)


def _listed(positions: list[float], *, approximate: bool) -> list[_Bin]:
    """Return a bin for each run of equal positions; those of NaN are equal."""
    runs = groupby(positions, key=lambda position: struct.pack(">f", position))
    return [_Bin(struct.unpack(">f", bits)[0], len(list(run)), approximate) for bits, run in runs]


def _to_float(number: float) -> float:
    with np.errstate(over="ignore"):
        rounded = np.float32(number)
    if not np.isfinite(rounded):
        shown = repr(number).replace("e+", "e")
        raise InvalidInputError(f"{shown} does not fit the 32-bit floats of Druid, which reach to 3.4028235e38")
    return float(rounded) + 0.0


@dataclass
class _Reader:
    blob: bytes
    at: int = 0

    @property
    def left(self) -> int:
        return len(self.blob) - self.at

    def take(self, count: int) -> bytes:
        if self.left < count:
            raise InvalidInputError(
                f"truncated histogram of Druid: {count} more bytes are needed where {self.left} are left"
            )
        self.at += count
        return self.blob[self.at - count : self.at]

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))

    def floats(self, count: int) -> list[float]:
        floats: list[float] = np.frombuffer(self.take(4 * count), ">f4").tolist()
        return floats

    def finish(self) -> None:
        if self.left:
            raise _damaged(f"{self.left} bytes follow its end")


def _refuse_others(blob: bytes) -> None:
    """Say so if the bytes are something else, or what nothing could be."""
    from duckdb_sketch.portable.kind import hint, start  # which asks this module in turn

    other = hint(blob)
    if other or (blob[0] < 0x80 and len(blob) < 16):
        raise InvalidInputError(
            f"not a histogram of Druid: it starts with {start(blob, 8)}, and a histogram with ff for a compact one, "
            f"else with its number of bins in 32 bits, of 16 bytes or more together{other}"
        ) from None


def _damaged(what: str) -> InvalidInputError:
    return InvalidInputError(f"damaged histogram of Druid: {what}")
