"""Events in a DataFrame of Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.specification.specification import EVENTS, Specification
from duckdb_sketch.spark.column import spark_identifier
from duckdb_sketch.spark.work import Aggregation, Work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Frame:
    """Rows that Spark reads, and hands to DuckDB.

    Attributes:
        sample: The columns that the statement may use, as an Arrow table without rows.
    """

    def __init__(self, specification: Specification, rows: DataFrame) -> None:
        """A frame of Spark as events.

        Args:
            specification: The statement.
            rows: The rows.

        Raises:
            SourceError: If they are a stream.
        """
        if rows.isStreaming:
            raise SourceError("the events are a stream: give duckdb_sketch.spark.Sink(…) to writeStream.foreachBatch")
        used = [spark_identifier(name) for name in rows.columns if specification.may_use(name)]
        self._rows = rows.select(*used)
        self.sample = self._rows.limit(0).toArrow()

    def show(self, connection: duckdb.DuckDBPyConnection) -> None:
        """See `SparkEvents`."""
        connection.register(EVENTS, self.sample)

    def aggregated(self, work: Work, schema: str) -> DataFrame:
        """See `SparkEvents`."""
        return self._rows.mapInArrow(Aggregation(work), schema)
