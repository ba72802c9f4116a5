"""What each field of a manifest may hold. A manifest may come from anyone, and is checked before it is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from duckdb_sketch.rollup.errors import SourceError, SpecificationError
from duckdb_sketch.rollup.sources.declared import declared_text
from duckdb_sketch.rollup.specification.granularity import Granularity
from duckdb_sketch.rollup.specification.type_name import is_type_name

#: Tells whether a value, as JSON has it, is one that the field may hold.
Check = Callable[[Any], bool]

_GREATEST = 2**62  # of a BIGINT, with room to count on
_LONGEST = 366 * 10_000 * 86_400_000_000  # microseconds of a timedelta and of an INTERVAL
_UNSAFE = re.compile(r"[\0\ud800-\udfff]")  # what no SQL text has
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
_FOLDER = re.compile(r"[A-Za-z_]+=[0-9]{4}[0-9T.-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_text(value: Any) -> bool:
    """Text that SQL can hold."""
    return isinstance(value, str) and not _UNSAFE.search(value)


def is_name(value: Any) -> bool:
    """The name of a table or a column."""
    return is_text(value) and value != ""


def is_type(value: Any) -> bool:
    """The name of one of DuckDB's types."""
    return is_text(value) and is_type_name(value)


def is_source(value: Any) -> bool:
    """The declaration of a source, whose options become SQL: all of them constants."""
    try:
        return is_text(value) and declared_text(value) is not None
    except SourceError:
        return False


def is_count(value: Any) -> bool:
    """A number of rows, bytes or batches."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _GREATEST


def is_time(value: Any) -> bool:
    """A time as the ledger holds times: without a zone."""
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is None
    except ValueError:
        return False


def is_width(value: Any) -> bool:
    """A width of time, such as `15 minutes`."""
    try:
        return isinstance(value, str) and Granularity.parse(value).count < _GREATEST
    except (SpecificationError, ValueError):
        return False


def is_partition(value: Any) -> bool:
    """The name of a partition's folder: a single name, of the only form that partitions have."""
    return isinstance(value, str) and bool(_FOLDER.fullmatch(value))


def is_digest(value: Any) -> bool:
    """A SHA-256 in hexadecimal digits."""
    return isinstance(value, str) and bool(_DIGEST.fullmatch(value))


def is_zone(value: Any) -> bool:
    """What may be the name of a time zone."""
    return isinstance(value, str) and bool(_ZONE.fullmatch(value))


def is_span(value: Any) -> bool:
    """A length of time in microseconds."""
    return is_count(value) and value <= _LONGEST


def one_of(*values: str) -> Check:
    """One of some words."""
    return lambda value: isinstance(value, str) and value in values


def optional(check: Check) -> Check:
    """The same, or nothing."""
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    """A list of it."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def mapping(key: Check, check: Check) -> Check:
    """An object with such keys and values."""
    return lambda value: isinstance(value, dict) and all(key(name) and check(item) for name, item in value.items())


_COMMON: Mapping[str, Check] = {
    "name": is_name,
    "time_zone": optional(is_zone),
    "allowed_lateness": is_span,
    "last_batch": is_count,
    "highest_event": optional(is_time),
    "watermark": optional(is_time),
    "expired_before": optional(is_time),
}
ROLLUP: Mapping[str, Check] = {
    **_COMMON,
    "statement": is_text,
    "source": optional(is_source),
    "input_types": mapping(is_name, is_type),
    "late": one_of("merge", "drop", "error"),
    "earliest": is_time,
    "latest": is_time,
}
LEVEL: Mapping[str, Check] = {
    **_COMMON,
    "parent": is_name,
    "every": is_width,
    "dimensions": optional(list_of(is_name)),
    "consumed": is_count,
}
_COUNTED: Mapping[str, Check] = {
    "rows": is_count,
    "first_event": optional(is_time),
    "last_event": optional(is_time),
}
SLICE: Mapping[str, Check] = {
    **_COUNTED,
    "kind": one_of("file", "batch", "import", "range"),
    "slice": is_text,
    "fingerprint": is_text,
    "size": optional(is_count),
}
POSITION: Mapping[str, Check] = {
    "source": is_text,
    "slice": optional(is_text),
    "highest_event": optional(is_time),
    "moved": optional(is_time),
}
BATCH: Mapping[str, Check] = {
    **_COUNTED,
    "batch": is_count,
    "kind": one_of("import"),
    "late_rows": is_count,
    "dropped_rows": is_count,
    "rejected_rows": is_count,
}
MANIFEST: Mapping[str, Check] = {
    "columns": mapping(is_name, is_type),
    "partition": is_width,
    "complete": lambda value: isinstance(value, bool),
    "partitions": mapping(is_partition, is_count),
    "digests": mapping(is_partition, is_digest),
    "finished": optional(is_count),
    "writer": optional(is_text),
    "slices": lambda value: isinstance(value, list),
    "batches": lambda value: isinstance(value, list) and value != [],
    "sources": lambda value: isinstance(value, list),
}


def require(lines: Any, checks: Mapping[str, Check], where: str) -> None:
    """See that an object has fields that are known, and that each holds what it may.

    Raises:
        ValueError: If not. It names the field and shows what it holds.
    """
    if not isinstance(lines, dict):
        raise ValueError(f"{where} is {_shown(lines)}, and must be an object")
    for name, value in lines.items():
        check = checks.get(name)
        if check is None:
            raise ValueError(f"{where} has a field {_shown(name)}, which no manifest has")
        if not check(value):
            raise ValueError(f"{name} of {where} cannot be {_shown(value)}")


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
