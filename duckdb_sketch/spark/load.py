"""Loading what a cluster made into a rollup's table, each batch once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from duckdb_sketch.rollup.engines.duckdb_engine import DuckDBEngine, counted
from duckdb_sketch.rollup.engines.engine import Groups, Limits
from duckdb_sketch.rollup.engines.given import merged
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.pipeline.progress import Progress, Refreshed
from duckdb_sketch.rollup.pipeline.refresh import OnChange
from duckdb_sketch.rollup.rollup import Rollup
from duckdb_sketch.rollup.sources.data import registered
from duckdb_sketch.rollup.sources.events import Events
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import check_columns
from duckdb_sketch.rollup.sources.plan import Plan
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.table import Table
from duckdb_sketch.spark.errors import require_pyspark, running
from duckdb_sketch.spark.files import Files
from duckdb_sketch.spark.frame import Frame
from duckdb_sketch.spark.job import MEMORY_LIMIT, Job, SparkEvents

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]
    from pyspark.sql import DataFrame, SparkSession

_MADE = "duckdb_sketch_made_by_spark"


def append(
    rollup: Rollup, events: DataFrame, *, batch_id: str, levels: bool = True, memory_limit: str = MEMORY_LIMIT
) -> Refreshed:
    """Count a Spark DataFrame into a rollup, once for each `batch_id`: aggregated on the cluster, merged here.

    The groups go through the driver: `spark.driver.maxResultSize` has to have room for them.

    Args:
        rollup: The rollup; its lookup tables go to every executor.
        events: The events.
        batch_id: Your name for them. Events of an id that was counted before are not counted again.
        levels: As for `Rollup.refresh`.
        memory_limit: As for `rollup`.

    Returns:
        What was counted; no batch if the id was known.

    Raises:
        SparkError: If the job failed.
        SourceError: If the events have other columns than those before.
    """
    require_pyspark()
    return _append(rollup, events, batch_id, levels, memory_limit, lambda job: job.groups)


def append_partial(
    rollup: Rollup, events: DataFrame, *, batch_id: str, levels: bool = True, memory_limit: str = MEMORY_LIMIT
) -> Refreshed:
    """As `append`, of few events: nothing is shuffled, and it is here that the groups of all partitions merge."""
    return _append(rollup, events, batch_id, levels, memory_limit, lambda job: job.partial)


def refresh(
    spark: SparkSession,
    rollup: Rollup,
    *,
    on_change: OnChange = "error",
    levels: bool = True,
    memory_limit: str = MEMORY_LIMIT,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Refreshed:
    """Count the files that a rollup has not counted, as `Rollup.refresh` does, on a cluster.

    The files are those of the rollup's source, under paths that this process and all executors read; they are in the
    ledger, so that refreshes of both kinds may follow each other in any order. What is new is one batch, or one for
    each kind of file. DuckDB reads them where it aggregates them; what URLs stand for, which has to be Parquet, Spark
    reads.

    Args:
        spark: The session.
        rollup: The rollup.
        on_change: As for `Rollup.refresh`. Changed files are rebuilt by this process.
        levels: As for `Rollup.refresh`.
        memory_limit: As for `rollup`.
        progress: As for `Rollup.refresh`.

    Returns:
        What was counted.

    Raises:
        SparkError: If the job failed.
        RollupError: As `Rollup.refresh` does.
    """
    require_pyspark()
    engine = Cluster(spark, rollup, memory_limit)
    return rollup.refresh(on_change=on_change, levels=levels, progress=progress, engine=engine)


def _append(
    rollup: Rollup,
    events: DataFrame,
    batch_id: str,
    levels: bool,
    memory_limit: str,
    result: Callable[[Job], DataFrame],
) -> Refreshed:
    if rollup.has_batch(batch_id):  # or the job would run for nothing
        return Refreshed(rollup.name, watermark=rollup.status()[0].watermark)
    with running():
        frame = Frame(rollup.specification, events)
        job = Job(rollup.specification, frame, rollup.lookups(), rollup.time_zone, memory_limit)
        groups = result(job).toArrow()
    return rollup.append_groups(groups, events=frame.sample, batch_id=batch_id, levels=levels)


class Cluster:
    """Spark as an engine: aggregates a rollup's files on a cluster."""

    def __init__(self, spark: SparkSession, rollup: Rollup, memory_limit: str) -> None:
        self._spark = spark
        self._rollup = rollup
        self._memory_limit = memory_limit

    @contextmanager
    def groups(self, events: Events, table: Table, limits: Limits) -> Iterator[Groups]:
        """The groups of a batch of files; see `Engine`.

        What each file holds is said by its footer. Of text, and where footers do not say it, this process reads the
        event times.
        """
        files = [file for file in events.slices if isinstance(file, File)]
        made = registered(events.connection, _MADE, self._aggregate(files, events.types, events.plan))
        with made, merged(events.connection, _MADE, table) as groups:
            extents = DuckDBEngine(self._rollup.specification).extents(events, table, limits)
            yield Groups(groups, counted(events, extents))

    def _aggregate(self, files: Sequence[File], types: Mapping[str, str], plan: Plan | None = None) -> pyarrow.Table:
        rollup = self._rollup
        with running():
            job = Job(
                rollup.specification,
                self._events(files, plan),
                rollup.lookups(),
                rollup.time_zone,
                self._memory_limit,
            )
            check_columns("the files in Spark", job.types, rollup.specification.references, types)
            return job.groups.toArrow()

    def _events(self, files: Sequence[File], plan: Plan | None = None) -> SparkEvents:
        specification = self._rollup.specification
        if not any(is_url(file.path) for file in files):
            return Files(self._spark, specification, files, plan)
        for file in files:  # of which Spark knows how to get at them
            if file.reader != "read_parquet":
                raise SourceError(f"{file.path} is not Parquet: Spark and DuckDB may take its columns for other types")
        return Frame(specification, self._spark.read.parquet(*[_pattern(file) for file in files]))


def _pattern(file: File) -> str:
    """A path as Spark takes it, to which some characters in a name are a pattern."""
    return re.sub(r"([\\*?{}\[\]])", r"\\\1", file.path)
