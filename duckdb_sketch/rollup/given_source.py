"""The source of a rollup's events, as the caller of the rollup gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.memory import rows_that_fit
from duckdb_sketch.rollup.pipeline.target import Target
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.declared import Declared, files_of, is_declared, kind_of, source_of
from duckdb_sketch.rollup.sources.source import Source
from duckdb_sketch.rollup.sources.spool import publish_left
from duckdb_sketch.rollup.specification.specification import Specification


class GivenSource:
    """What a caller says of where the events are: a declaration, data, or nothing.

    Attributes:
        given: That.
        target: The rollup.
    """

    def __init__(self, given: Any, target: Target) -> None:
        self.given = given
        self.target = target

    @property
    def kind(self) -> str:
        """The kind of its slices, in the ledger."""
        return kind_of(self.given)

    @property
    def most_rows(self) -> int:
        """How many rows a batch of it may have, each a group of its own."""
        return rows_that_fit(self.target.ledger.connection, self.target.settings.memory_limit)

    def declared(self) -> Declared:
        """How it is declared, if it is here; else how it was when its slices were counted."""
        if self.given is not None and is_declared(self.given):
            return self.given
        record = self.target.ledger.find_rollup(self.target.name)  # of another statement, if a replay gives one
        return record.source if record and record.source else ()

    def declaration(self) -> Declaration:
        """How its files are declared; none where it is a table."""
        return files_of(self.declared())

    def reader(self) -> Source:
        """The files or the table that it names.

        Raises:
            SourceError: If it names none.
        """
        source = self.target.specification.source
        if self.given is None:
            raise SourceError(
                f"no files are given for {source}: give sources={{'{source}': 'data/*.parquet'}} "
                f"(--source {source}='data/*.parquet')"
            )
        if not is_declared(self.given):
            raise SourceError(
                f"the source {source} is a {type(self.given).__name__}: give paths of files, or count data with "
                "append(data, batch_id=…)"
            )
        return self._reader_of(self.given)

    def reader_of_counted(self) -> Source:
        """The files or the table that its slices were counted from, wherever it is now."""
        return self._reader_of(self.declared())

    def _reader_of(self, declared: Declared) -> Source:
        target = self.target
        publish_left(target.ledger.spooled(target.name))
        return source_of(
            target.ledger.connection,
            target.specification,
            declared,
            target.missing,
            most_rows=self.most_rows,
            look_back=target.settings.look_back,
        )


def check_sources(specification: Specification, sources: Mapping[str, Any]) -> None:
    """See that each source is a table of the statement; under a mistyped name it would stand for nothing.

    Raises:
        SourceError: If one is not.
    """
    tables = (specification.source, *specification.lookups)
    for name in sources:
        if name not in tables:
            raise SourceError(f"the statement reads {', '.join(tables)}, not {name}: give the source that name")
