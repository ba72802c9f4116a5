"""The bytes of an HLL sketch: Apache DataSketches' image, read in all its forms and written in one.

Byte 0 preamble ints (2 LIST, 3 SET, 10 HLL) · 1 serial version 1 · 2 family 7 · 3 `lg_k` · 4 `lg_arr` · 5 flags ·
6 number of coupons (LIST) or `cur_min` (HLL) · 7 mode and target type. LIST: coupons from 8. SET: count u32 at 8,
coupons from 12. HLL: HIP f64 at 8, KxQ0 f64 at 16, KxQ1 f64 at 24, number at `cur_min` u32 at 32, number of exceptions
u32 at 36, registers from 40, then the exceptions of HLL_4. All little-endian. The whole of it: `docs/STORAGE.md`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.coupon import ADDRESS_BITS, Coupons, coupon_slots, coupon_values
from duckdb_sketch.portable.kind import hint, start
from duckdb_sketch.portable.lg_k import checked_lg_k

Registers = NDArray[np.uint8]

LIST, SET, HLL = "LIST", "SET", "HLL"
HLL_4, HLL_6, HLL_8 = "HLL_4", "HLL_6", "HLL_8"

_SERIAL_VERSION = 1
_FAMILY = 7
_FLAG_EMPTY = 4
_FLAG_COMPACT = 8
_FLAG_OUT_OF_ORDER = 16
_FLAG_REBUILD = 32
_MODES = {(2, 0): LIST, (3, 1): SET, (10, 2): HLL}
"""By bytes 0 and the lower two bits of byte 7."""
_TARGET_TYPES = (HLL_4, HLL_6, HLL_8)
_HEADER = struct.Struct("<8B")
_REGISTER_HEADER = struct.Struct("<3d2I")
_EXCEPTION = 15
"""What a nibble of HLL_4 holds where the register is among the exceptions."""
_MAX_REGISTER = 63
_GREATEST_CUR_MIN = _MAX_REGISTER - _EXCEPTION
"""All that HLL_4 can say must fit below."""
_LEAST_POWER = 2.0**-_MAX_REGISTER
"""What the greatest register adds to KxQ."""
_LG_LIST_SLOTS = 3
_LG_LEAST_SET_SLOTS = 5
_LG_LEAST_EXCEPTION_SLOTS = {
    lg_k: 2 if lg_k < 7 else 3 if lg_k < 10 else 4 if lg_k < 12 else 5 if lg_k < 14 else lg_k - 8
    for lg_k in range(4, 22)
}


@dataclass(frozen=True)
class RegisterSummary:
    """What the estimators need to know of registers."""

    cur_min: int
    """The least register, as far as an image can say it, or 0."""
    at_cur_min: int
    """How many registers equal it."""
    kxq0: float
    """The sum of `2^-register` over the registers below 32."""
    kxq1: float
    """The same over those of 32 and more."""

    @property
    def unhit(self) -> int:
        """How many registers are 0."""
        return self.at_cur_min if self.cur_min == 0 else 0


@dataclass(frozen=True)
class HllImage:
    """An image that was read: coupons, or registers and what the header says of them."""

    lg_k: int
    mode: str
    target_type: str
    compact: bool
    out_of_order: bool
    byte_length: int
    coupons: Coupons
    """Of LIST and SET; ascending and different."""
    registers: Registers
    """Of HLL, `2^lg_k` of them."""
    hip: float
    """Of HLL, and of no meaning if out of order."""
    summary: RegisterSummary
    """Of HLL."""

    @property
    def occupied(self) -> int:
        """How many coupons there are, or how many registers are not 0."""
        return (1 << self.lg_k) - self.summary.unhit if self.mode == HLL else len(self.coupons)

    @property
    def is_empty(self) -> bool:
        """Whether it counted nothing."""
        return not self.registers.any() if self.mode == HLL else len(self.coupons) == 0

    @classmethod
    def parse(cls, blob: bytes) -> HllImage:
        """Read an image; every length is checked against the bytes before anything is made of them.

        Raises:
            InvalidInputError: If it is not an image of an HLL sketch, a damaged one, or of an unknown version.
        """
        if len(blob) < _HEADER.size:
            raise _not_a_sketch(blob)
        preamble, version, family, lg_k, _, flags, _, kind = _HEADER.unpack_from(blob)
        mode = _MODES.get((preamble, kind & 3))
        if mode is None or kind >> 2 >= len(_TARGET_TYPES) or family != _FAMILY:
            raise _not_a_sketch(blob)
        if version != _SERIAL_VERSION:
            raise InvalidInputError(f"an HLL sketch of serial version {version}; version 1 is known here")
        try:
            checked_lg_k(lg_k)
        except InvalidInputError as error:
            raise _damaged(str(error)) from None
        target_type = _TARGET_TYPES[kind >> 2]
        coupons = np.empty(0, np.uint32)
        registers, hip, summary = np.empty(0, np.uint8), 0.0, RegisterSummary(0, 0, 0.0, 0.0)
        if mode == HLL:
            registers, hip, summary = _parse_registers(blob, target_type)
        else:
            coupons = _parse_list(blob) if mode == LIST else _parse_set(blob)
        return cls(
            lg_k=lg_k,
            mode=mode,
            target_type=target_type,
            compact=bool(flags & _FLAG_COMPACT),
            out_of_order=bool(flags & _FLAG_OUT_OF_ORDER),
            byte_length=len(blob),
            coupons=coupons,
            registers=registers,
            hip=hip,
            summary=summary,
        )


def coupon_limit(lg_k: int) -> int:
    """Return how many different coupons a sketch holds before it turns to registers."""
    return (1 << _LG_LIST_SLOTS) - 1 if lg_k < 8 else 3 << (lg_k - 5)


def summary_of(registers: Registers) -> RegisterSummary:
    """Return what the estimators need. The sums are exact: all terms are whole numbers of `2^-63`."""
    counts = [int(count) for count in np.bincount(registers, minlength=_MAX_REGISTER + 1)]
    cur_min = min(next(value for value, count in enumerate(counts) if count), _GREATEST_CUR_MIN)
    low = sum(count << (31 - value) for value, count in enumerate(counts[:32]))
    high = sum(count << (31 - value) for value, count in enumerate(counts[32:]))
    return RegisterSummary(cur_min, counts[cur_min], low / 2**31, high / 2**63)


def coupon_image(lg_k: int, coupons: Coupons) -> bytes:
    """Return the canonical image of at most `coupon_limit` different coupons, in ascending order."""
    count = len(coupons)
    stored = coupons.astype("<u4").tobytes()
    flags = _FLAG_COMPACT | (0 if count else _FLAG_EMPTY)
    if count < 1 << _LG_LIST_SLOTS:
        return _HEADER.pack(2, _SERIAL_VERSION, _FAMILY, lg_k, _LG_LIST_SLOTS, flags, count, 0) + stored
    lg_slots = max(_LG_LEAST_SET_SLOTS, _lg_slots(count))
    header = _HEADER.pack(3, _SERIAL_VERSION, _FAMILY, lg_k, lg_slots, flags, 0, 1)
    return header + struct.pack("<I", count) + stored


def register_image(lg_k: int, registers: Registers) -> bytes:
    """Return the canonical image of registers: HLL_4, out of order, exceptions in ascending order of slot."""
    summary = summary_of(registers)
    above = np.minimum(registers - np.uint8(summary.cur_min), np.uint8(_EXCEPTION))
    slots = np.flatnonzero(above == _EXCEPTION).astype(np.uint32)
    exceptions = registers[slots].astype(np.uint32) << np.uint32(ADDRESS_BITS) | slots
    lg_arr = max(_LG_LEAST_EXCEPTION_SLOTS[lg_k], _lg_slots(len(slots))) if len(slots) else 0
    flags = _FLAG_COMPACT | _FLAG_OUT_OF_ORDER
    no_hip = 0.0
    nibbles: bytes = (above[0::2] | above[1::2] << np.uint8(4)).tobytes()
    return (
        _HEADER.pack(10, _SERIAL_VERSION, _FAMILY, lg_k, lg_arr, flags, summary.cur_min, 2)
        + _REGISTER_HEADER.pack(no_hip, summary.kxq0, summary.kxq1, summary.at_cur_min, len(slots))
        + nibbles
        + exceptions.astype("<u4").tobytes()
    )


def _lg_slots(count: int) -> int:
    """Return log2 of the hash table that DataSketches makes for that many entries: at most three quarters full."""
    lg_slots = (count - 1).bit_length()
    return lg_slots + 1 if 4 * count > 3 << lg_slots else lg_slots


def _parse_list(blob: bytes) -> Coupons:
    _, _, _, _, _, flags, count, _ = _HEADER.unpack_from(blob)
    slots = 1 << _LG_LIST_SLOTS
    if count >= slots:
        raise _damaged(f"a LIST of {count} coupons; it holds at most {slots - 1}")
    return _parse_coupons(blob, 8, count, count if flags & _FLAG_COMPACT else slots)


def _parse_set(blob: bytes) -> Coupons:
    _, _, _, lg_k, lg_arr, flags, _, _ = _HEADER.unpack_from(blob)
    if len(blob) < 12:
        raise _truncated(4, len(blob) - 8)
    (count,) = struct.unpack_from("<I", blob, 8)
    if lg_k < 8 or count > coupon_limit(lg_k):
        raise _damaged(f"a SET of {count} coupons at lg_k {lg_k}; it would have turned to registers before")
    if flags & _FLAG_COMPACT:
        slots = count
    else:
        slots = 1 << (min(lg_arr, 31) if lg_arr >= _LG_LEAST_SET_SLOTS else max(_LG_LEAST_SET_SLOTS, _lg_slots(count)))
    return _parse_coupons(blob, 12, count, slots)


def _parse_coupons(blob: bytes, start: int, count: int, slots: int) -> Coupons:
    stored = _used_slots(blob, start, slots)
    _check_end(blob, start + 4 * slots)
    if len(stored) != count:
        raise _damaged("its count of coupons is not that of the coupons it lists")
    if np.any(coupon_values(stored) == 0):
        raise _damaged("a coupon has no register value")
    ordered: Coupons = np.sort(stored)
    if np.any(ordered[1:] == ordered[:-1]):
        raise _damaged("a coupon is listed twice")
    return ordered


def _used_slots(blob: bytes, start: int, slots: int) -> Coupons:
    """Read `slots` u32 from `start` on, and return those that are not 0."""
    if len(blob) - start < 4 * slots:
        raise _truncated(4 * slots, len(blob) - start)
    stored = np.frombuffer(blob, "<u4", slots, start).astype(np.uint32)
    used: Coupons = stored[stored != 0]
    return used


def _parse_registers(blob: bytes, target_type: str) -> tuple[Registers, float, RegisterSummary]:
    _, _, _, lg_k, _, flags, cur_min, _ = _HEADER.unpack_from(blob)
    start = _HEADER.size + _REGISTER_HEADER.size
    if len(blob) < start:
        raise _truncated(_REGISTER_HEADER.size, len(blob) - _HEADER.size)
    hip, kxq0, kxq1, at_cur_min, exception_count = _REGISTER_HEADER.unpack_from(blob, _HEADER.size)
    k, rebuild = 1 << lg_k, bool(flags & _FLAG_REBUILD)
    plausible = (
        # Each of k registers rises 63 times at most, and adds k / KxQ to HIP.
        0 <= hip <= _MAX_REGISTER * k / _LEAST_POWER
        # KxQ1 is negative out of a union of DataSketches for Java: it takes the ones of registers of 32 and more, which
        # are in KxQ0, from KxQ1.
        and (rebuild or (0 <= kxq0 <= k and -k <= kxq1 <= k and k * _LEAST_POWER <= kxq0 + kxq1 <= k))
        and at_cur_min <= k
        and exception_count <= (k if target_type == HLL_4 else 0)
        and cur_min <= _GREATEST_CUR_MIN
    )
    if not plausible:
        raise _damaged("its header says what no sketch can have counted")
    width = {HLL_4: k // 2, HLL_6: k * 3 // 4 + 1, HLL_8: k}[target_type]
    if len(blob) - start < width:
        raise _truncated(width, len(blob) - start)
    packed = np.frombuffer(blob, np.uint8, width, start)
    if target_type == HLL_4:
        registers = _unpack_4(packed, cur_min, _parse_exceptions(blob, start + width, exception_count), lg_k)
    else:
        _check_end(blob, start + width)
        registers = _unpack_6(packed) if target_type == HLL_6 else _unpack_8(packed)
    stored = RegisterSummary(cur_min, at_cur_min, kxq0, kxq1)
    return registers, hip, summary_of(registers) if rebuild else stored


def _parse_exceptions(blob: bytes, start: int, count: int) -> Coupons:
    _, _, _, lg_k, lg_arr, flags, _, _ = _HEADER.unpack_from(blob)
    if flags & _FLAG_COMPACT:
        slots = count
    elif count:
        slots = 1 << min(lg_arr, 31)
    elif len(blob) == start:
        slots = 0
    else:
        # Updatable, and no exception yet: DataSketches reserves the least table all the same.
        slots = 1 << min(max(lg_arr, _LG_LEAST_EXCEPTION_SLOTS[lg_k]), 31)
    stored = _used_slots(blob, start, slots)
    _check_end(blob, start + 4 * slots)
    if len(stored) != count:
        raise _damaged("its count of exceptions is not that of the exceptions it lists")
    return stored


def _unpack_4(packed: Registers, cur_min: int, exceptions: Coupons, lg_k: int) -> Registers:
    nibbles = np.empty(2 * len(packed), np.uint8)
    nibbles[0::2] = packed & 15
    nibbles[1::2] = packed >> 4
    slots, values = coupon_slots(exceptions, lg_k), coupon_values(exceptions)
    if np.any(values < cur_min + _EXCEPTION):
        raise _damaged("an exception of HLL_4 would fit in four bits")
    if not np.array_equal(np.sort(slots), np.flatnonzero(nibbles == _EXCEPTION)):
        raise _damaged("the registers of HLL_4 that are marked as exceptions are not those that are listed")
    registers = nibbles + np.uint8(cur_min)
    registers[slots] = values
    return registers


def _unpack_6(packed: Registers) -> Registers:
    first, second, third = packed[:-1].reshape(-1, 3).T
    registers = np.empty(4 * len(first), np.uint8)
    registers[0::4] = first & 63
    registers[1::4] = first >> 6 | (second & 15) << 2
    registers[2::4] = second >> 4 | (third & 3) << 4
    registers[3::4] = third >> 2
    return registers


def _unpack_8(packed: Registers) -> Registers:
    if np.any(packed > _MAX_REGISTER):
        raise _damaged("a register of HLL_8 is above 63")
    return packed


def _check_end(blob: bytes, end: int) -> None:
    if len(blob) > end:
        raise _damaged(f"{len(blob) - end} bytes follow its end")


def _damaged(what: str) -> InvalidInputError:
    return InvalidInputError(f"damaged HLL sketch: {what}")


def _truncated(needed: int, left: int) -> InvalidInputError:
    return InvalidInputError(f"truncated HLL sketch: {needed} more bytes are needed where {left} are left")


def _not_a_sketch(blob: bytes) -> InvalidInputError:
    return InvalidInputError(
        f"not an HLL sketch: it starts with {start(blob, 8)}, and a DataSketches HLL image with 02, 03 or 0a, "
        f"then 01 07 and five bytes more{hint(blob)}"
    )
