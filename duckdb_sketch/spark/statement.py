"""A rollup file on a cluster, as a Spark DataFrame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb_sketch._arrow import arrow_table
from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.listing import find
from duckdb_sketch.rollup.sources.lookups import provide
from duckdb_sketch.rollup.sources.url import is_url, local_path
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.rollup.specification.statement_file import read_statement
from duckdb_sketch.spark.errors import require_pyspark
from duckdb_sketch.spark.files import Files
from duckdb_sketch.spark.frame import Frame
from duckdb_sketch.spark.job import MEMORY_LIMIT, Job, SparkEvents
from duckdb_sketch.spark.worker import opened

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]
    from pyspark.sql import DataFrame, SparkSession


def rollup(
    spark: SparkSession,
    statement: str | Path,
    sources: Mapping[str, Any],
    *,
    time_zone: str | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> DataFrame:
    """Roll up events on a cluster, with the statement of a rollup on one machine.

    No row of the events is shuffled, only groups. Nothing runs before Spark is asked for the result.

    Args:
        spark: The session.
        statement: One SELECT … GROUP BY ALL, or the path of a file with one.
        sources: What the tables in it stand for: of the events a DataFrame of Spark, or files, by paths with `*`, `?`,
            `[…]` and `**` under which the driver and all executors find them: DuckDB reads them where they are
            aggregated, several times as fast. Lookup tables, which go to every executor, may also be whatever DuckDB
            scans.
        time_zone: In which timestamps with a time zone (Spark's TIMESTAMP) are truncated, such as `Europe/Berlin`; it
            does not depend on Spark's session. Those without one (TIMESTAMP_NTZ) are truncated as they stand.
        memory_limit: Memory limit of a Python worker, in addition to the executor's own memory.

    Returns:
        The statement's columns, one row per group. HLL sketches are those of a single machine, byte for byte. Sums of
        whole numbers, HUGEINT in DuckDB, are DECIMAL(38, 0).

    Raises:
        SpecificationError: If the statement cannot be rolled up, or not over these columns.
        SourceError: If a table is not given, there is no such file, or one has other columns than the others.
    """
    require_pyspark()
    text, _ = read_statement(statement)
    specification = Specification.parse(text)
    for name in (specification.source, *specification.lookups):
        if name not in sources:
            raise SourceError(
                f"the source {name} is not declared: give sources={{'{name}': …}}, a DataFrame of Spark or files"
            )
    events = _events(spark, specification, sources[specification.source])
    lookups = {name: _lookup(name, sources[name]) for name in specification.lookups}
    job = Job(specification, events, lookups, time_zone, memory_limit)
    return job.groups.select(*job.columns)


def _events(spark: SparkSession, specification: Specification, data: Any) -> SparkEvents:
    if hasattr(data, "mapInArrow"):
        return Frame(specification, data)
    patterns = [data] if isinstance(data, (str, Path)) else data
    if not isinstance(patterns, (list, tuple)) or any(_is_remote(pattern) for pattern in patterns):
        what = f"the URL {data}" if isinstance(data, str) else f"a {type(data).__name__}"
        raise SourceError(
            f"the source {specification.source} is {what}: give paths of files, or a DataFrame of Spark, such as "
            "spark.read.parquet(…)"
        )
    with opened() as connection:
        files = find(connection, [str(pattern) for pattern in patterns]).files
    return Files(spark, specification, files)


def _is_remote(pattern: str | Path) -> bool:
    return is_url(pattern) and local_path(str(pattern)) is None


def _lookup(name: str, data: Any) -> pyarrow.Table:
    if hasattr(data, "mapInArrow"):
        return data.toArrow()
    with opened() as connection:
        provide(connection, {name: data})
        return arrow_table(connection.table(identifier(name)))
