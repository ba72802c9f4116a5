"""The coupon: what of a value's hash an HLL sketch keeps. See "What a value becomes" in `docs/STORAGE.md`."""

from __future__ import annotations

import struct

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


def integer_bytes(value: int) -> bytes:
    """Return what an integer is hashed by: equal integers give equal bytes, whatever their column's width."""
    if -(1 << 63) <= value < 1 << 63:
        return value.to_bytes(8, "little", signed=True)
    if -(1 << 127) <= value < 1 << 127:
        return value.to_bytes(16, "little", signed=True)
    return value.to_bytes(17, "little")


def double_bytes(value: float) -> bytes:
    """Return what a double is hashed by: one zero, one NaN."""
    if value != value:
        return CANONICAL_NAN.to_bytes(8, "little")
    return struct.pack("<d", value + 0.0)  # -0.0 + 0.0 is 0.0


def coupon_values(coupons: Coupons) -> NDArray[np.uint8]:
    """Return the register values of coupons."""
    return (coupons >> ADDRESS_BITS).astype(np.uint8)


def coupon_slots(coupons: Coupons, lg_k: int) -> NDArray[np.int64]:
    """Return the slots of coupons among `2^lg_k` registers."""
    return (coupons & np.uint32((1 << lg_k) - 1)).astype(np.int64)
