"""The files of a source: the SQL that reads them, and the types of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import duckdb

from duckdb_sketch._glob import literal
from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch
from duckdb_sketch.rollup.sources.file import COMPRESSIONS, File
from duckdb_sketch.rollup.sources.kinds import is_integer, same_kind

#: The column that says which file a row is from, while a batch is in the making.
FILE = "duckdb_sketch_file"

_BYTES_A_ROW = {"read_csv": 60, "read_json": 120}  # rough, and of text that is not compressed


def scan(files: Sequence[File], types: Mapping[str, str], options: str = "", *, alike: bool = False) -> str:
    """SQL of the rows of files of one kind, with the column `FILE`.

    Args:
        files: The files.
        types: What is known of the columns' types; Parquet files have their own, which `check_types` compares.
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


def scan_all(files: Sequence[File], types: Mapping[str, str], *, alike: bool = False) -> str:
    """SQL of the rows of files of any kinds, as `scan`."""
    return " UNION ALL BY NAME ".join(scan(kind, types, alike=alike) for kind in by_reader(files))


def paths_of(files: Sequence[File]) -> str:
    """SQL of a list of the files' paths, none of which is a pattern."""
    return f"[{', '.join(quote(literal(file.path)) for file in files)}]"


def by_reader(files: Sequence[File]) -> list[list[File]]:
    """Files by their kind, each of which a function of DuckDB reads."""
    kinds: dict[str, list[File]] = {}
    for file in files:
        kinds.setdefault(file.reader, []).append(file)
    return list(kinds.values())


def check_types(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], references: frozenset[str], known: Mapping[str, str]
) -> dict[str, str]:
    """The types of the columns that a statement mentions, in files of any kinds.

    Args:
        connection: Reads the files' metadata.
        files: The files.
        references: Names of columns, in lower case. Those that no file has are of other tables.
        known: The types in the files counted before; empty if there were none.

    Raises:
        SourceError: If a file cannot be read, lacks a column, or has it in another type. The error names the file.
    """
    return bind_columns(connection, files, references, known)[0]


def bind_columns(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], references: frozenset[str], known: Mapping[str, str]
) -> tuple[dict[str, str], bool]:
    """As `check_types`, and whether all files have the same columns in the same order."""
    types, alike = dict(known), True
    for kind in by_reader(files):
        types, same = _check_types(connection, kind, references, types)
        alike = alike and same
    return types, alike


def _check_types(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], references: frozenset[str], known: Mapping[str, str]
) -> tuple[dict[str, str], bool]:
    types = dict(known)
    found: list[tuple[str, dict[str, str]]] = []
    for file, columns in _columns(connection, files, known):
        if not known:  # what one of them has, all have to have
            types = {
                name: kind for name, kind in columns.items() if name.lower() in references and name != FILE
            } | types
        found.append((file, columns))
    for file, columns in found:
        check_columns(file, columns, references, types)
    return types, len({tuple(columns.items()) for _, columns in found}) == 1


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


def _columns(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], known: Mapping[str, str]
) -> Iterable[tuple[str, dict[str, str]]]:
    """The columns of each file and their types."""
    if files[0].reader != "read_parquet":
        yield from _text_columns(connection, files, known)
        return
    if len(files) == 1:
        yield files[0].path, described(connection, scan(files, {}), files[0])
        return
    # One look at all of them; only those that differ are looked at by themselves.
    groups: dict[tuple[tuple[str, str], ...], str] = {}
    try:
        rows = fetch(
            connection,
            "SELECT file_name, list((name, duckdb_type)) FROM parquet_schema(?) "
            "WHERE num_children IS NULL OR num_children = 0 GROUP BY file_name ORDER BY file_name",
            [[literal(file.path) for file in files]],
        )
    except duckdb.Error as error:
        raise SourceError(f"{culprit(connection, files)}: {error}") from error
    for path, columns in rows:
        groups.setdefault(tuple(columns), path)
    by_path = {file.path: file for file in files}
    for path in groups.values():
        yield path, described(connection, scan([by_path[path]], {}), by_path[path])


def _text_columns(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], known: Mapping[str, str]
) -> Iterable[tuple[str, dict[str, str]]]:
    """The columns of each text file, with the types that it is to be read with.

    Raises:
        SourceError: If its values would lose something as these types.
    """
    types = dict(known)
    for file in files:
        columns = described(connection, scan([file], {}), file)
        if not fetch(connection, f"{scan([file], {})} LIMIT 1"):
            # Nothing in it says what its columns are.
            if types:
                yield file.path, types
            continue
        for name, kind in columns.items():
            if name in types and _loses(kind, types[name]):
                raise SourceError(
                    f"{file.path}: column {name} looks like {kind}, and in what was counted before it is "
                    f"{types[name]}: write it again, with that type"
                )
        types = columns | types
        # In JSON, what is NULL in every row may as well not be there.
        present = (
            known if file.reader == "read_json" else {name: kind for name, kind in types.items() if name in columns}
        )
        yield file.path, {**columns, **present}


def _loses(kind: str, known: str) -> bool:
    """Whether text that looks like one type would be rounded by being read as another."""
    fractions = kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL")
    return (is_integer(known) and fractions) or (known == "DATE" and kind.startswith("TIMESTAMP"))


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
