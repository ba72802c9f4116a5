"""The bytes of a theta sketch: Apache DataSketches' compact image, read in serial versions 3 and 4 and written in 3.

Byte 0 preamble longs · 1 serial version · 2 family 3 · 3 `lg_nom_entries`, 0 for 12 · 5 flags · 6 hash of the seed.
Version 3: one entry at 8; or count u32 at 8, theta u64 at 16 if there are three longs, then entries of u64. Version 4:
byte 3 bits of an entry, byte 4 bytes of the count; theta at 8 if there are two longs, count, packed differences, the
highest bit first. The whole of it: `docs/STORAGE.md`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.kind import hint, start

Entries = NDArray[np.uint64]

MAX_THETA = (1 << 63) - 1
"""What stands for 1: nothing was cut off."""
DEFAULT_LG_NOM = 12

_LEAST_LG_NOM, _GREATEST_LG_NOM = 4, 26
_FAMILY = 3
_UPDATABLE_FAMILIES = (1, 2)
_PLAIN, _PACKED = 3, 4
_SEED_HASH = 0x93CC
_FLAG_BIG_ENDIAN = 1
_FLAG_EMPTY = 4
_FLAG_COMPACT = 8
_FLAG_ORDERED = 16
_WRITTEN = 2 | _FLAG_COMPACT | _FLAG_ORDERED
_HEADER = struct.Struct("<6BH")


@dataclass(frozen=True)
class ThetaImage:
    """An image that was read."""

    lg_nom: int
    theta: int
    entries: Entries
    """Ascending, different, above 0 and below theta."""
    ordered: bool
    """Whether they ascend in the image."""
    version: int
    byte_length: int

    @property
    def is_empty(self) -> bool:
        """Whether it has seen nothing."""
        return self.theta == MAX_THETA and len(self.entries) == 0

    @property
    def is_sample(self) -> bool:
        """Whether something was cut off."""
        return self.theta < MAX_THETA

    @property
    def fraction(self) -> float:
        """How much of all hashes lies below theta."""
        return float(self.theta) / float(MAX_THETA)

    @property
    def estimate(self) -> float:
        """About how many values it has seen."""
        return len(self.entries) / self.fraction

    @classmethod
    def parse(cls, blob: bytes) -> ThetaImage:
        """Read an image.

        Raises:
            InvalidInputError: If it is not a compact image of a theta sketch, a damaged one, or of another seed.
        """
        if len(blob) < _HEADER.size:
            raise _not_a_sketch(blob)
        preamble, version, family, third, fourth, flags, seed_hash = _HEADER.unpack_from(blob)
        if family != _FAMILY or version not in (_PLAIN, _PACKED):
            raise _not_a_sketch(blob)
        if flags & _FLAG_BIG_ENDIAN or not flags & _FLAG_COMPACT:
            raise _damaged(f"its flags are {flags:#04x}, and must be those of a compact image")
        if not flags & _FLAG_EMPTY and seed_hash != _SEED_HASH:
            raise _other_seed(seed_hash)
        if version == _PLAIN:
            theta, entries = _read_plain(blob, preamble, bool(flags & _FLAG_EMPTY))
        else:
            theta, entries = _read_packed(blob, preamble, third, fourth, flags)
        if not 1 <= theta <= MAX_THETA:
            raise _damaged(f"its theta is {theta:#x}, and must be from 1 to {MAX_THETA:#x}")
        ordered = len(entries) <= 1 or bool(flags & _FLAG_ORDERED)
        says_lg = version == _PLAIN and _LEAST_LG_NOM <= third <= _GREATEST_LG_NOM
        return cls(
            lg_nom=third if says_lg else DEFAULT_LG_NOM,
            theta=theta,
            entries=_checked(entries if ordered else np.sort(entries), theta),
            ordered=ordered,
            version=version,
            byte_length=len(blob),
        )


def checked_lg_nom(lg_nom: int | None) -> int:
    """Return `lg_nom_entries` if it is in range.

    Raises:
        InvalidInputError: Unless it is from 4 to 26.
    """
    if lg_nom is None:
        raise InvalidInputError("lg_nom_entries is NULL, and must be a constant")
    if not _LEAST_LG_NOM <= lg_nom <= _GREATEST_LG_NOM:
        raise InvalidInputError(f"lg_nom_entries is {lg_nom}, and must be from {_LEAST_LG_NOM} to {_GREATEST_LG_NOM}")
    return lg_nom


def theta_image(lg_nom: int, theta: int, entries: Entries) -> bytes:
    """Return the canonical image of ascending entries below theta."""
    count = len(entries)
    preamble = 3 if theta < MAX_THETA else 2 if count > 1 else 1
    flags = _WRITTEN | (_FLAG_EMPTY if preamble == 1 and count == 0 else 0)
    said = 0 if lg_nom == DEFAULT_LG_NOM else lg_nom
    image = _HEADER.pack(preamble, _PLAIN, _FAMILY, said, 0, flags, _SEED_HASH)
    if preamble > 1:
        image += struct.pack("<Q", count)
    if preamble > 2:
        image += struct.pack("<Q", theta)
    return image + entries.astype("<u8").tobytes()


def is_theta(blob: bytes) -> bool:
    """Return whether the bytes are a theta sketch."""
    try:
        return blob[2:3] == bytes([_FAMILY]) and ThetaImage.parse(blob) is not None
    except InvalidInputError:
        return False


def _read_plain(blob: bytes, preamble: int, is_empty: bool) -> tuple[int, Entries]:
    theta, at, count = MAX_THETA, _HEADER.size, 0 if is_empty else 1
    if preamble in (2, 3) and not is_empty:
        _require(blob, at, 8 * (preamble - 1))
        (count,) = struct.unpack_from("<I", blob, at)
        if preamble == 3:
            (theta,) = struct.unpack_from("<Q", blob, at + 8)
        at += 8 * (preamble - 1)
    elif preamble != 1:
        raise _damaged(f"its preamble has {preamble} longs, and must have 1, or 2 or 3 with entries")
    _require_exactly(blob, at, 8 * count)
    return theta, np.frombuffer(blob, "<u8", count, at).astype(np.uint64)


def _read_packed(blob: bytes, preamble: int, bits: int, width: int, flags: int) -> tuple[int, Entries]:
    sound = 1 <= preamble <= 2 and 1 <= bits <= 63 and 1 <= width <= 4
    if not sound or flags & (_FLAG_EMPTY | _FLAG_ORDERED) != _FLAG_ORDERED:
        raise _damaged("its header is none of serial version 4")
    theta, at = MAX_THETA, _HEADER.size
    if preamble == 2:
        _require(blob, at, 8)
        (theta,) = struct.unpack_from("<Q", blob, at)
        at += 8
    _require(blob, at, width)
    count = int.from_bytes(blob[at : at + width], "little")
    at += width
    if count == 0:
        raise _damaged("it has no entries, and must have some in serial version 4")
    _require_exactly(blob, at, -(-count * bits // 8))
    digits = np.unpackbits(np.frombuffer(blob, np.uint8, offset=at))[: count * bits].reshape(count, bits)
    differences = np.zeros(count, np.uint64)
    for column in digits.T:
        differences = differences << np.uint64(1) | column.astype(np.uint64)
    # Beyond 64 bits an entry is less than the one before, which is refused.
    return theta, np.cumsum(differences, dtype=np.uint64)


def _checked(entries: Entries, theta: int) -> Entries:
    wrong = np.flatnonzero(entries[1:] <= entries[:-1])
    if len(wrong):
        first, second = (int(entry) for entry in entries[wrong[0] : wrong[0] + 2])
        raise _damaged(f"{second:#x} follows the entry {first:#x}, and entries must ascend")
    if len(entries) and not (int(entries[0]) > 0 and int(entries[-1]) < theta):
        raise _damaged(
            f"its entries are from {int(entries[0]):#x} to {int(entries[-1]):#x}, and must be above 0 and below its "
            f"theta, {theta:#x}"
        )
    return entries


def _require(blob: bytes, at: int, count: int) -> None:
    left = len(blob) - at
    if left < count:
        raise InvalidInputError(f"truncated theta sketch: {count} more bytes are needed where {left} are left")


def _require_exactly(blob: bytes, at: int, count: int) -> None:
    _require(blob, at, count)
    if len(blob) > at + count:
        raise _damaged(f"{len(blob) - at - count} bytes follow its end")


def _damaged(what: str) -> InvalidInputError:
    return InvalidInputError(f"damaged theta sketch: {what}")


def _other_seed(seed_hash: int) -> InvalidInputError:
    return InvalidInputError(
        f"a theta sketch of another seed: its hash is {seed_hash:04x}, and that of 9001, which DataSketches and Spark "
        f"use unless told otherwise, is {_SEED_HASH:04x}; sketches of different seeds have nothing in common, so build "
        "it again with 9001"
    )


def _not_a_sketch(blob: bytes) -> InvalidInputError:
    if len(blob) >= _HEADER.size and blob[2] in _UPDATABLE_FAMILIES and 1 <= blob[1] <= _PACKED:
        return InvalidInputError(
            f"an updatable theta sketch of serial version {blob[1]}; compact ones are known here: write it with "
            "compact()"
        )
    if len(blob) >= _HEADER.size and 1 <= blob[0] <= 3 and blob[2] == _FAMILY:
        return InvalidInputError(f"a theta sketch of serial version {blob[1]}; versions 3 and 4 are known here")
    return InvalidInputError(
        f"not a theta sketch: it starts with {start(blob, 8)}, and a theta sketch with a length of 01 to 03, a version "
        f"of 03 or 04, and 03{hint(blob)}"
    )
