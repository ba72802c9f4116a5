"""Files as a source: each is a slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch
from duckdb_sketch.rollup.sources.csv_files import Layout, layouts
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.events import Events, Extent, with_nanoseconds
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, bind_columns, by_reader, count_rows, scan_all
from duckdb_sketch.rollup.sources.footers import read_extents
from duckdb_sketch.rollup.sources.json_files import json_held, json_scan
from duckdb_sketch.rollup.sources.listing import find
from duckdb_sketch.rollup.sources.slice import Poll
from duckdb_sketch.rollup.sources.text import Text, csv_held
from duckdb_sketch.rollup.specification.specification import Specification, over

_FEW_ROWS = 10_000  # per file: opening it costs more than reading all of it
# So many files that are so small that to look how many rows each has costs as much as to read them.
_MANY = 1_000
_SMALL = 1 << 14  # bytes
_BYTES_A_ROW = 16


class FileSource:
    """The files of a declaration, read for one statement."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, specification: Specification, declaration: Declaration
    ) -> None:
        self._connection = connection
        self._specification = specification
        self._declaration = declaration
        self._rows: dict[File, int] = {}

    def poll(self, fingerprints: Mapping[str, str]) -> Poll[File]:
        """Which files are new, and which have changed.

        Args:
            fingerprints: Those of the files that were counted, by path.

        Raises:
            SourceError: If a pattern matches no file.
        """
        found = find(self._connection, self._declaration.patterns, fingerprints)
        return Poll.of(found.files, fingerprints, found.duplicates)

    def rows(self, files: Sequence[File]) -> dict[str, int]:
        """How many rows each file has, by path; of text, and of many small files, a guess.

        Raises:
            SourceError: If a file cannot be read.
        """
        unknown = [file for file in files if file not in self._rows]
        if len(unknown) > _MANY and sum(file.size for file in unknown) < _SMALL * len(unknown):
            rows = {file.path: file.size // _BYTES_A_ROW for file in unknown}
        else:
            rows = count_rows(self._connection, unknown)
        self._rows |= {file: rows[file.path] for file in unknown}
        return {file.path: self._rows[file] for file in files}

    @contextmanager
    def events(self, files: Sequence[File], known: Mapping[str, str]) -> Iterator[Events]:
        """The events of some files, as long as this lasts.

        Args:
            files: The files, at least one.
            known: The types of the columns in the files counted before; empty if there were none.

        Raises:
            SourceError: If a file cannot be read, or its columns are others than those of the files before it.
        """
        with ExitStack() as stack:
            whole: Events | None = None
            for alike in by_reader(files):
                types = dict(known) if whole is None else {**known, **whole.types}
                if alike[0].reader == "read_parquet":
                    part = self._parquet(alike, types)
                else:
                    part = stack.enter_context(self._text(alike, types))
                whole = part if whole is None else whole.joined(part)
            assert whole is not None  # there is a file
            yield whole

    def _parquet(self, files: Sequence[File], known: Mapping[str, str]) -> Events:
        types, alike = bind_columns(self._connection, files, self._specification.references, known)
        sql = scan_all(files, types, alike=alike)
        sample = scan_all(files[:1], types) if alike else sql

        def culprit() -> str:
            return self._culprit(files, types)

        def extents(column: str) -> Mapping[str, Extent] | None:
            return read_extents(self._connection, files, column, types)

        try:
            own = with_nanoseconds(types, describe(self._connection, sample))
        except duckdb.Error as error:
            raise SourceError(f"{culprit()}: {error}") from error
        if len(files) > 1 and sum(self.rows(files).values()) < _FEW_ROWS * len(files):
            return Events(self._connection, sql, own, files, culprit, spool=True, sample=sample)
        return Events(self._connection, sql, own, files, culprit, sample=sample, extents=extents)

    @contextmanager
    def _text(self, files: Sequence[File], known: Mapping[str, str]) -> Iterator[Events]:
        is_json = files[0].reader == "read_json"
        with ExitStack() as stack:
            scan = json_scan(files, self._declaration.dialect) if is_json else self._csv(files, known)
            with Events(self._connection, "", {}, files, lambda: self._unreadable(files)).blamed():
                held = json_held if is_json else csv_held
                text = stack.enter_context(held(self._connection, scan, self._specification.references))
            types = {**known, **text.bind(known, self._declaration.types)}
            yield Events(self._connection, text.sql(types), types, files, lambda: self._of_text(text, types, files))

    def _csv(self, files: Sequence[File], known: Mapping[str, str]) -> str:
        references = self._specification.references
        found = layouts(self._connection, files, self._declaration.dialect)
        columns = _referenced(found, references)
        for layout in found:
            _check_there(layout, columns, known)
        return " UNION ALL ".join(layout.sql(columns) for layout in found)

    def _unreadable(self, files: Sequence[File]) -> str:
        """The first of several text files that DuckDB cannot read."""
        is_json = files[0].reader == "read_json"
        for file in files if len(files) > 1 else ():
            try:
                scan = json_scan([file], self._declaration.dialect) if is_json else self._csv([file], {})
                fetch(self._connection, f"SELECT count(*) FROM ({scan})")
            except (duckdb.Error, SourceError):
                return file.path
        return files[0].path if len(files) == 1 else f"{files[0].path} and {len(files) - 1} more"

    def _of_text(self, text: Text, types: Mapping[str, str], files: Sequence[File]) -> str:
        """The first of several text files at which the statement fails by itself."""
        for file in files if len(files) > 1 else ():
            rows = f"{text.sql(types)} WHERE {FILE} = {quote(file.path)}"
            try:
                fetch(self._connection, over(rows, self._specification.aggregate()))
            except duckdb.Error:
                return file.path
        return files[0].path if len(files) == 1 else f"{files[0].path} and {len(files) - 1} more"

    def _culprit(self, files: Sequence[File], types: Mapping[str, str]) -> str:
        """The first of several files at which the statement fails by itself."""
        for file in files if len(files) > 1 else ():
            try:
                fetch(self._connection, over(scan_all([file], types), self._specification.aggregate()))
            except duckdb.Error:
                return file.path
        return files[0].path if len(files) == 1 else f"{files[0].path} and {len(files) - 1} more"


def _referenced(found: Sequence[Layout], references: frozenset[str]) -> list[str]:
    """The columns that a statement mentions, as the first file that has them spells them."""
    names: dict[str, str] = {}
    for layout in found:
        for name in layout.columns:
            if name.lower() in references:
                names.setdefault(name.lower(), name)
    return list(names.values())


def _check_there(layout: Layout, columns: Sequence[str], known: Mapping[str, str]) -> None:
    """See that files have all columns that others have.

    Raises:
        SourceError: If they lack one.
    """
    have = {name.lower() for name in layout.columns}
    for name in (*known, *columns):
        if name.lower() not in have:
            raise SourceError(f"{layout.files[0].path}: there is no column {name}, which what was counted before has")
