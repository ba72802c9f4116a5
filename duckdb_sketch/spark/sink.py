"""Structured Streaming: micro-batches into a rollup, each once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb_sketch.rollup.pipeline.progress import Refreshed
from duckdb_sketch.rollup.rollup import Rollup
from duckdb_sketch.spark.errors import SparkError
from duckdb_sketch.spark.job import MEMORY_LIMIT
from duckdb_sketch.spark.load import append_partial

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_QUERY = "sql.streaming.queryId"  # where Spark has the id that is in the query's checkpoint


class Sink:
    """What `DataStreamWriter.foreachBatch` calls: appends each micro-batch of a stream to a rollup.

    A batch's key is the id that the query's checkpoint has, and the number of the batch. Spark gives a batch that it
    did not see the end of again, with the same rows and number, and then it is known. Another checkpoint is another
    query, whose batches are new.

    >>> from duckdb_sketch.spark import Sink
    >>> sink = Sink("bids_hourly.sql", database="rollups.duckdb", allowed_lateness="2 hours")
    >>> bids.writeStream.foreachBatch(sink).option("checkpointLocation", "…").start()  # doctest: +SKIP

    The database is open while a batch is merged, and closed between.
    """

    def __init__(
        self,
        statement: str | Path,
        *,
        database: str | Path,
        memory_limit: str = MEMORY_LIMIT,
        counted: Callable[[Refreshed], None] = lambda _: None,
        **options: Any,
    ) -> None:
        """A sink for Structured Streaming.

        Args:
            statement: One SELECT … GROUP BY ALL, or the path of a file with one.
            database: The database file that the rollup is kept in, on the driver's machine.
            memory_limit: Memory limit of a Python worker.
            counted: Is told what each batch was.
            **options: As for `Rollup.from_sql`: `name`, `time_zone`, `allowed_lateness`, `late`, `wait`, and `sources`
                for lookup tables.
        """
        self._statement = statement
        self._database = database
        self._memory_limit = memory_limit
        self._counted = counted
        self._options = options

    def __call__(self, events: DataFrame, batch: int) -> None:
        """Append a micro-batch, if it has not been appended.

        Raises:
            SparkError: If it is not a streaming query that calls.
            RollupError: If the batch cannot be counted; nothing of it was.
        """
        query = events.sparkSession.sparkContext.getLocalProperty(_QUERY)
        if not query:
            raise SparkError("this is not a streaming query: give the sink to writeStream.foreachBatch")
        with Rollup.from_sql(self._statement, database=self._database, **self._options) as rollup:
            key = f"{query}/{batch}"
            refreshed = append_partial(rollup, events, batch_id=key, memory_limit=self._memory_limit)
        self._counted(refreshed)
