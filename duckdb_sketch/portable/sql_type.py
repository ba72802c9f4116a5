"""The bytes that a value of each SQL type is hashed by: the table in `docs/STORAGE.md`.

A column arrives as Arrow, and some SQL types share an Arrow type, so the name of the SQL type comes with it. The
names decide where DuckDB exports losslessly (`arrow_lossless_conversion`), too.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.portable.coupon import CANONICAL_NAN, coupon_of_bytes, coupons_of_words, integer_bytes
from duckdb_sketch.portable.histogram import Histogram
from duckdb_sketch.portable.hll_image import HllImage
from duckdb_sketch.portable.theta import entries_of_words, entry_of_bytes
from duckdb_sketch.portable.theta_image import is_theta

INFINITE_TIMESTAMP = (1 << 63) - 1
"""How DuckDB stores a TIMESTAMP of 'infinity', in every unit; its negative is '-infinity'."""

_REFUSED_NAMES = {"BIT", "TIME WITH TIME ZONE", "BIGNUM", "VARINT"}

_Hashed = Callable[[Any], bytes]


@dataclass(frozen=True)
class Kept:
    """What sketches of a family keep of a value's hash.

    Attributes:
        type: The Arrow type of it.
        of_bytes: It, of a value's bytes.
        of_words: It, of many values of eight bytes.
    """

    type: Any
    of_bytes: Callable[[bytes], int]
    of_words: Callable[[Any], Any]


COUPON = Kept(pa.uint32(), coupon_of_bytes, coupons_of_words)
ENTRY = Kept(pa.uint64(), entry_of_bytes, entries_of_words)


def hashes_of_column(column: Any, type_name: str, kept: Kept) -> Any:
    """Return what is kept of the hashes of a column.

    Args:
        column: `pyarrow.Array` of any type.
        type_name: What DuckDB's `typeof` says of it.
        kept: What is kept of a hash.

    Returns:
        `pyarrow.Array` of `kept.type`; NULL for a NULL and for what is ignored: empty strings and blobs.

    Raises:
        InvalidInputError: If values of the type cannot be hashed.
    """
    if pa.types.is_dictionary(column.type):
        of_entries = hashes_of_column(column.dictionary, "VARCHAR", kept)
        return of_entries.take(column.indices)
    if isinstance(column.type, pa.BaseExtensionType):
        return hashes_of_column(column.storage, type_name, kept)
    if type_name in _REFUSED_NAMES:
        raise _refused(type_name)
    words = _words(column)
    if words is not None:
        return pa.array(kept.of_words(words), kept.type, mask=column.is_null().to_numpy(zero_copy_only=False))
    values, bytes_of = _plain(column, type_name)
    hashed = (bytes_of(value) if value is not None else b"" for value in values)
    return pa.array([kept.of_bytes(data) if data else None for data in hashed], kept.type)


def _words(column: Any) -> Any:
    """Return a uint64 a value, the bytes that it is hashed by, if all of them are hashed by eight; else None."""
    kind, types = column.type, pa.types
    if types.is_floating(kind):
        doubles = column.cast(pa.float64()).fill_null(0).to_numpy() + 0.0  # -0.0 + 0.0 is 0.0
        return np.where(np.isnan(doubles), np.uint64(CANONICAL_NAN), doubles.view(np.uint64))
    if types.is_uint64(kind):
        words = column.fill_null(0).to_numpy()
        return words if words.max(initial=0) < 1 << 63 else None
    if types.is_date32(kind):
        column = column.cast(pa.int32())
    elif types.is_time64(kind) or types.is_timestamp(kind):
        if kind.unit != "us":
            return None
    elif not (types.is_integer(kind) or types.is_boolean(kind)):
        return None
    return column.cast(pa.int64()).fill_null(0).to_numpy().view(np.uint64)


def _plain(column: Any, type_name: str) -> tuple[list[Any], _Hashed]:
    """Return the values of a column as Python objects, and what turns one into bytes."""
    kind = column.type
    types = pa.types
    if types.is_null(kind):
        return column.to_pylist(), bytes
    if types.is_uint64(kind):
        return column.to_pylist(), integer_bytes
    if types.is_decimal(kind):
        return column.to_pylist(), _unsigned_decimal_bytes if type_name == "UHUGEINT" else decimal_bytes
    if _is_text(kind) or _is_binary(kind):
        values = column.cast(pa.large_binary()).to_pylist()
        if type_name == "BLOB":
            _refuse_states(values)
        return values, bytes
    if types.is_fixed_size_binary(kind) and type_name in _OF_SIXTEEN_BYTES:
        return column.to_pylist(), _OF_SIXTEEN_BYTES[type_name]
    if types.is_timestamp(kind) or (types.is_time64(kind) and type_name != "TIME WITH TIME ZONE"):
        return column.cast(pa.int64()).to_pylist(), _TIMESTAMP_BYTES[kind.unit]
    raise _refused(type_name)


def _refuse_states(values: list[bytes | None]) -> None:
    """See that no value is a whole state, which would count as one value."""
    for value in values:
        if value is not None and value[1:3] == b"\x01\x07" and _parses(HllImage.parse, value):
            raise _counted("an HLL sketch", "hll_union_agg")
        if value is not None and value.startswith(b"AH") and _parses(Histogram.parse, value):
            raise _counted("an approximate histogram", "approx_histogram_union_agg")
        if value is not None and is_theta(value):
            raise _counted("a theta sketch", "theta_union_agg")


def _parses(parse: Callable[[bytes], object], value: bytes) -> bool:
    try:
        parse(value)
    except InvalidInputError:
        return False
    return True


def _counted(state: str, union: str) -> InvalidInputError:
    return InvalidInputError(
        f"a value is {state} itself: {union}(x) unites what such a column holds. To count distinct sketches, count "
        "md5(x)"
    )


def decimal_bytes(value: Decimal) -> bytes:
    """Return what a DECIMAL is hashed by: a whole number as the integer, else its shortest text."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.encode() if "." in text else integer_bytes(int(text))


