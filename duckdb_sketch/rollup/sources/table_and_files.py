"""A table as a source, and the files in which batches that were appended beside it are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.file_source import FileSource
from duckdb_sketch.rollup.sources.slice import Poll
from duckdb_sketch.rollup.sources.table_range import TableRange
from duckdb_sketch.rollup.sources.table_reader import TableReader


class TableAndFiles:
    """A table of which new rows are asked, and files that were counted along.

    Attributes:
        kind: See `Source`.
        transactional: See `Source`.
        table: The table.
    """

    kind = TableReader.kind
    transactional = TableReader.transactional

    def __init__(self, table: TableReader, files: FileSource) -> None:
        self.table = table
        self._files = files

    @property
    def declared(self) -> tuple[str, ...]:
        """See `Source`."""
        return self.table.declared

    def origin(self, slice_id: str) -> str:
        """See `Source`."""
        return self.table.origin(slice_id)

    def poll(self, fingerprints: Mapping[str, str]) -> Poll[TableRange]:
        """See `Source`."""
        return self.table.poll(fingerprints)

    def counted(self, kind: str, name: str, fingerprint: str) -> TableRange | File:
        """See `Source`."""
        if kind == self._files.kind:
            return self._files.counted(kind, name, fingerprint)
        return self.table.counted(kind, name, fingerprint)

    def rows(self, slices: Sequence[TableRange | File]) -> dict[str, int]:
        """See `Source`."""
        ranges, files = _sorted(slices)
        return {**self.table.rows(ranges), **self._files.rows(files)}

    @contextmanager
    def events(self, slices: Sequence[TableRange | File], known: Mapping[str, str]) -> Iterator[Events]:
        """See `Source`."""
        ranges, files = _sorted(slices)
        with ExitStack() as stack:
            found: Events | None = None
            if ranges:
                found = stack.enter_context(self.table.events(ranges, known))
            if files:
                types = known if found is None else found.types
                more = stack.enter_context(self._files.events(files, types))
                found = more if found is None else found.joined(more)
            assert found is not None  # there is a slice
            yield found


def _sorted(slices: Sequence[TableRange | File]) -> tuple[list[TableRange], list[File]]:
    ranges = [each for each in slices if isinstance(each, TableRange)]
    return ranges, [each for each in slices if isinstance(each, File)]
