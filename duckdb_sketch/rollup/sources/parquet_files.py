"""Parquet files: which have the same columns, and the SQL that reads them by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import duckdb

from duckdb_sketch._glob import literal
from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import Row, fetch
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, culprit, described, paths_of
from duckdb_sketch.rollup.sources.kinds import united
from duckdb_sketch.rollup.sources.part import Rows
from duckdb_sketch.rollup.sources.structure import castable

_NUMBER = "file_row_number"  # by which DuckDB passes over the row groups that it need not read
_FOOTERS_AT_ONCE = 1_000  # which DuckDB reads one after the other: of more files, several connections read them


@dataclass(frozen=True)
class ParquetPart:
    """Parquet files that have the columns of the statement in the same types; see `Part`.

    Attributes:
        files: The files.
        columns: See `Part`.
        types: The types of the columns, by their names in lower case.
        alike: Whether all their columns are the same.
        options: Options of `read_parquet`, each with a comma before it.
        lenient: See `Part`.
        rejected: See `Part`.
    """

    files: Sequence[File]
    columns: Mapping[str, str]
    types: Mapping[str, str]
    alike: bool
    options: str = ""
    lenient: bool = False
    rejected: Counter[str] = field(default_factory=Counter)

    def bind(self, known: Mapping[str, str]) -> dict[str, str]:
        """See `Part`."""
        found = {}
        for name in self.columns:
            kind = self.types[name]
            both = united(known.get(name), kind)
            if both is None:
                raise SourceError(
                    f"{self.files[0].path}: column {self.columns[name]} is {kind}, and in what was counted before it "
                    f"is {known[name]}. Distinct values of the two would not be counted as one: write it again, with "
                    "that type"
                )
            if both != '"NULL"':
                found[name] = both
        return found

    def sql(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        return self._scan(self.files, types)

    def sample(self, types: Mapping[str, str | None]) -> str:
        """See `Part`."""
        return self._scan(self.files[:1], types)

    def scan(self, types: Mapping[str, str | None], files: Sequence[File], rows: Rows | None = None) -> str:
        """See `Part`."""
        if rows is None:
            return self._scan(files, types)
        first, end = rows
        return f"{self._scan(files, types, f', {_NUMBER} = true')} WHERE {_NUMBER} >= {first} AND {_NUMBER} < {end}"

    def _scan(self, files: Sequence[File], types: Mapping[str, str | None], more: str = "") -> str:
        items = [identifier(FILE), *(self._item(name, kind) for name, kind in types.items())]
        union = "" if self.alike or len(files) == 1 else ", union_by_name = true"
        return (
            f"SELECT {', '.join(items)} FROM read_parquet({paths_of(files)}, filename = '{FILE}', "
            f"hive_partitioning = false{union}{self.options}{more})"
        )

    def _item(self, name: str, kind: str | None) -> str:
        own = self.columns.get(name.lower())
        if own is None or kind is None:
            return f"CAST(NULL AS {'INTEGER' if kind is None else castable(kind)}) AS {identifier(name)}"
        if self.types[name.lower()] == kind:
            return f"{identifier(own)} AS {identifier(name)}"
        return f"CAST({identifier(own)} AS {castable(kind)}) AS {identifier(name)}"


def parquet_parts(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], references: frozenset[str], options: str
) -> list[ParquetPart]:
    """Files by the columns that a statement mentions.

    Args:
        connection: Reads the files' metadata.
        files: Parquet files.
        references: Names of columns, in lower case.
        options: Options of `read_parquet`, each with a comma before it.

    Raises:
        SourceError: If a file cannot be read. It is named.
    """
    groups: dict[tuple[tuple[str, str, str], ...], list[tuple[list[File], dict[str, str]]]] = {}
    for alike in _by_schema(connection, files):
        query = f"SELECT * FROM read_parquet({paths_of(alike[:1])}, hive_partitioning = false{options})"
        columns = described(connection, query, alike[0])
        key = tuple(
            sorted((name.lower(), name, kind) for name, kind in columns.items() if name.lower() in references - {FILE})
        )
        groups.setdefault(key, []).append((alike, columns))
    return [
        ParquetPart(
            files=[file for alike, _ in schemas for file in alike],
            columns={name.lower(): name for name in schemas[0][1] if name.lower() in references - {FILE}},
            types={lower: kind for lower, _, kind in key},
            alike=len({tuple(columns.items()) for _, columns in schemas}) == 1,
            options=options,
        )
        for key, schemas in groups.items()
    ]


def _schemas(connection: duckdb.DuckDBPyConnection, files: Sequence[File]) -> dict[str, object]:
    """What tells the schemas of files apart, by path."""
    parts = min(os.cpu_count() or 1, 1 + len(files) // _FOOTERS_AT_ONCE)
    if parts == 1:
        return dict(_read_schemas(connection, files))
    with ExitStack() as stack:
        cursors = [stack.enter_context(connection.cursor()) for _ in range(parts)]
        pool = stack.enter_context(ThreadPoolExecutor(parts))
        found = pool.map(_read_schemas, cursors, (files[part::parts] for part in range(parts)))
        return dict(row for rows in found for row in rows)


def _read_schemas(connection: duckdb.DuckDBPyConnection, files: Sequence[File]) -> list[Row]:
    query = "SELECT file_name, hash(list((name, duckdb_type, num_children))) FROM parquet_schema(?) GROUP BY file_name"
    return fetch(connection, query, [[literal(file.path) for file in files]])


def _by_schema(connection: duckdb.DuckDBPyConnection, files: Sequence[File]) -> list[list[File]]:
    """Files by their schema: one look at all of them."""
    if len(files) == 1:
        return [list(files)]
    try:
        schemas = _schemas(connection, files)
    except duckdb.Error as error:
        raise SourceError(f"{culprit(connection, files)}: {error}") from error
    groups: dict[object, list[File]] = {}
    for file in files:
        groups.setdefault(schemas.get(file.path, file.path), []).append(file)
    return list(groups.values())
