"""Files as a source: each is a slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.events import Events, Extent
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import bind_columns, count_rows, scan_all
from duckdb_sketch.rollup.sources.footers import read_extents
from duckdb_sketch.rollup.sources.listing import find
from duckdb_sketch.rollup.sources.slice import Poll
from duckdb_sketch.rollup.specification.specification import Specification, over

_FEW_ROWS = 10_000  # per file: opening it costs more than reading all of it


class FileSource:
    """The files that match some patterns, read for one statement."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, specification: Specification, patterns: Sequence[str] = ()
    ) -> None:
        self._connection = connection
        self._specification = specification
        self._patterns = patterns
        self._rows: dict[File, int] = {}

    def poll(self, fingerprints: Mapping[str, str]) -> Poll[File]:
        """Which files are new, and which have changed.

        Args:
            fingerprints: Those of the files that were counted, by path.

        Raises:
            SourceError: If a pattern matches no file.
        """
        found = find(self._connection, self._patterns, fingerprints)
        return Poll.of(found.files, fingerprints, found.duplicates)

    def rows(self, files: Sequence[File]) -> dict[str, int]:
        """How many rows each file has, by path; of text files, a guess.

        Raises:
            SourceError: If a file cannot be read.
        """
        unknown = [file for file in files if file not in self._rows]
        rows = count_rows(self._connection, unknown)
        self._rows |= {file: rows[file.path] for file in unknown}
        return {file.path: self._rows[file] for file in files}

    def events(self, files: Sequence[File], known: Mapping[str, str]) -> Events:
        """The events of some files.

        Args:
            files: The files, at least one.
            known: The types of the columns in the files counted before; empty if there were none.

        Raises:
            SourceError: If a file cannot be read, or its columns are others than those of the files before it.
        """
        types, alike = bind_columns(self._connection, files, self._specification.references, known)
        sql = scan_all(files, types, alike=alike)

        def culprit() -> str:
            return self._culprit(files, types)

        def extents(column: str) -> Mapping[str, Extent] | None:
            return read_extents(self._connection, files, column, types)

        try:
            fetch(self._connection, f"DESCRIBE {sql}")
        except duckdb.Error as error:
            raise SourceError(f"{culprit()}: {error}") from error
        if self._is_cheap(files):
            return Events(self._connection, sql, types, files, culprit, spool=True)
        return Events(self._connection, sql, types, files, culprit, extents=extents)

    def _is_cheap(self, files: Sequence[File]) -> bool:
        """Whether files are text, or many and small."""
        if any(file.reader != "read_parquet" for file in files):
            return True
        return len(files) > 1 and sum(self.rows(files).values()) < _FEW_ROWS * len(files)

    def _culprit(self, files: Sequence[File], types: Mapping[str, str]) -> str:
        """The first of several files at which the statement fails by itself."""
        for file in files if len(files) > 1 else ():
            try:
                fetch(self._connection, over(scan_all([file], types), self._specification.aggregate()))
            except duckdb.Error:
                return file.path
        return files[0].path if len(files) == 1 else f"{files[0].path} and {len(files) - 1} more"
