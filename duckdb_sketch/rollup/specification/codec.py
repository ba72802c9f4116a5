"""Codecs: how columns pass through Parquet and Spark, which have fewer types than DuckDB. Pure: SQL comes out.

What goes through comes back as exactly what it was, or is refused beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SpecificationError

# Both have DECIMALs of at most 38 digits. Left to itself DuckDB writes HUGEINT to Parquet as DOUBLE, an interval in
# milliseconds, and a time without its offset.
_WIDER = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "INTERVAL": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
}
_LOSSY_IN_PARQUET = re.compile(rf"\b({'|'.join(_WIDER)}|UNION)\b")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_SAME_IN_SPARK = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB"}
_SAME_IN_SPARK |= {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
_WIDER_IN_SPARK = {
    **_WIDER,
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "UUID": "VARCHAR",
    "TIME": "VARCHAR",
    "JSON": "VARCHAR",
}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*\d+\)")
_ENUM = re.compile(r"ENUM\((?:'(?:[^']|'')*'(?:,\s*)?)*\)")


@dataclass(frozen=True)
class Codec:
    """SQL that brings columns into types that something else has, and back.

    Attributes:
        carrier: The type that holds all values of a column, from the column's name and its type in DuckDB.
    """

    carrier: Callable[[str, str], str]

    def types(self, types: Mapping[str, str]) -> dict[str, str]:
        """The types that columns are stored as, by name.

        Raises:
            SpecificationError: If a column is of a type that would not come back.
        """
        return {name: self.carrier(name, kind) for name, kind in types.items()}

    def stored(self, types: Mapping[str, str]) -> str:
        """SQL of columns as they are stored, to follow SELECT.

        Args:
            types: The type of each column in DuckDB.

        Raises:
            SpecificationError: If a column is of a type that would not come back.
        """
        kinds = self.types(types)
        return ", ".join(
            identifier(name) if kinds[name] == kind else _cast(name, kinds[name]) for name, kind in types.items()
        )

    def restored(self, types: Mapping[str, str]) -> str:
        """SQL of columns as they were, from those that `stored` made, to follow SELECT."""
        return ", ".join(_cast(name, kind) for name, kind in types.items())


def _cast(name: str, kind: str) -> str:
    return f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}"


def _in_parquet(column: str, kind: str) -> str:
    """Parquet, as DuckDB writes it, has nearly all types, and those that are made of them."""
    if kind not in _WIDER and (found := _LOSSY_IN_PARQUET.search(_QUOTED.sub("", kind))):
        raise SpecificationError(
            f"column {column} is {kind}, and Parquet would not give its {found[1]} back as it was: make columns of its "
            "parts, or cast it to VARCHAR in the statement"
        )
    return _WIDER.get(kind, kind)


def _in_spark(column: str, kind: str) -> str:
    """Spark has no types without a sign, and what is made of types is not brought there."""
    if kind in _SAME_IN_SPARK or _DECIMAL.fullmatch(kind):
        return kind
    if _ENUM.fullmatch(kind):
        return "VARCHAR"
    if kind not in _WIDER_IN_SPARK:
        raise SpecificationError(
            f"column {column} is {kind}, for which a group on Spark has no type: make columns of its parts, or cast it "
            "to VARCHAR in the statement"
        )
    return _WIDER_IN_SPARK[kind]


PARQUET = Codec(_in_parquet)
SPARK = Codec(_in_spark)
