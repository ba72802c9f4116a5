"""Records that SQL functions return: a `NamedTuple` whose annotations name DuckDB's types, and those types written out.

>>> class Point(NamedTuple):
...     x: Double
...     hits: UBigInt
>>> duckdb_struct(Point)
'STRUCT("x" DOUBLE, "hits" UBIGINT)'
>>> spark_struct(Point)
'struct<x: double, hits: bigint>'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

from duckdb_sketch._sql import identifier


@dataclass(frozen=True)
class Scalar:
    """A type of a field.

    Attributes:
        duckdb: Its name in DuckDB.
        spark: Its name in Spark, which has no unsigned integers.
        signed: DuckDB's type that holds what Spark's does.
    """

    duckdb: str
    spark: str
    signed: str


def _scalar(duckdb: str, spark: str, signed: str | None = None) -> Scalar:
    return Scalar(duckdb, spark, signed or duckdb)


Double = Annotated[float, _scalar("DOUBLE", "double")]
Integer = Annotated[int, _scalar("INTEGER", "int")]
BigInt = Annotated[int, _scalar("BIGINT", "bigint")]
UBigInt = Annotated[int, _scalar("UBIGINT", "bigint", "BIGINT")]
Boolean = Annotated[bool, _scalar("BOOLEAN", "boolean")]
Varchar = Annotated[str, _scalar("VARCHAR", "string")]


class Bounds(NamedTuple):
    """An estimate, and the interval around it."""

    lower: Double
    estimate: Double
    upper: Double


def fields(record: type[Any]) -> dict[str, Scalar]:
    """The types of a record's fields, by name, in order."""
    hints = get_type_hints(record, include_extras=True)
    return {name: _type_of(hints[name]) for name in record._fields}


def duckdb_struct(record: type[Any]) -> str:
    """The type as DuckDB names it."""
    return f"STRUCT({', '.join(f'{identifier(name)} {kind.duckdb}' for name, kind in fields(record).items())})"


def signed_struct(record: type[Any]) -> str:
    """The type as DuckDB names it, without unsigned integers."""
    return f"STRUCT({', '.join(f'{identifier(name)} {kind.signed}' for name, kind in fields(record).items())})"


def spark_struct(record: type[Any]) -> str:
    """The type as Spark names it."""
    return f"struct<{', '.join(f'{name}: {kind.spark}' for name, kind in fields(record).items())}>"


def _type_of(hint: Any) -> Scalar:
    """The type in an annotation, which may be optional."""
    for part in get_args(hint):
        if isinstance(part, Scalar):
            return part
        if get_args(part):
            return _type_of(part)
    raise TypeError(f"{hint} names no type of DuckDB")
