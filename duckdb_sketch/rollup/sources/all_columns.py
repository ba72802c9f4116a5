"""Every column of a file, also those that no statement mentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import duckdb

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.copies import copied
from duckdb_sketch.rollup.sources.csv_files import layouts
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.events import reading
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.file_source import FileSource
from duckdb_sketch.rollup.sources.files import described, paths_of
from duckdb_sketch.rollup.sources.json_files import json_scan
from duckdb_sketch.rollup.sources.partitions import partition_values
from duckdb_sketch.rollup.specification.specification import Specification


def all_columns(
    connection: duckdb.DuckDBPyConnection,
    specification: Specification,
    declaration: Declaration,
    file: File,
    known: Mapping[str, str],
) -> dict[str, str]:
    """The columns of a file and their types, as a refresh would bind them.

    Args:
        connection: Reads the file.
        specification: A statement over it.
        declaration: How it is declared.
        file: The file.
        known: The types of columns that are known, which come first.

    Returns:
        The types by name. A column that cannot be bound is left out: whoever mentions it will be told why.

    Raises:
        SourceError: If the file cannot be read at all.
    """
    with copied([file]) as copies, copies.told():
        (file,) = copies.files
        there = {name.lower() for name in known}
        others = [name for name in _names(connection, declaration, file) if name.lower() not in there]
        try:
            return {**known, **_bound(connection, specification, declaration, file, others)}
        except SourceError:
            found = dict(known)
            for name in others:
                with suppress(SourceError):
                    found |= _bound(connection, specification, declaration, file, [name])
            return found


def _bound(
    connection: duckdb.DuckDBPyConnection,
    specification: Specification,
    declaration: Declaration,
    file: File,
    names: Sequence[str],
) -> dict[str, str]:
    """The types of some columns; VARCHAR where no value shows one."""
    if not names:
        return {}
    asked = replace(specification, references=frozenset(name.lower() for name in names))
    with FileSource(connection, asked, declaration, "null").events([file], {}) as events:
        return dict.fromkeys(names, "VARCHAR") | dict(events.types)


def _names(connection: duckdb.DuckDBPyConnection, declaration: Declaration, file: File) -> list[str]:
    dialect = declaration.dialect
    names: list[str]
    if file.reader == "read_parquet":
        names = list(described(connection, f"FROM read_parquet({paths_of([file])}, hive_partitioning = false)", file))
    elif file.reader == "read_csv":
        names = list(layouts(connection, [file], dialect, declaration.names, ())[0].columns)
    else:
        with reading():
            query = f"SELECT DISTINCT unnest(json_keys(json)) FROM ({json_scan([file], dialect)}) ORDER BY ALL"
            names = [name for (name,) in fetch(connection, query)]
    folders = partition_values(file.path.rpartition("/")[0]) if declaration.partitioned else {}
    own = {name.lower() for name in names}
    return [*names, *(name for name in folders if name.lower() not in own)]
