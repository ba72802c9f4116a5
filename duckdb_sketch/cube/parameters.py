"""What tells the parameters of a query from others: their values, and their types. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, datetime, time, timedelta
from typing import Any

from duckdb_sketch.cube.query import Parameters

_PLAIN = (type(None), bool, float, str, date, timedelta)


def values_of(parameters: Parameters) -> Hashable | None:
    """Parameters as a key for what they make of a query; None if they are none."""
    named = _named(parameters)
    if any(_kind(value) is None for value in named.values()):
        return None
    return tuple((name, _kind(value), str(value)) for name, value in named.items())


def kinds_of(parameters: Parameters) -> Hashable:
    """The types of parameters, of which `values_of` is known, as DuckDB tells them apart."""
    return tuple((name, _kind(value)) for name, value in _named(parameters).items())


def _named(parameters: Parameters) -> dict[Any, Any]:
    return parameters if isinstance(parameters, dict) else dict(enumerate(parameters or ()))


def _kind(value: Any) -> Hashable | None:
    """What tells a value's SQL type; None if that takes more."""
    if type(value) is int:
        return sum(abs(value) >= 1 << bits for bits in (7, 8, 15, 16, 31, 32, 63, 64, 127)), value < 0
    if type(value) in (datetime, time):
        return type(value).__name__, value.tzinfo is not None
    return type(value).__name__ if type(value) in _PLAIN else None
