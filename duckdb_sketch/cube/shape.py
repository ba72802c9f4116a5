"""The shape of a query: its text without the dates that it filters by. Pure.

Queries of one shape have the same column names and types, so DuckDB is asked once. A dashboard has few shapes.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlglot import exp

from duckdb_sketch.cube.part import Part

#: A text that is a date or a time and nothing else.
_TIME = re.compile(r"'(\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?)'")


def shape_of(text: str, query: exp.Expr) -> str:
    """The text of a query without the dates and times in its WHERE; the whole text if there are any elsewhere.

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


def shape_of_part(part: Part) -> str:
    """What determines the columns of a part: for a table, its SQL without the time range."""
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
