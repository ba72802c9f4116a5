"""Events in files that executors read with DuckDB, so that no row goes through Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.memory import BYTES_OF_A_GROUP
from duckdb_sketch.rollup.query import describe
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.file_source import FileSource
from duckdb_sketch.rollup.sources.files import FILE, by_reader, check_types, count_rows, scan_all
from duckdb_sketch.rollup.specification.specification import EVENTS, Specification
from duckdb_sketch.spark.split import split
from duckdb_sketch.spark.work import Reading, Work
from duckdb_sketch.spark.worker import opened

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_LEAST = 500_000  # rows of a split: fewer are not worth a task
_TASKS_A_CORE = 3  # so that none waits long for the last one


def _types_of_text(
    connection: duckdb.DuckDBPyConnection, specification: Specification, files: Sequence[File]
) -> dict[str, str]:
    """The types that all values of text files show. DuckDB's readers look at a sample, and would round the rest."""
    types: dict[str, str] = {}
    source = FileSource(connection, specification, Declaration(tuple(file.path for file in files)))
    for some in by_reader(files):
        if some[0].reader != "read_parquet":
            with source.events(some, types) as events:
                types |= events.types
    return types


class Files:
    """Local files, or on a disk that the driver and all executors have under the same path."""

    def __init__(
        self,
        spark: SparkSession,
        specification: Specification,
        files: Sequence[File],
        known: Mapping[str, str] | None = None,
    ) -> None:
        """Args follow.

        Args:
            spark: The session.
            specification: The statement.
            files: The files.
            known: The types of the columns that the statement uses, if files were counted before.

        Raises:
            SourceError: If a file cannot be read, lacks a column, or has it in another type. The error names the file.
        """
        self._spark = spark
        self._files = files
        with opened() as connection:
            known = known or _types_of_text(connection, specification, files)
            self._known = check_types(connection, files, specification.references, known)
            columns = describe(connection, f"SELECT * FROM ({scan_all(files, self._known)})")
        # Of two files one may have a wider type.
        self._types = {name: kind for name, kind in columns.items() if specification.may_use(name) and name != FILE}

    def show(self, connection: duckdb.DuckDBPyConnection) -> None:
        """See `SparkEvents`."""
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {self._typed(scan_all(self._files, self._known))}")

    def aggregated(self, work: Work, schema: str) -> DataFrame:
        """See `SparkEvents`."""
        tasks = _TASKS_A_CORE * self._spark.sparkContext.defaultParallelism
        with opened() as connection:
            rows = count_rows(connection, self._files)
            most = min(max(sum(rows.values()) // tasks, _LEAST), work.memory_limit // 2 // BYTES_OF_A_GROUP)
            splits = split(connection, self._files, rows, max(most, 1))
        scans = [self._typed(one.sql(self._known)) for one in splits]
        return self._spark.range(0, len(scans), 1, len(scans)).mapInArrow(Reading(work, scans), schema)

    def _typed(self, rows: str) -> str:
        columns = ", ".join(
            f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}" for name, kind in self._types.items()
        )
        return f"SELECT {columns} FROM ({rows})"
