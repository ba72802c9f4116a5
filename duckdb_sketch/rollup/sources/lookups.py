"""Lookup tables: what a statement joins to its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.sources.copies import copied
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, paths_of, scan_all
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
        rows = _rows(copies.files, declaration)
        connection.execute(f"CREATE OR REPLACE TEMP {kind} {identifier(name)} AS {rows}")


def _rows(files: Sequence[File], declaration: Declaration) -> str:
    """SQL of the rows of files."""
    if declaration.reader is None:
        return f"SELECT * EXCLUDE ({FILE}) FROM ({scan_all(files, {})})"
    return f"FROM {declaration.call(paths_of(files))}"
