"""The coupon: what of a value's hash an HLL sketch keeps. See "What a value becomes" in `docs/STORAGE.md`."""

from __future__ import annotations

import mmh3
import numpy as np
from numpy.typing import NDArray

Coupons = NDArray[np.uint32]

SEED = 9001
"""DataSketches' default seed."""

ADDRESS_BITS = 26
ADDRESS_MASK = (1 << ADDRESS_BITS) - 1
CANONICAL_NAN = 0x7FF8000000000000


def coupon_of_bytes(data: bytes) -> int:
    """Return the coupon (u32) of a value's bytes: a value of 1 to 63 over an address of 26 bits."""
    h0, h1 = mmh3.hash64(data, SEED, x64arch=True, signed=False)
    leading_zeros = min(64 - h1.bit_length(), 62)
    return int(leading_zeros + 1) << ADDRESS_BITS | int(h0) & ADDRESS_MASK


def hashes_of_words(words: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the hashes of values of eight bytes: MurmurHash3 x64 128 (Appleby, 2011) of a tail without a body."""
    k = _rotated(words * np.uint64(0x87C37B91114253D5), 31) * np.uint64(0x4CF5AD432745937F)
    h0 = k ^ np.uint64(SEED ^ 8)
    h1 = np.full_like(h0, SEED ^ 8)
    h0 += h1
    h1 += h0
    h0, h1 = _mixed(h0), _mixed(h1)
    h0 += h1
    h1 += h0
    return h0, h1


def coupons_of_words(words: NDArray[np.uint64]) -> Coupons:
    """Return the coupons of values of eight bytes."""
    h0, h1 = hashes_of_words(words)
    value = np.minimum(_leading_zeros(h1), 62) + 1
    return (value << ADDRESS_BITS).astype(np.uint32) | (h0 & np.uint64(ADDRESS_MASK)).astype(np.uint32)


def _rotated(x: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    return x << np.uint64(bits) | x >> np.uint64(64 - bits)


def _mixed(h: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return each word with its bits avalanched: *fmix64*."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> np.uint64(33)) * np.uint64(factor)
    return h ^ h >> np.uint64(33)


def _leading_zeros(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    # A double holds 32 bits exactly, and its exponent is their length.
    high, low = words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)
    lengths: NDArray[np.int64] = np.where(high > 0, 32 + np.frexp(high)[1], np.frexp(low)[1]).astype(np.int64)
    return 64 - lengths


def integer_bytes(value: int) -> bytes:
    """Return what an integer is hashed by: equal integers give equal bytes, whatever their column's width."""
    if -(1 << 63) <= value < 1 << 63:
        return value.to_bytes(8, "little", signed=True)
    if -(1 << 127) <= value < 1 << 127:
        return value.to_bytes(16, "little", signed=True)
    return value.to_bytes(17, "little")


def coupon_values(coupons: Coupons) -> NDArray[np.uint8]:
    """Return the register values of coupons."""
    return (coupons >> ADDRESS_BITS).astype(np.uint8)


def coupon_slots(coupons: Coupons, lg_k: int) -> NDArray[np.int64]:
    """Return the slots of coupons among `2^lg_k` registers."""
    return (coupons & np.uint32((1 << lg_k) - 1)).astype(np.int64)
