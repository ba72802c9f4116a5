"""The shape of a query: what all queries have in common that ask the same of other days. Pure.

What DuckDB says of a query's columns it says of all queries of its shape, and a dashboard asks few shapes.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlglot import exp

from duckdb_sketch.cube.part import Part
from duckdb_sketch.cube.query import Parameters

_PLAIN = (type(None), bool, float, str, date, timedelta)
#: A text that is a date or a time and nothing else.
_TIME = re.compile(r"'(\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?)'")


def shape_of(text: str, query: exp.Expr) -> str:
    """The text of a query without the dates and times that it compares with; the whole text if it has others.

    Args:
        text: The query.
        query: The same, parsed.
    """
    times = _TIME.findall(text)
    if not times or not all(map(_exists, times)):
        return text
    compared = {
        id(literal): literal.this
        for where in query.find_all(exp.Where)
        if not _is_in_column(where)
        for literal in where.find_all(exp.Literal)
        if literal.is_string and _TIME.fullmatch(f"'{literal.this}'")
    }
    return _TIME.sub("''", text) if sorted(compared.values()) == sorted(times) else text


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


def shape_of_part(part: Part) -> str:
    """What of a part says the names and types of its columns: of rows of a table, all but the range of time."""
    return part.columns or part.sql


def _exists(time: str) -> bool:
    try:
        datetime.fromisoformat(time)
    except ValueError:
        return False
    return True


def _is_in_column(where: exp.Expr) -> bool:
    """Whether a WHERE is that of a subquery in a list of columns, one of which it may give its name."""
    node = where
    while node.parent is not None:
        if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
            return True
        node = node.parent
    return False
