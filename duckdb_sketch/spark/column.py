"""A rollup's columns on the cluster: Spark's names of their types."""

from __future__ import annotations

from collections.abc import Mapping

from duckdb_sketch.rollup.specification.codec import SPARK

_NAMES = {
    "INTEGER": "int",
    "VARCHAR": "string",
    "BLOB": "binary",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


def schema(types: Mapping[str, str]) -> str:
    """Spark's schema of the columns that `SPARK.stored` makes, as DDL.

    Args:
        types: The type of each column in DuckDB.

    Raises:
        SpecificationError: If Spark has no type for one.
    """
    kinds = SPARK.types(types)
    return ", ".join(f"{spark_identifier(name)} {_NAMES.get(kind, kind.lower())}" for name, kind in kinds.items())


def spark_identifier(name: str) -> str:
    """`name` as an identifier of Spark SQL, whatever characters it has."""
    return "`" + name.replace("`", "``") + "`"
