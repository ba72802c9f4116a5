"""A Parquet file, a folder of them or a DuckDB database, and the columns of states in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from duckdb_sketch._database_file import holder, no_file
from duckdb_sketch._glob import literal
from duckdb_sketch._loading import connect
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.errors import SketchError
from duckdb_sketch.families import Family, families
from duckdb_sketch.rollup.errors import LockedError


@dataclass(frozen=True)
class StateColumn:
    """A column that may hold states, and how to select it.

    Attributes:
        table: The name of its table, or of the Parquet file or folder.
        name: Its own name.
        data_type: Its type in DuckDB.
        source: What to select it from, as SQL.
    """

    table: str
    name: str
    data_type: str
    source: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def quoted(self) -> str:
        """Its name as an SQL identifier."""
        return identifier(self.name)


@contextmanager
def opened(file: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[StateColumn]]]:
    """A connection that can read `file`, and the columns in it that may hold states."""
    with connect() as connection:
        try:
            if file.is_dir():
                yield connection, _parquet_columns(connection, file, _data_files(file))
                return
            magic = _magic(file)
            if magic[:4] == b"PAR1":
                yield connection, _parquet_columns(connection, file, [file])
            elif magic[8:12] == b"DUCK":
                connection.execute(f"ATTACH {quote(file)} AS inspected (READ_ONLY)")
                yield connection, _database_columns(connection)
            else:
                raise SketchError(f"{file} is neither a Parquet file nor a DuckDB database")
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException) and "PID" in str(error):
                raise LockedError(f"{file} is open in {holder(error)}, which writes to it: try again later") from error
            raise SketchError(f"cannot read {file}: {error}") from error


def _magic(file: Path) -> bytes:
    """The first bytes of a file, which say what it is."""
    if reason := no_file(file):
        raise SketchError(f"cannot read {file}: {reason}")
    try:
        with file.open("rb") as stream:
            return stream.read(12)
    except OSError as error:
        raise SketchError(f"cannot read {file}: {error.strerror}") from error


def _data_files(folder: Path) -> list[Path]:
    """The Parquet files in a folder, such as an export, and in its folders.

    Names that begin with `_` or a dot are no data, as for Spark and Hive, and links to folders are not followed.
    """
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        files += [Path(parent, name) for name in sorted(names) if _is_data(name)]
    if not files:
        raise SketchError(f"cannot read {folder}: the folder has no Parquet files")
    return files


def _is_data(name: str) -> bool:
    return name.lower().endswith((".parquet", ".pq")) and not name.startswith(("_", "."))


def _parquet_columns(connection: duckdb.DuckDBPyConnection, file: Path, files: Sequence[Path]) -> list[StateColumn]:
    paths = ", ".join(quote(literal(str(path))) for path in files)
    # A column is in the files, whatever a folder is called.
    source = f"read_parquet([{paths}], hive_partitioning = false, union_by_name = true)"
    table = file.name or file.absolute().name
    description = connection.execute(f"DESCRIBE FROM {source}").fetchall()
    return [StateColumn(table, name, kind, source) for name, kind, *_ in description if _may_hold_states(kind)]


def _database_columns(connection: duckdb.DuckDBPyConnection) -> list[StateColumn]:
    rows = connection.execute(
        """
        SELECT schema_name, table_name, column_name, data_type
        FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name)
        WHERE database_name = 'inspected'
        ORDER BY schema_name <> 'main', schema_name, table_name, column_index
        """
    ).fetchall()
    return [
        StateColumn(
            table=table if schema == "main" else f"{schema}.{table}",
            name=name,
            data_type=kind,
            source=f"inspected.{identifier(schema)}.{identifier(table)}",
        )
        for schema, table, name, kind in rows
        if _may_hold_states(kind)
    ]


def _may_hold_states(data_type: str) -> bool:
    return any(family.holds(data_type) for family in families())


def families_in(connection: duckdb.DuckDBPyConnection, column: StateColumn) -> list[Family]:
    """The families whose states occur in `column`."""
    return [
        family
        for family in families()
        if family.holds(column.data_type)
        and fetch_row(connection, f"SELECT count(*) FROM {states_of(column, family)}")[0]
    ]


def states_of(column: StateColumn, family: Family) -> str:
    """A subquery of `column`'s states of that family: `sketch`, and `about`, what they say of themselves."""
    # Only what claims to be of this family is described.
    return f"""(
        SELECT sketch, about FROM (
            SELECT sketch, {family.described("sketch")} AS about FROM (
                SELECT {column.quoted} AS sketch FROM {column.source} WHERE {family.claims(column.quoted)}
            )
        ) WHERE about IS NOT NULL
    )"""


def fetch_row(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The one row of a query's result."""
    (row,) = connection.execute(query, parameters).fetchall()
    return tuple(row)
