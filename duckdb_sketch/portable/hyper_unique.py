"""Druid's `hyperUnique`: HyperLogLog of 2,048 registers, four bits each above a common offset, and another hash.

Byte 0 version 1 · 1 offset · 2 u16 how many registers are above it · 4 a rank that four bits do not say, or 0 ·
5 u16 its register · 7 the pairs of registers, the even one in the high half: all 1,024 of them (dense), or of each that
is not 0 its place as u16 and its byte (sparse). All big-endian. The whole of it: `docs/STORAGE.md`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import mmh3
import numpy as np
from numpy.typing import NDArray

from duckdb_sketch.errors import InvalidInputError

Bytes = NDArray[np.uint8]

_REGISTERS = 2048
_PAIRS = _REGISTERS // 2
_HEADER = struct.Struct(">BBHBH")
_VERSION = 1
_DENSE = _HEADER.size + _PAIRS
_LISTED = 3
_LEAST_DENSE = 128
_MOST_ABOVE = 15
_MAX_RANK = 64
_MAX_OFFSET = _MAX_RANK - _MOST_ABOVE
_SEED = 0

_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)
_LINEAR_COUNTING = 2.5 * _REGISTERS
_HASHES = 2.0**64


@dataclass(frozen=True)
class HyperUniqueImage:
    """An image that was read."""

    offset: int
    pairs: Bytes
    """Of each pair of registers what they are above the offset."""
    is_dense: bool
    overflow: tuple[int, int]
    """A register and its rank; a rank of 0 if there is none."""

    @property
    def registers(self) -> Bytes:
        """Of each register its rank."""
        registers = np.stack([self.pairs >> 4, self.pairs & 15], axis=1).reshape(-1) + np.uint8(self.offset)
        register, rank = self.overflow
        registers[register] = max(int(registers[register]), rank)
        return registers

    @classmethod
    def parse(cls, blob: bytes) -> HyperUniqueImage:
        """Read an image; no bytes at all are an empty one.

        Raises:
            InvalidInputError: If it is not a hyperUnique of Druid, or a damaged one.
        """
        if not blob:
            return cls(0, np.zeros(_PAIRS, np.uint8), False, (0, 0))
        overwritten = blob[0] == 0 and len(blob) == _DENSE
        if len(blob) < _HEADER.size or not (blob[0] == _VERSION or overwritten):
            raise _not_a_hyper_unique(blob)
        _, offset, above, rank, register = _HEADER.unpack_from(blob)
        if offset > _MAX_OFFSET:
            raise _damaged(f"its offset is {offset}, and no hash has ranks for more than 49")
        if 0 < rank <= _MOST_ABOVE or rank > _MAX_RANK or register >= _REGISTERS:
            raise _damaged(
                f"its overflow is rank {rank} of register {register}, and must be 0 or 16 to 64, of register 0 to 2047"
            )
        pairs = _parse_pairs(blob)
        counted = _count_above(pairs)
        if counted < above:  # old versions of Druid may have counted too few
            raise _damaged(f"its header counts {above} registers above the offset, and there are {counted}")
        if len(blob) not in (_DENSE, _HEADER.size + _LISTED * above):
            raise _damaged(
                f"it has {len(blob)} bytes, and must have {_HEADER.size} and {_LISTED} for each of {above} "
                "registers above the offset"
            )
        return cls(offset, pairs, len(blob) == _DENSE, (register, rank))

    def estimate(self) -> float:
        """Return Druid's estimate for the same bytes."""
        total, zeros = self._sum_and_zeros()
        raw = _ALPHA * _REGISTERS * _REGISTERS / total
        if raw <= _LINEAR_COUNTING:
            return raw if zeros == 0 else _REGISTERS * math.log(_REGISTERS / zeros)
        if raw > _HASHES / 30:
            ratio = raw / _HASHES
            return math.inf if ratio >= 1 else -_HASHES * math.log(1 - ratio)
        return raw

    def _sum_and_zeros(self) -> tuple[float, int]:
        """The sum of `2^-rank`, and how many registers are 0: in the pair with the overflow, as Druid counts them."""
        units = _units(self.pairs)
        zeros = _REGISTERS - _count_above(self.pairs)
        beside = 0.0
        register, rank = self.overflow
        if rank:
            place = slice(register // 2, register // 2 + 1)
            units -= _units(self.pairs[place])
            zeros -= 2 - _count_above(self.pairs[place])
            even, odd = (int(each) for each in self.registers[register & ~1 : (register | 1) + 1])
            beside = 0.5**even + 0.5**odd
            if self.is_dense:
                zeros += (even & 0xF0 == 0) + (odd & 0x0F == 0)
            else:
                zeros += (even == self.offset) + (odd == self.offset)
        return units * 0.5 ** (_MOST_ABOVE + self.offset) + beside, zeros


def hyper_unique_of_texts(texts: Iterable[str]) -> bytes:
    """Return the image of the distinct texts."""
    registers = np.zeros(_REGISTERS, np.uint8)
    for text in set(texts):
        first, second = mmh3.hash64(text.encode(), _SEED, x64arch=True, signed=False)
        # The rank is the place of the lowest 1 bit; the register is in the last two bytes, read big-endian.
        rank = (first & -first).bit_length() or _MAX_RANK
        register = int.from_bytes(second.to_bytes(8, "little")[6:], "big") % _REGISTERS
        registers[register] = max(int(registers[register]), rank)
    return _image(registers)


def hyper_unique_union(images: Sequence[bytes]) -> bytes:
    """Return the image of what all images counted.

    Raises:
        InvalidInputError: If one is not a hyperUnique of Druid, or a damaged one.
    """
    registers = np.zeros(_REGISTERS, np.uint8)
    for image in images:
        np.maximum(registers, HyperUniqueImage.parse(image).registers, out=registers)
    return _image(registers)


def is_hyper_unique(blob: bytes) -> bool:
    """Return whether the bytes are a hyperUnique, of version 1."""
    try:
        return blob[:1] == bytes([_VERSION]) and HyperUniqueImage.parse(blob) is not None
    except InvalidInputError:
        return False


def _image(registers: Bytes) -> bytes:
    offset, greatest = min(int(registers.min()), _MAX_OFFSET), int(registers.max())
    above = np.minimum(registers - np.uint8(offset), np.uint8(_MOST_ABOVE))
    pairs = (above[0::2] << np.uint8(4) | above[1::2]).astype(np.uint8)
    overflow = (0, 0) if greatest <= offset + _MOST_ABOVE else (int(np.argmax(registers)), greatest)
    count = _count_above(pairs)
    header = _HEADER.pack(_VERSION, offset, count, overflow[1], overflow[0])
    if count >= _LEAST_DENSE:
        return header + bytes(pairs)
    places = np.flatnonzero(pairs).tolist()
    listed = b"".join(struct.pack(">HB", _HEADER.size + place, pairs[place]) for place in places)
    return header + listed.ljust(_LISTED * count, b"\0")


def _parse_pairs(blob: bytes) -> Bytes:
    body = blob[_HEADER.size :]
    if len(body) == _PAIRS:
        return np.frombuffer(body, np.uint8)
    if len(body) % _LISTED:
        raise _damaged(
            f"it has {len(blob)} bytes, and must have {_DENSE}, or {_HEADER.size} and {_LISTED} for each register "
            "above the offset"
        )
    # In one go: byte by byte a long filling would take the square of its length.
    body = body[: -(-len(body.rstrip(b"\0")) // _LISTED) * _LISTED]
    pairs = np.zeros(_PAIRS, np.uint8)
    least = _HEADER.size
    for place, pair in struct.iter_unpack(">HB", body):
        if not least <= place < _DENSE or pair == 0:
            raise _damaged(
                f"it lists the pair {pair:02x} at {place}, and must list pairs that are not 0, ascending, at 7 to 1030"
            )
        pairs[place - _HEADER.size] = pair
        least = place + 1
    return pairs


def _count_above(pairs: Bytes) -> int:
    return int(np.count_nonzero(pairs >> 4) + np.count_nonzero(pairs & 15))


def _units(pairs: Bytes) -> int:
    """The sum of `2^-above` of the registers, in units of 2^-15."""
    above = np.concatenate([pairs >> 4, pairs & 15]).astype(np.int64)
    return int((1 << (_MOST_ABOVE - above)).sum())


def _damaged(what: str) -> InvalidInputError:
    return InvalidInputError(f"damaged hyperUnique: {what}")


def _not_a_hyper_unique(blob: bytes) -> InvalidInputError:
    from duckdb_sketch.portable.kind import hint, start  # which asks this module in turn

    other = "" if blob[0] == _VERSION else hint(blob)
    return InvalidInputError(
        f"not a hyperUnique of Druid: it starts with {start(blob, _HEADER.size)}, "
        f"and a hyperUnique with 01 and six bytes more{other}"
    )
