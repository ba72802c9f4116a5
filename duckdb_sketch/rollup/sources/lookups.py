"""Lookup tables: what a statement joins to its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.copies import copied
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, by_reader, described, paths_of, scan
from duckdb_sketch.rollup.sources.listing import find


def provide(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Any]) -> None:
    """Make tables of files or data under the names that a statement gives them, for this connection alone."""
    for name, data in tables.items():
        if isinstance(data, (str, Path)) or _are_paths(data):
            _provide_files(connection, name, Declaration.of(data))
        else:
            connection.register(name, data)


def _are_paths(data: object) -> TypeGuard[Sequence[str | Path]]:
    return isinstance(data, (list, tuple)) and bool(data) and all(isinstance(each, (str, Path)) for each in data)


def _provide_files(connection: duckdb.DuckDBPyConnection, name: str, declaration: Declaration) -> None:
    """Make a view of files, which each query reads again; of objects a table, which is read once."""
    with copied(find(connection, declaration.patterns).files) as copies, copies.told():
        kind = "TABLE" if copies.originals else "VIEW"
        rows = _rows(connection, copies.files, declaration)
        connection.execute(f"CREATE OR REPLACE TEMP {kind} {identifier(name)} AS {rows}")


def _rows(connection: duckdb.DuckDBPyConnection, files: Sequence[File], declaration: Declaration) -> str:
    """SQL of the rows of files.

    Raises:
        SourceError: If one of several CSV files lacks a column.
    """
    if declaration.reader is not None:
        whole = {} if declaration.reader == "read_parquet" else {"sample_size": "-1"}
        return f"FROM {replace(declaration, settings={**declaration.settings, **whole}).call(paths_of(files))}"
    kinds = by_reader(files)
    for kind in kinds:
        if kind[0].reader == "read_csv" and len(kind) > 1:
            _check_alike(connection, kind)
    rows = " UNION ALL BY NAME ".join(scan(kind, {}, _whole(kind)) for kind in kinds)
    return f"SELECT * EXCLUDE ({FILE}) FROM ({rows})"


def _whole(files: Sequence[File]) -> str:
    """Options with which the types are those of all values: of a sample, DuckDB would round the rest to them."""
    if files[0].reader == "read_parquet":
        return ""
    if files[0].reader == "read_json":
        return f", sample_size = -1, maximum_sample_files = {max(len(files), 1)}"
    return ", sample_size = -1" + (", union_by_name = true" if len(files) > 1 else "")


def _check_alike(connection: duckdb.DuckDBPyConnection, files: Sequence[File]) -> None:
    found = {file: {name.lower() for name in described(connection, scan([file], {}), file)} for file in files}
    columns = set[str]().union(*found.values())
    for file, own in found.items():
        if own != columns:
            raise SourceError(f"{file.path}: there is no column {min(columns - own)}, which other files of it have")
