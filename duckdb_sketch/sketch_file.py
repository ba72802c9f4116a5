"""A Parquet file or a DuckDB database, and the columns of sketches in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from duckdb_sketch._loading import connect
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.errors import SketchError

Kind = Literal["hll", "histogram"]

# The first bytes of `docs/STORAGE.md`. They say what a blob claims to be; whether it is, its function says.
_CLAIMS: dict[Kind, str] = {
    "hll": "'020107', '030107', '0A0107'",
    "histogram": "'414801'",
}


@dataclass(frozen=True)
class Column:
    """A column of blobs, and how to ask for it.

    Attributes:
        table: The name of its table, or of the Parquet file.
        name: Its own name.
        source: What to select it from, as SQL.
    """

    table: str
    name: str
    source: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def quoted(self) -> str:
        """Its name as an SQL identifier."""
        return identifier(self.name)


@contextmanager
def opened(file: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Column]]]:
    """A connection that can read `file`, and the BLOB columns in it."""
    try:
        with file.open("rb") as stream:
            magic = stream.read(12)
    except OSError as error:
        raise SketchError(f"cannot read {file}: {error.strerror}") from error
    with connect() as connection:
        try:
            if magic[:4] == b"PAR1":
                yield connection, _parquet_columns(connection, file)
            elif magic[8:12] == b"DUCK":
                connection.execute(f"ATTACH {quote(file)} AS inspected (READ_ONLY)")
                yield connection, _database_columns(connection)
            else:
                raise SketchError(f"{file} is neither a Parquet file nor a DuckDB database")
        except duckdb.Error as error:
            raise SketchError(f"cannot read {file}: {error}") from error


def _parquet_columns(connection: duckdb.DuckDBPyConnection, file: Path) -> list[Column]:
    source = f"read_parquet({quote(file)})"
    description = connection.execute(f"DESCRIBE FROM {source}").fetchall()
    return [Column(file.name, name, source) for name, data_type, *_ in description if data_type == "BLOB"]


def _database_columns(connection: duckdb.DuckDBPyConnection) -> list[Column]:
    rows = connection.execute(
        """
        SELECT schema_name, table_name, column_name
        FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name)
        WHERE database_name = 'inspected' AND data_type = 'BLOB'
        ORDER BY schema_name <> 'main', schema_name, table_name, column_index
        """
    ).fetchall()
    return [
        Column(
            table=table if schema == "main" else f"{schema}.{table}",
            name=name,
            source=f"inspected.{identifier(schema)}.{identifier(table)}",
        )
        for schema, table, name in rows
    ]


def kinds_in(connection: duckdb.DuckDBPyConnection, column: Column) -> list[Kind]:
    """The kinds of sketches that occur in `column`."""
    kinds: list[Kind] = []
    for kind in _CLAIMS:
        if fetch_row(connection, f"SELECT count(*) FROM {valid(column, kind)}")[0]:
            kinds.append(kind)
    return kinds


def valid(column: Column, kind: Kind) -> str:
    """A subquery of `column`'s sketches of that kind: `sketch`, and `about`, what they say of themselves."""
    describe = "hll_sketch_describe" if kind == "hll" else "approx_histogram_stats"
    # TRY makes NULL of the error of a damaged blob. Only what claims to be of this kind is asked.
    return f"""(
        SELECT sketch, about FROM (
            SELECT sketch, TRY({describe}(sketch)) AS about FROM (
                SELECT {column.quoted} AS sketch FROM {column.source}
                WHERE hex({column.quoted}[1:3]) IN ({_CLAIMS[kind]})
            )
        ) WHERE about IS NOT NULL
    )"""


def fetch_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The one row of a query's result."""
    (row,) = connection.execute(query).fetchall()
    return tuple(row)
