"""Sources as they are declared: paths, calls of readers, or a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import duckdb

from duckdb_sketch.rollup.settings import Missing
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.file_source import FileSource
from duckdb_sketch.rollup.sources.source import Ranges, Source, SourceSlice
from duckdb_sketch.rollup.sources.table_and_files import TableAndFiles
from duckdb_sketch.rollup.sources.table_range import TableRange
from duckdb_sketch.rollup.sources.table_reader import TableReader
from duckdb_sketch.rollup.sources.table_source import TableSource
from duckdb_sketch.rollup.specification.specification import Specification

Declared = str | Path | Sequence[str | Path] | TableSource


def is_declared(given: object) -> TypeGuard[Declared]:
    """Whether something is a declaration, and not data."""
    return isinstance(given, (str, Path, list, tuple, TableSource))


def table_of(declared: Declared) -> TableSource | None:
    """The table that is declared; None if files are.

    Raises:
        SourceError: If a text starts as one and is none.
    """
    if isinstance(declared, str) and TableSource.is_declared(declared):
        return TableSource.of(declared)
    return declared if isinstance(declared, TableSource) else None


def kind_of(given: object) -> str:
    """The kind of the slices of a declaration, in the ledger.

    Raises:
        SourceError: If a text starts as the declaration of a table and is none.
    """
    return TableReader.kind if is_declared(given) and table_of(given) is not None else FileSource.kind


def files_of(declared: Declared | None) -> Declaration:
    """The files that are declared; none where a table is, or nothing."""
    if declared is None or table_of(declared) is not None:
        return Declaration(())
    assert not isinstance(declared, TableSource)
    return Declaration.of(declared)


def ranges_of(
    connection: duckdb.DuckDBPyConnection, specification: Specification, declared: Declared | None
) -> Ranges | None:
    """A source whose slices are ranges; None if they are files, or nothing is declared."""
    table = None if declared is None else table_of(declared)
    return None if table is None else TableReader(connection, specification, table)


def sources_of(declared: str) -> list[str]:
    """What each of the sources of a declaration is known by: paths, or the declaration of a table."""
    if table_of(declared) is not None:
        return [declared]
    return [each.place for each in files_of(declared).each]


def options_of(declared: str | None) -> str | None:
    """The declaration of files, which says how they are read; None where a table is declared, or nothing."""
    return declared if declared is not None and table_of(declared) is None else None


def reads_otherwise(given: str, known: str | None) -> bool:
    """Whether events are to be read in another way than they were, or from another table; other paths are not."""
    tables = table_of(given), None if known is None else table_of(known)
    if any(tables):
        return tables[0] != tables[1]
    one, other = (replace(files_of(each), patterns=(), reader=None, members=(), idle=None) for each in (given, known))
    return one != other


def counted_slice(connection: duckdb.DuckDBPyConnection, kind: str, name: str, fingerprint: str) -> SourceSlice:
    """A slice that was counted, whatever its source.

    Raises:
        SourceError: If it cannot be read any more.
    """
    if kind == TableReader.kind:
        return TableRange.counted(connection, name, fingerprint)
    return File.counted(name, fingerprint)


def declared_text(given: object) -> str | None:
    """A declaration as the ledger keeps it; None of what is none.

    Raises:
        SourceError: If it is not one that can be read from.
    """
    if not is_declared(given):
        return None
    table = table_of(given)
    if table is not None:
        return table.text
    return files_of(given).text


def kept_text(given: str | None, known: str | None, missing: Missing | None) -> str | None:
    """A declaration as the ledger is to have it, with what a column is that a file lacks.

    Args:
        given: The text of the declaration; None leaves what the ledger has.
        known: What the ledger has.
        missing: What the caller says of such columns; None leaves what is declared, or the ledger has.
    """
    text = known if given is None else given
    if text is None or table_of(text) is not None:
        return text
    declared = Declaration.of(text)
    return declared.with_missing(missing or declared.missing or missing_of(known)).text


def missing_of(text: str | None) -> Missing | None:
    """What a column is that a file lacks, as a declaration in the ledger says; None if it does not."""
    return None if text is None or table_of(text) is not None else Declaration.of(text).missing


def source_of(
    connection: duckdb.DuckDBPyConnection,
    specification: Specification,
    declared: Declared,
    missing: str | None = None,
    *,
    most_rows: int = sys.maxsize,
    look_back: int | None = None,
) -> Source:
    """A source, read for one statement.

    Args:
        connection: The connection that reads it.
        specification: The statement.
        declared: How it is declared.
        missing: Of files; see `FileSource`.
        most_rows: Of tables; see `TableReader`.
        look_back: Of object stores; see `find`.

    Raises:
        SourceError: If it is not one that can be read from.
    """
    table = table_of(declared)
    if table is not None:
        files = FileSource(connection, specification, Declaration(()), missing)
        return TableAndFiles(TableReader(connection, specification, table, most_rows), files)
    return FileSource(connection, specification, files_of(declared), missing, look_back)
