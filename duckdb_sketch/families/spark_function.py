"""A function of a family in Spark SQL, which DuckDB computes there."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_sketch.families.record import signed_struct, spark_struct


@dataclass(frozen=True)
class SparkType:
    """A type in both systems.

    Attributes:
        duckdb: As DuckDB casts a result to it.
        spark: As Spark declares it.
    """

    duckdb: str
    spark: str


BLOB = SparkType("BLOB", "binary")
DOUBLE = SparkType("DOUBLE", "double")
DOUBLES = SparkType("DOUBLE[]", "array<double>")


def spark_type(record: type[tuple[object, ...]]) -> SparkType:
    """The type of a record."""
    return SparkType(signed_struct(record), spark_struct(record))


@dataclass(frozen=True)
class SparkFunction:
    """A function that Spark SQL gets.

    Attributes:
        name: Its name in Spark. A function of Spark has one type, so that overloads in DuckDB have names of their own.
        function: The function in DuckDB that it calls.
        arguments: DuckDB's types of its arguments.
        returns: The type of its result.
        aggregate: Whether it is an aggregate.
    """

    name: str
    function: str
    arguments: tuple[str, ...]
    returns: SparkType
    aggregate: bool = False
