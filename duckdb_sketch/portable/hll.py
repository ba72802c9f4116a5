"""HLL sketches built and merged: of the same values always the same bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from duckdb_sketch.portable.coupon import Coupons, coupon_slots, coupon_values
from duckdb_sketch.portable.hll_image import (
    HLL,
    HllImage,
    Registers,
    coupon_image,
    coupon_limit,
    register_image,
)
from duckdb_sketch.portable.lg_k import DEFAULT_LG_K, common_lg_k


def sketch_of_coupons(lg_k: int, coupons: Coupons) -> bytes:
    """Return the canonical image of coupons, in any order, repeated or not."""
    ordered = np.sort(coupons)  # much faster than np.unique
    different = ordered[np.diff(ordered, prepend=~ordered[:1]) != 0]
    if len(different) <= coupon_limit(lg_k):
        return coupon_image(lg_k, different)
    return register_image(lg_k, _registers_of(lg_k, different))


def union(images: Sequence[HllImage], allow_different_lg_k: bool) -> bytes:
    """Return the canonical image of all that the images counted.

    Empty ones merge with any lg_k. Of empty ones alone the greatest lg_k stays; of none at all the result is empty,
    of the default lg_k.

    Raises:
        InvalidInputError: If non-empty images differ in lg_k and may not.
    """
    full = [image for image in images if not image.is_empty]
    if not full:
        return coupon_image(max((image.lg_k for image in images), default=DEFAULT_LG_K), np.empty(0, np.uint32))
    lg_k = common_lg_k({image.lg_k for image in full}, allow_different_lg_k)
    coupons = np.concatenate([image.coupons for image in full])
    with_registers = [image for image in full if image.mode == HLL]
    if not with_registers:
        return sketch_of_coupons(lg_k, coupons)
    registers = _registers_of(lg_k, coupons)
    for image in with_registers:
        # Slots that agree in their lower bits become one.
        folded = image.registers.reshape(-1, 1 << lg_k).max(axis=0)
        np.maximum(registers, folded, out=registers)
    return register_image(lg_k, registers)


def _registers_of(lg_k: int, coupons: Coupons) -> Registers:
    registers = np.zeros(1 << lg_k, np.uint8)
    np.maximum.at(registers, coupon_slots(coupons, lg_k), coupon_values(coupons))
    return registers
