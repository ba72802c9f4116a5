"""A table's columns in Parquet, which has fewer types than DuckDB: what is stored comes back as exactly what it was."""

from __future__ import annotations

import re
from collections.abc import Mapping

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SpecificationError

# Left to itself DuckDB writes the first two as DOUBLE, the third in milliseconds, and the last one without its offset.
_STORED = {
    "HUGEINT": "DECIMAL(38, 0)",
    "UHUGEINT": "DECIMAL(38, 0)",
    "INTERVAL": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
}
_LOSSY = re.compile(rf"\b({'|'.join(_STORED)}|UNION)\b")


def stored(types: Mapping[str, str]) -> str:
    """SQL of columns as they are written to Parquet, to follow SELECT.

    Args:
        types: The SQL type of each column.

    Raises:
        SpecificationError: If a column is of a type that would not come back.
    """
    return ", ".join(_cast(name, kind, _stored(name, kind)) for name, kind in types.items())


def restored(types: Mapping[str, str]) -> str:
    """SQL of columns as they were, from those that `stored` made, to follow SELECT."""
    return ", ".join(f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}" for name, kind in types.items())


def _cast(name: str, kind: str, other: str) -> str:
    column = identifier(name)
    return column if kind == other else f"CAST({column} AS {other}) AS {column}"


def _stored(name: str, kind: str) -> str:
    unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", kind)
    if kind not in _STORED and (found := _LOSSY.search(unquoted)):
        raise SpecificationError(
            f"column {name} is {kind}, and Parquet would not give its {found[1]} back as it was: make columns of its "
            "parts, or cast it to VARCHAR in the statement"
        )
    return _STORED.get(kind, kind)
