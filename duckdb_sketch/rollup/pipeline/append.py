"""Appending: counting data that is in no file, once for each id that its caller gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from duckdb_sketch._arrow import arrow_reader, arrow_table
from duckdb_sketch.rollup.errors import LockedError, RollupError, SourceError
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import Batch, CountedSlice
from duckdb_sketch.rollup.pipeline.batch import Counter, advance
from duckdb_sketch.rollup.pipeline.levels import update_levels
from duckdb_sketch.rollup.pipeline.refresh import Refreshed, UnreadableError, reading
from duckdb_sketch.rollup.query import describe
from duckdb_sketch.rollup.sources.files import check_columns
from duckdb_sketch.rollup.specification.specification import EVENTS, Specification
from duckdb_sketch.rollup.specification.table import Table

_DATA = "duckdb_sketch_data"
_EVENTS_OF_DATA = "duckdb_sketch_data_events"


class Appender:
    """Counts one piece of data into a rollup."""

    def __init__(
        self,
        ledger: Ledger,
        specification: Specification,
        open_table: Callable[[dict[str, str]], Table],
        *,
        levels: bool,
    ) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._specification = specification
        self._open_table = open_table
        self._levels = levels
        self._read_once = False

    def register(self, data: Any) -> None:
        """Give the data to DuckDB.

        Raises:
            SourceError: If DuckDB cannot scan it.
        """
        if isinstance(data, duckdb.DuckDBPyRelation):
            data = arrow_reader(data)
        self._read_once = hasattr(data, "read_next_batch")
        register(self._connection, _DATA, data)

    def unregister(self) -> None:
        """Let go of the data."""
        self._connection.unregister(_DATA)

    def run(self, name: str, batch_id: str | None) -> Refreshed:
        """Count the data, if no batch of this id has been counted.

        Raises:
            SourceError: If its columns are others than those of what was counted before.
            LockedError: If another connection is changing the rollup, and the data has not been read.
            RollupError: If it has been read, and can be read only once.
        """
        refreshed = Refreshed(name)
        if self._is_known(name, batch_id):
            return refreshed
        types = self.check(name)
        read = False
        try:
            with self._ledger.transaction():
                table = self._open_table(types)
                record = self._ledger.begin_rollup(name)
                if self._is_known(name, batch_id):  # since another connection counted it
                    raise _Known
                batch = Batch(record.last_batch, "append")
                counter = Counter(self._ledger, self._specification, table)
                read = True
                with reading():
                    self.stage(counter)
                counter.settle(record, batch)
                counter.measure(batch)
                with reading():
                    counter.merge(record, batch)
                self._ledger.add_batch(name, batch)
                if batch_id is not None:
                    times = batch.first_event, batch.last_event
                    counted = CountedSlice(CountedSlice.BATCH, batch_id, "", None, batch.rows, *times)
                    self._ledger.add_slices(name, batch.batch, [counted])
                advance(self._ledger, record, table, batch, complete=True)
                if self._levels:
                    update_levels(self._ledger, name)
        except _Known:
            return refreshed
        except UnreadableError as error:
            raise SourceError(f"the data: {error}") from error
        except LockedError as error:
            if read and self._read_once:
                # Trying again would count a stream that has nothing left.
                raise RollupError(f"nothing was counted, and the data was read: give it again ({error})") from error
            raise
        refreshed.add(batch)
        return refreshed

    def check(self, name: str) -> dict[str, str]:
        """Make the view `EVENTS`, and give the types of its columns that are used.

        Raises:
            SourceError: If they are others than those of what was counted before.
        """
        return self._view(name, _DATA)

    def stage(self, counter: Counter) -> None:
        """Aggregate the data."""
        counter.stage()

    def _view(self, name: str, events: str) -> dict[str, str]:
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS SELECT * FROM {events}")
        known = self._ledger.find_rollup(name)
        columns = describe(self._connection, f"SELECT * FROM {events}")
        return check_columns("the data", columns, self._specification.references, known.input_types if known else {})

    def _is_known(self, name: str, batch_id: str | None) -> bool:
        return batch_id is not None and self._ledger.has_batch(name, batch_id)


class GroupAppender(Appender):
    """Counts groups that have been aggregated elsewhere; `groups.merging` says what they are."""

    _has_events = False

    def register_events(self, events: Any) -> None:
        """Give DuckDB something that has the columns of the events which the groups are of.

        Raises:
            SourceError: If DuckDB cannot scan it.
        """
        if isinstance(events, duckdb.DuckDBPyRelation):
            events = arrow_table(events.limit(0))
        register(self._connection, _EVENTS_OF_DATA, events)
        self._has_events = True

    def unregister(self) -> None:
        """Let go of both."""
        super().unregister()
        self._connection.unregister(_EVENTS_OF_DATA)

    def check(self, name: str) -> dict[str, str]:
        """See that the groups' events have the columns of those that were counted before.

        Raises:
            SourceError: If they have not, or if they are the first, and nothing is said of their events.
        """
        if self._has_events:
            return self._view(name, f"{_EVENTS_OF_DATA} LIMIT 0")
        known = self._ledger.find_rollup(name)
        if known is None:
            raise SourceError(
                f"there is no rollup {name} yet, and groups do not say what their columns were made of: give "
                "events, something with the columns of the events, of which no row is read"
            )
        return known.input_types

    def stage(self, counter: Counter) -> None:
        """Merge the groups."""
        counter.stage_groups(_DATA)


def register(connection: duckdb.DuckDBPyConnection, name: str, data: Any) -> None:
    """Give data to DuckDB under a name.

    Raises:
        SourceError: If DuckDB cannot scan it.
    """
    try:
        connection.register(name, data)
    except (duckdb.Error, TypeError) as error:
        raise SourceError(f"DuckDB cannot scan a {type(data).__name__}: {error}") from error


class _Known(Exception):
    """The batch has been counted before; the transaction that found it out is undone."""
