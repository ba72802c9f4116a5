"""Values of Python, of NumPy and of pandas, as lists that DuckDB takes, each of values of one type.

A list may mix types, which a column of SQL does not. Each value counts as in a column of its own type: of `[1, 2.5]`,
1 counts as a BIGINT and 2.5 as a DOUBLE.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.values.state import State

#: The kinds whose values are numbers.
NUMBERS = frozenset({"integer", "float", "decimal"})
STATE = "state"

_PLAIN: dict[type, str] = {bool: "integer", int: "integer", float: "float", str: "text", bytes: "blob", UUID: "uuid"}
_PLAIN |= {time: "time", date: "date"}
_NOTHING = ("", None)
_SQL = {"microseconds": "make_timestamp({})", "nanoseconds": "make_timestamp_ns({})"}

Converted = tuple[str, Any]


@dataclass(frozen=True)
class OneType:
    """Values of one type, and NULLs.

    Attributes:
        kind: The type: `integer`, `float`, `text` and so on.
        values: The values, as DuckDB takes them.
    """

    kind: str
    values: list[Any]

    def column(self, values: str) -> str:
        """SQL of the values, one a row, from SQL of their list."""
        return _SQL.get(self.kind, "{}").format(f"unnest({values})")


def by_type(values: Iterable[Any]) -> list[OneType]:
    """Values by their types; in their order, with NULLs, if there is one type.

    Raises:
        InvalidInputError: If a value is none that DuckDB has a type for.
    """
    values = list(values)
    types = set(map(type, values)) - {type(None)}
    if len(types) == 1 and (kind := _PLAIN.get(next(iter(types)))):
        return [OneType(kind, values)]
    converted = [_converted(value) for value in values]
    kinds = dict.fromkeys(kind for kind, _ in converted if kind)
    if len(kinds) < 2:
        return [OneType(next(iter(kinds), "null"), [value for _, value in converted])]
    return [OneType(kind, [value for each, value in converted if each == kind]) for kind in kinds]


def in_order(values: Iterable[Any]) -> list[Any]:
    """Values as DuckDB takes them, in their order."""
    return [_converted(value)[1] for value in values]


def _converted(value: Any) -> Converted:
    """The kind of a value, and the value as DuckDB takes it."""
    kind = _PLAIN.get(type(value))
    if kind is not None:
        return kind, value
    if value is None or _is_missing(value):
        return _NOTHING
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return _of_numpy(numpy, value)
    for cls, convert in _SUBCLASSES:
        if isinstance(value, cls):
            return convert(value)
    if type(value).__module__.startswith("pyarrow") and hasattr(value, "as_py"):
        return _converted(value.as_py())
    return type(value).__name__, value


def _is_missing(value: Any) -> bool:
    """Whether a value is what pandas has where it has nothing; NaN is a number."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def _of_numpy(numpy: Any, value: Any) -> Converted:
    """A NumPy scalar; those that are subclasses of Python's own types as well."""
    if isinstance(value, numpy.bool_ | numpy.integer):
        return "integer", value.item()
    if isinstance(value, numpy.floating):
        number = float(value)
        if number != value and number == number:
            raise InvalidInputError(f"{value!r} has more digits than a DOUBLE: round it to float64 first")
        return "float", number
    if isinstance(value, numpy.datetime64 | numpy.timedelta64):
        return _NOTHING if numpy.isnat(value) else _of_numpy_time(numpy, value)
    if isinstance(value, numpy.str_):
        return "text", str(value)
    if isinstance(value, numpy.bytes_):
        return "blob", bytes(value)
    raise InvalidInputError(f"a NumPy {value.dtype} is not a value that can be sketched: {value!r}")


def _of_numpy_time(numpy: Any, value: Any) -> Converted:
    unit, _ = numpy.datetime_data(value.dtype)
    if unit in ("ps", "fs", "as"):
        raise InvalidInputError(f"{value!r} is finer than nanoseconds: round it first")
    if isinstance(value, numpy.timedelta64):
        return "timedelta", value.astype("m8[us]").item()
    if unit in ("Y", "M", "W", "D"):
        return "date", value.astype("M8[D]").item()
    if unit == "ns":
        return _of_nanoseconds(int(value.astype(numpy.int64)))
    return "microseconds", int(value.astype("M8[us]").astype(numpy.int64))


def _of_nanoseconds(nanoseconds: int) -> Converted:
    return "nanoseconds", nanoseconds


def _of_datetime(value: Any) -> Converted:
    if getattr(value, "nanosecond", 0):  # of a Timestamp of pandas
        return _of_nanoseconds(value.value)
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    return "datetime" if value.tzinfo is None else "datetime with zone", value


def _of_decimal(value: Decimal) -> Converted:
    return ("decimal", value) if value.is_finite() else ("float", float(value))


def _of_state(value: State) -> Converted:
    return STATE, bytes(value)


def _refuse_complex(value: complex) -> Converted:
    raise InvalidInputError(f"{value!r} is a complex number, which SQL does not have: give its parts")


_SUBCLASSES: tuple[tuple[Any, Callable[[Any], Converted]], ...] = (
    (State, _of_state),
    (bool, lambda value: ("integer", bool(value))),
    (int, lambda value: ("integer", int(value))),
    (float, lambda value: ("float", float(value))),
    (str, lambda value: ("text", str.__str__(value))),
    (bytes | bytearray | memoryview, lambda value: ("blob", bytes(value))),
    (datetime, _of_datetime),
    (date, lambda value: ("date", value)),
    (Decimal, _of_decimal),
    (complex, _refuse_complex),
)
