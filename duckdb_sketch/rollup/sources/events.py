"""The events of some slices, as SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import noticing_damage
from duckdb_sketch.rollup.sources.plan import Plan
from duckdb_sketch.rollup.sources.slice import Slice


@dataclass(frozen=True)
class Extent:
    """How many rows a slice has, and its first and last event time; None if it has no time."""

    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Events:
    """Events that are aggregated together.

    Attributes:
        connection: The connection that knows the tables of the query.
        sql: A query of their rows.
        types: The columns that the statement uses, and their types in DuckDB.
        slices: What they are from.
        marked: Whether rows have a column `FILE` with the id of their slice; if not, all are from the only one.
        spool: Whether to read them once, into a temporary table, costs less than to read their event times again.
        sample: A query with the same columns, of fewer slices; the same query if empty.
        culprit: Finds which slice is the reason of an error, and gives the name that its user knows it by.
        extents: What is known of the slices without reading them, by their ids, if the event time is a column of this
            name; None if that is not everything.
        rejected: How many rows could not be read, and were left out.
        plan: Of files, how any process reads them.
    """

    connection: duckdb.DuckDBPyConnection
    sql: str
    types: Mapping[str, str]
    slices: Sequence[Slice]
    culprit: Callable[[], str]
    marked: bool = True
    spool: bool = False
    sample: str = ""
    extents: Callable[[str], Mapping[str, Extent] | None] = lambda _: None
    rejected: int = 0
    plan: Plan | None = None

    @property
    def columns(self) -> str:
        """A query of which the columns may be asked."""
        return self.sample or self.sql

    def joined(self, others: Events) -> Events:
        """These and others, from other slices."""
        sql = f"{self.sql} UNION ALL BY NAME {others.sql}"
        return Events(
            self.connection, sql, {**others.types, **self.types}, (*self.slices, *others.slices), self.culprit
        )

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Name the slice that is the reason of an error, once whatever transaction there was is over.

        Raises:
            SourceError: If the events cannot be read or aggregated.
        """
        try:
            yield
        except UnreadableError as error:
            raise SourceError(f"{self.culprit()}: {error}") from error


class UnreadableError(SourceError):
    """What DuckDB says of events that it cannot read or aggregate."""


@contextmanager
def reading() -> Iterator[None]:
    """Tell errors that the events are the reason of from others.

    Raises:
        UnreadableError: If they are.
        DamagedError: If the database is.
    """
    try:
        with noticing_damage():
            yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.TransactionException):
        raise
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and ("write" in str(error) or "No space" in str(error)):
            raise  # the database's disk is full
        raise UnreadableError(str(error)) from error
