"""Types that DuckDB has and Spark has not: what a rollup's columns are on the cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SpecificationError

# By DuckDB's name of a type: the name of the one that is sent to Spark, and Spark's name of that.
_SAME = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
_STORED = {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "UUID": "VARCHAR",
    "TIME": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "INTERVAL": "VARCHAR",
    "JSON": "VARCHAR",
}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*\d+\)")
_ENUM = re.compile(r"ENUM\((?:'(?:[^']|'')*'(?:,\s*)?)*\)")


def stored(types: Mapping[str, str]) -> str:
    """SQL of columns as they are sent to Spark, to follow SELECT.

    Args:
        types: The SQL type of each column in DuckDB.

    Raises:
        SpecificationError: If Spark has no type for one.
    """
    return ", ".join(_cast(name, kind, _stored(name, kind)) for name, kind in types.items())


def restored(types: Mapping[str, str]) -> str:
    """SQL of columns as they were, from those that `stored` made, to follow SELECT."""
    return ", ".join(_cast(name, _stored(name, kind), kind) for name, kind in types.items())


def schema(types: Mapping[str, str]) -> str:
    """Spark's schema of the columns that `stored` makes, as DDL."""
    kinds = {name: _stored(name, kind) for name, kind in types.items()}
    return ", ".join(f"{spark_identifier(name)} {_SAME.get(kind, kind.lower())}" for name, kind in kinds.items())


def spark_identifier(name: str) -> str:
    """`name` as an identifier of Spark SQL, whatever characters it has."""
    return "`" + name.replace("`", "``") + "`"


def _stored(name: str, kind: str) -> str:
    if kind in _SAME or _DECIMAL.fullmatch(kind):
        return kind
    if _ENUM.fullmatch(kind):
        return "VARCHAR"
    if kind not in _STORED:
        raise SpecificationError(
            f"column {name} is {kind}, for which a group on Spark has no type: make columns of its parts, or cast it "
            "to VARCHAR in the statement"
        )
    return _STORED[kind]


def _cast(name: str, kind: str, other: str) -> str:
    column = identifier(name)
    return column if kind == other else f"CAST({column} AS {other}) AS {column}"
