"""Events in files that executors read with DuckDB, so that no row goes through Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from duckdb_sketch.rollup.memory import BYTES_OF_A_GROUP
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.file_source import FileSource
from duckdb_sketch.rollup.sources.files import FILE, count_rows
from duckdb_sketch.rollup.sources.plan import Plan
from duckdb_sketch.rollup.specification.specification import EVENTS, Specification
from duckdb_sketch.spark.split import split
from duckdb_sketch.spark.work import Reading, Work
from duckdb_sketch.spark.worker import opened

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_LEAST = 500_000  # rows of a split: fewer are not worth a task
_TASKS_A_CORE = 3  # so that none waits long for the last one


class Files:
    """Local files, or on a disk that the driver and all executors have under the same path."""

    def __init__(
        self,
        spark: SparkSession,
        specification: Specification,
        files: Sequence[File],
        plan: Plan | None = None,
    ) -> None:
        """Files of a source, to be read by executors.

        Args:
            spark: The session.
            specification: The statement.
            files: The files.
            plan: How they are read; None to find out, for plain paths.

        Raises:
            SourceError: If a file cannot be read, lacks a column, or has it in another type. The error names the file.
        """
        self._spark = spark
        self._files = files
        self._plan = plan or plan_of(specification, files)

    def show(self, connection: duckdb.DuckDBPyConnection) -> None:
        """See `SparkEvents`."""
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {_without_file(self._plan.sql(self._files))}")

    def aggregated(self, work: Work, schema: str) -> DataFrame:
        """See `SparkEvents`."""
        tasks = _TASKS_A_CORE * self._spark.sparkContext.defaultParallelism
        with opened() as connection:
            rows = count_rows(connection, self._files)
            most = min(max(sum(rows.values()) // tasks, _LEAST), work.memory_limit // 2 // BYTES_OF_A_GROUP)
            splits = split(connection, self._files, rows, max(most, 1))
        scans = [_without_file(one.sql(self._plan)) for one in splits]
        return self._spark.range(0, len(scans), 1, len(scans)).mapInArrow(Reading(work, scans), schema)


def plan_of(specification: Specification, files: Sequence[File]) -> Plan:
    """How files are read, as in a refresh by one process."""
    with opened() as connection:
        source = FileSource(connection, specification, Declaration(tuple(file.path for file in files)))
        with source.events(files, {}) as events:
            assert events.plan is not None  # of files
            return events.plan


def _without_file(rows: str) -> str:
    return f"SELECT * EXCLUDE ({FILE}) FROM ({rows})"
