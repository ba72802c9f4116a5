"""The files of a source: the SQL that reads them, and the types of their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from duckdb_sketch._glob import literal
from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch
from duckdb_sketch.rollup.sources.file import COMPRESSIONS, File
from duckdb_sketch.rollup.sources.kinds import same_kind

#: The column that says which file a row is from, while a batch is in the making.
FILE = "duckdb_sketch_file"

_BYTES_A_ROW = {"read_csv": 60, "read_json": 120}  # rough, and of text that is not compressed


def scan(files: Sequence[File], types: Mapping[str, str], options: str = "", *, alike: bool = False) -> str:
    """SQL of the rows of files of one kind, with the column `FILE`.

    Args:
        files: The files.
        types: What is known of the columns' types; Parquet files have their own, which are taken as they are.
        options: More options of their reader, each after a comma.
        alike: Whether all files are known to have the same columns, so that DuckDB need not look at each twice.
    """
    paths = paths_of(files)
    reader = files[0].reader
    options += f", filename = '{FILE}'"
    if reader == "read_parquet":
        options += "" if alike or len(files) == 1 else ", union_by_name = true"
    elif types:
        options += ", union_by_name = true" if reader == "read_csv" and len(files) > 1 else ""
        listed = ", ".join(f"{quote(name)}: {quote(kind)}" for name, kind in types.items())
        options += f", {'types' if reader == 'read_csv' else 'columns'} = {{{listed}}}"
    return f"SELECT * FROM {reader}({paths}{options})"


def paths_of(files: Sequence[File]) -> str:
    """SQL of a list of the files' paths, none of which is a pattern."""
    return f"[{', '.join(quote(literal(file.path)) for file in files)}]"


def by_reader(files: Sequence[File]) -> list[list[File]]:
    """Files by their kind, each of which a function of DuckDB reads."""
    kinds: dict[str, list[File]] = {}
    for file in files:
        kinds.setdefault(file.reader, []).append(file)
    return list(kinds.values())


def check_columns(
    file: str, columns: Mapping[str, str], references: frozenset[str], known: Mapping[str, str]
) -> dict[str, str]:
    """The types of the columns that a statement mentions, in one file or other data, which errors call `file`.

    Raises:
        SourceError: If it lacks a column that is known, or has it in another type.
    """
    mentioned = {name: kind for name, kind in columns.items() if name.lower() in references and name != FILE}
    given = {name.lower(): kind for name, kind in mentioned.items()}  # DuckDB does not tell x from X
    for name, kind in known.items():
        if name.lower() not in given:
            raise SourceError(f"{file}: there is no column {name}, which what was counted before has")
        if not same_kind(kind, given[name.lower()]):
            raise SourceError(
                f"{file}: column {name} is {given[name.lower()]}, and in what was counted before it is {kind}. "
                "Distinct values of the two would not be counted as one: write it again, with that type"
            )
    return dict(known) or mentioned


def described(connection: duckdb.DuckDBPyConnection, query: str, file: File) -> dict[str, str]:
    """The columns of a query over a file, and their types.

    Raises:
        SourceError: If the file cannot be read; it is named.
    """
    try:
        return describe(connection, query)
    except duckdb.Error as error:
        raise SourceError(f"{file.path}: {error}") from error


def culprit(connection: duckdb.DuckDBPyConnection, files: Sequence[File]) -> str:
    """The first of several Parquet files whose metadata cannot be read."""
    for file in files:
        try:
            fetch(connection, "SELECT count(*) FROM parquet_file_metadata(?)", [literal(file.path)])
        except duckdb.Error:
            return file.path
    return files[0].path


def count_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[File]) -> dict[str, int]:
    """How many rows each file has, by its path: from the metadata of Parquet, guessed from the size of others.

    Raises:
        SourceError: If a file cannot be read.
    """
    rows = {
        file.path: file.size // _BYTES_A_ROW[file.reader] * (5 if file.path.endswith(COMPRESSIONS) else 1)
        for file in files
        if file.reader != "read_parquet"
    }
    parquet = [file for file in files if file.reader == "read_parquet"]
    if parquet:
        try:
            rows |= dict(
                fetch(
                    connection,
                    "SELECT file_name, num_rows FROM parquet_file_metadata(?)",
                    [[literal(file.path) for file in parquet]],
                )
            )
        except duckdb.Error as error:
            raise SourceError(f"{culprit(connection, parquet)}: {error}") from error
    return rows


def row_groups(connection: duckdb.DuckDBPyConnection, file: File) -> list[int]:
    """How many rows each row group of a Parquet file has."""
    query = "SELECT any_value(row_group_num_rows) FROM parquet_metadata(?) GROUP BY row_group_id ORDER BY row_group_id"
    return [rows for (rows,) in fetch(connection, query, [literal(file.path)])]
