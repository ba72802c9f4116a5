"""What an executor does with a partition: DuckDB reads or is given events and aggregates them, or merges groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import duckdb

from duckdb_sketch._arrow import arrow_reader
from duckdb_sketch.rollup.memory import BYTES_OF_A_GROUP, rows_of_batch
from duckdb_sketch.rollup.specification.specification import EVENTS
from duckdb_sketch.spark.worker import opened, require_version

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]

    Batches = Iterator[pyarrow.RecordBatch]

_ROWS_A_BATCH = 10_000  # of groups that go to Spark at a time, as Spark's own batches: some 30 MB of sketches


@dataclass(frozen=True)
class Work:
    """A query of a partition's rows, which are in the table `EVENTS`.

    Attributes:
        query: The query; Spark has types for what it gives.
        zone: The time zone that it runs in.
        lookups: Other tables that it reads.
        memory_limit: Memory limit of a Python worker, in bytes: half of it is DuckDB's, half is for states.
        version: Of the driver's duckdb_sketch.
    """

    query: str
    zone: str
    lookups: Mapping[str, pyarrow.Table]
    memory_limit: int
    version: str

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that has the limits, and all tables but the events."""
        from pyspark import TaskContext

        require_version(self.version)
        task = TaskContext.get()
        with opened(self.zone) as connection:
            connection.execute(f"SET threads = {task.cpus() if task else 1}")
            connection.execute(f"SET memory_limit = '{self.memory_limit // 2}B'")
            for name, table in self.lookups.items():
                connection.register(name, table)
            yield connection

    def groups(self, connection: duckdb.DuckDBPyConnection) -> Batches:
        """Run the query."""
        yield from arrow_reader(connection.sql(self.query), _ROWS_A_BATCH)

    def groups_of(self, connection: duckdb.DuckDBPyConnection, rows: pyarrow.RecordBatchReader) -> Batches:
        """Run the query of these rows."""
        connection.register(EVENTS, rows)
        try:
            yield from self.groups(connection)
        finally:
            connection.unregister(EVENTS)


@dataclass(frozen=True)
class Aggregation:
    """Makes groups of a partition's events; of more events than fit, several times, so that a group comes again."""

    work: Work

    def __call__(self, batches: Batches) -> Batches:
        """Run it."""
        most = max(self.work.memory_limit // 2 // BYTES_OF_A_GROUP, 1)
        events, groups = 0, 0
        with self.work.opened() as connection:
            for first in batches:
                room = _Room(rows_of_batch(most, events, groups))
                for made in self.work.groups_of(connection, _reader(room.take(first, batches))):
                    groups += made.num_rows
                    yield made
                events += room.taken


@dataclass(frozen=True)
class Reading:
    """Makes groups of events that it reads itself; the partition's rows are numbers of what there is to read.

    Attributes:
        work: The query.
        scans: SQL of events.
    """

    work: Work
    scans: Sequence[str]

    def __call__(self, batches: Batches) -> Batches:
        """Run it."""
        with self.work.opened() as connection:
            for batch in batches:
                for number in batch.column(0).to_pylist():
                    connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {self.scans[number]}")
                    yield from self.work.groups(connection)


@dataclass(frozen=True)
class Merging:
    """Makes one row of each group of a partition that has all rows of its groups."""

    work: Work

    def __call__(self, batches: Batches) -> Batches:
        """Run it."""
        with self.work.opened() as connection:
            for first in batches:
                yield from self.work.groups_of(connection, _reader(chain([first], batches)))


@dataclass
class _Room:
    """How many rows may be taken, and how many have been."""

    rows: int
    taken: int = 0

    def take(self, first: pyarrow.RecordBatch, others: Batches) -> Batches:
        """The first batch, and others while there is room."""
        self.taken += first.num_rows
        yield first
        while self.taken < self.rows and (batch := next(others, None)) is not None:
            self.taken += batch.num_rows
            yield batch


def _reader(batches: Batches) -> pyarrow.RecordBatchReader:
    import pyarrow

    first = next(batches)
    return pyarrow.RecordBatchReader.from_batches(first.schema, chain([first], batches))
