"""A rollup's statement over events on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import duckdb

from duckdb_sketch._version import __version__
from duckdb_sketch.rollup.engines.binding import bind
from duckdb_sketch.rollup.memory import parse_bytes
from duckdb_sketch.rollup.query import describe
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.specification.codec import SPARK
from duckdb_sketch.rollup.specification.specification import EVENTS, Specification
from duckdb_sketch.rollup.specification.table import LATEST, ROWS
from duckdb_sketch.spark.column import schema, spark_identifier
from duckdb_sketch.spark.work import Merging, Work
from duckdb_sketch.spark.worker import opened

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]
    from pyspark.sql import DataFrame

#: What a Python worker may use unless it is told otherwise.
MEMORY_LIMIT = "1GB"

_SHOWN = "duckdb_sketch_shown"


class SparkEvents(Protocol):
    """Where the events of a job are."""

    def show(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the table `EVENTS` in a connection of the driver, if only with the columns that they have."""

    def aggregated(self, work: Work, schema: str) -> DataFrame:
        """The groups that a query makes of them on the cluster; a group may come in several rows.

        Args:
            work: The query.
            schema: Spark's schema of what it gives, as DDL.
        """


class Job:
    """Groups of events, made on a cluster.

    DuckDB aggregates each partition where it is, and so only groups are shuffled; of a partition that was shuffled,
    which has all rows of its groups, DuckDB merges the states. Both run in `mapInArrow`, one call a partition.

    Attributes:
        types: The columns of the events that the statement may use, and their types in DuckDB.
    """

    def __init__(
        self,
        specification: Specification,
        events: SparkEvents,
        lookups: Mapping[str, pyarrow.Table],
        zone: str | None,
        memory_limit: str = MEMORY_LIMIT,
    ) -> None:
        """A job on a cluster.

        Args:
            specification: The statement.
            events: Its events.
            lookups: Its other tables.
            zone: In which TIMESTAMPTZ are truncated; None if that is not said.
            memory_limit: Memory limit of a Python worker, such as `2GB`.

        Raises:
            SpecificationError: If DuckDB does not take the statement over these columns, or no zone is said and it is
                needed.
        """
        self._events = events
        self._zone = zone or "UTC"
        self._lookups = dict(lookups)
        self._memory_limit = parse_bytes(memory_limit)
        with opened(self._zone) as connection:
            events.show(connection)
            for name, table in self._lookups.items():
                connection.register(name, table)
            self.types = describe(connection, f"SELECT * FROM {EVENTS}")
            self._specification = specification.typed(self.types)  # times in nanoseconds are truncated, not rounded
            self._bind(connection, zone)

    def _bind(self, connection: duckdb.DuckDBPyConnection, zone: str | None) -> None:
        specification = self._specification
        extra = (f"count(*) AS {ROWS}", f"max({specification.event()}) AS {LATEST}")
        # A table of its own name, since a query of EVENTS cannot be made of EVENTS.
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {_SHOWN} AS SELECT * FROM {EVENTS}")
        shown = Events(connection, f"SELECT * FROM {_SHOWN}", {}, (), lambda: specification.source)
        self._table = bind(specification, specification.source, zone, shown)
        self._statement = specification.aggregate(extra)
        self._types = describe(connection, self._statement)

    @property
    def partial(self) -> DataFrame:
        """The groups of each partition by itself, so that a group may come in several rows."""
        work = self._work(f"SELECT {SPARK.stored(self._types)} FROM ({self._statement})", self._lookups)
        return self._events.aggregated(work, schema(self._types))

    @property
    def merging(self) -> Merging:
        """What merges a partition that has all rows of its groups."""
        totals = f", CAST(sum({ROWS}) AS BIGINT) AS {ROWS}, max({LATEST}) AS {LATEST}"
        merged = f"{self._table.merged(totals)} FROM (SELECT {SPARK.restored(self._types)} FROM {EVENTS}) GROUP BY ALL"
        return Merging(self._work(f"SELECT {SPARK.stored(self._types)} FROM ({merged})", {}))

    @property
    def groups(self) -> DataFrame:
        """One row per group: the statement's columns, then `ROWS` and `LATEST`."""
        partial = self.partial
        names = [spark_identifier(name) for name in (self._table.time, *self._table.dimensions)]
        # No number of partitions: adaptive execution then makes as many as the groups need.
        shuffled = partial.repartition(*[partial[name] for name in names])
        return shuffled.mapInArrow(self.merging, schema(self._types))

    @property
    def columns(self) -> list[str]:
        """The statement's columns, as Spark's identifiers."""
        return [spark_identifier(name) for name in self._table.types]

    def _work(self, query: str, lookups: Mapping[str, pyarrow.Table]) -> Work:
        return Work(query, self._zone, lookups, self._memory_limit, __version__)