def _unsigned_decimal_bytes(value: Decimal) -> bytes:
    # DuckDB exports UHUGEINT as a signed decimal of 128 bits: from 2^127 on it looks negative.
    return integer_bytes(int(value) % (1 << 128))


def timestamp_bytes(value: int, per_microsecond: int, microseconds: int) -> bytes:
    """Return what a TIMESTAMP is hashed by.

    Args:
        value: Since 1970-01-01 00:00:00 UTC, in the column's unit.
        per_microsecond: Units in a microsecond, 1 if the unit is not shorter.
        microseconds: Microseconds in a unit, 1 if the unit is not longer.
    """
    if abs(value) == INFINITE_TIMESTAMP:
        return integer_bytes(value)
    whole_microseconds, rest = divmod(value * microseconds, per_microsecond)
    return integer_bytes(whole_microseconds) + (integer_bytes(rest) if rest else b"")


_TIMESTAMP_BYTES: dict[str, _Hashed] = {
    "s": lambda value: timestamp_bytes(value, 1, 1_000_000),
    "ms": lambda value: timestamp_bytes(value, 1, 1_000),
    "us": lambda value: timestamp_bytes(value, 1, 1),
    "ns": lambda value: timestamp_bytes(value, 1_000, 1),
}

_OF_SIXTEEN_BYTES: dict[str, _Hashed] = {
    "UUID": lambda data: str(uuid.UUID(bytes=data)).encode(),
    "HUGEINT": lambda data: integer_bytes(int.from_bytes(data, "little", signed=True)),
    "UHUGEINT": lambda data: integer_bytes(int.from_bytes(data, "little")),
}


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view")


def _is_binary(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or str(kind) == "binary_view")


def _refused(type_name: str) -> InvalidInputError:
    if type_name.endswith("]"):
        type_name = "LIST" if type_name.endswith("[]") else "ARRAY"
    type_name = type_name.partition("(")[0]  # as the extension names it: STRUCT, without its fields
    return InvalidInputError(
        f"values of type {type_name} cannot be counted; cast them to VARCHAR, or to what makes two of them equal"
    )
