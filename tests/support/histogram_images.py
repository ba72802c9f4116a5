"""Images of histograms, field by field: ours and Druid's sparse ones."""

from __future__ import annotations

import struct


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def histogram_image(
    bins: list[tuple[float, int]],
    *,
    flags: int = 0,
    max_bins: int = 50,
    n: int | None = None,
    count: int | None = None,
    extremes: tuple[float, ...] = (),
    inexact: bool = False,
    slack: int | None = None,
) -> bytes:
    """An image as docs/STORAGE.md describes it, and as wrong as one likes."""
    return b"".join(
        [
            b"AH\x01",
            struct.pack("<BHH", flags, max_bins, len(bins) if n is None else n),
            varint(sum(c for _, c in bins) if count is None else count),
            varint(0),
            varint(int(inexact) if slack is None else slack),
            *(struct.pack("<d", x) for x in extremes),
            *(struct.pack("<d", center) for center, _ in bins),
            *(varint(c << 1 | inexact) for _, c in bins),
        ]
    )


def sparse(
    bins: list[tuple[float, int]], ends: tuple[float, float] | None = None, *, size: int = 50, n: int | None = None
) -> bytes:
    """A sparse image of Druid; a count below 0 is that of an approximate bin."""
    counts = [count if count >= 0 else -count | 1 << 63 for _, count in bins]
    low, high = ends or (min(x for x, _ in bins), max(x for x, _ in bins))
    count = len(bins) if n is None else n
    return struct.pack(
        f">ii{len(bins)}f{len(bins)}Qff", size, -count, *[position for position, _ in bins], *counts, low, high
    )
