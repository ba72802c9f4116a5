"""What is timed: each job is a Spark DataFrame, whose rows go nowhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from benchmarks.cpu_time import cpu_seconds
from benchmarks.scale import THREADS
from duckdb_sketch.rollup import Specification
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.spark.files import Files
from duckdb_sketch.spark.frame import Frame
from duckdb_sketch.spark.job import Job

#: By what is grouped: columns besides the hour.
GROUPS = {"an hour": "", "an hour and publisher": "publisher, "}
_OURS = """
    SELECT date_trunc('hour', ts) AS hour, {by}count(*) AS bids, sum(price) AS revenue,
           hll_sketch_agg(user_id) AS users, approx_histogram_agg(price) AS prices
    FROM bids GROUP BY ALL
"""
_SPARKS = """
    SELECT date_trunc('hour', ts) AS hour, {by}count(*) AS bids, sum(price) AS revenue,
           hll_sketch_agg(user_id) AS users, approx_percentile(price, 0.5) AS median
    FROM bids GROUP BY ALL
"""
_USERS = "SELECT date_trunc('hour', ts) AS hour, {by}hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL"


def ours(events: Any, by: str) -> Any:
    """The rollup: files read and aggregated by DuckDB, groups shuffled, merged by DuckDB in `mapInArrow`."""
    specification = Specification.parse(_OURS.format(by=by))
    files = [File.at(path.removeprefix("file://")) for path in events.inputFiles()]
    return Job(specification, Files(events.sparkSession, specification, sorted(files, key=str)), {}, None).groups


def ours_of_rows(events: Any, by: str) -> Any:
    """The rollup of a DataFrame: Spark reads, and hands each row to DuckDB."""
    return _job(events, _OURS.format(by=by)).groups


def sparks(events: Any, by: str) -> Any:
    """Spark's `hll_sketch_agg` and `approx_percentile`."""
    events.createOrReplaceTempView("bids")
    return events.sparkSession.sql(_SPARKS.format(by=by))


def merged_by_group(events: Any, by: str) -> Any:
    """The rollup, but merged by `applyInArrow`, which is called once a group."""
    import pyarrow

    job = _job(events, _OURS.format(by=by))
    merging = job.merging

    def merge(group: pyarrow.Table) -> pyarrow.Table:
        return pyarrow.Table.from_batches(list(merging(iter(group.to_batches()))))

    keys = ["hour", *filter(None, [by.strip(", ")])]
    return job.partial.groupBy(*keys).applyInArrow(merge, job.groups.schema)


def users(events: Any, by: str) -> Any:
    """A rollup of distinct counts alone."""
    return _job(events, _USERS.format(by=by)).groups


def users_united_by_spark(events: Any, by: str) -> Any:
    """The same, merged by Spark's `hll_union_agg`."""
    partial = _job(events, _USERS.format(by=by)).partial
    partial.createOrReplaceTempView("partial")
    query = f"SELECT hour, {by}hll_union_agg(users) AS users FROM partial GROUP BY ALL"
    return events.sparkSession.sql(query)


JOBS: dict[str, Callable[[Any, str], Any]] = {"ours": ours, "ours_of_rows": ours_of_rows, "sparks": sparks}
WAYS_TO_MERGE: dict[str, Callable[[Any, str], Any]] = {
    "ours_of_rows": ours_of_rows,
    "merged_by_group": merged_by_group,
    "users": users,
    "users_united_by_spark": users_united_by_spark,
}


def _job(events: Any, statement: str) -> Job:
    specification = Specification.parse(statement)
    return Job(specification, Frame(specification, events), {}, None)


def groups(paths: list[str], by: str) -> int:
    """How many groups the files have."""
    query = f"SELECT DISTINCT date_trunc('hour', ts), {by}0 FROM read_parquet($1)"
    return int(duckdb.execute(f"SELECT count(*) FROM ({query})", [paths]).fetchall()[0][0])


@contextmanager
def session(folder: Path) -> Iterator[Any]:
    """A session on this machine, with as many threads as the other benchmarks have."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{THREADS}]").appName("benchmarks")
    options = {
        "spark.driver.memory": "6g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder / "spill"),
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()


def measure(spark: Any, frame: Any) -> dict[str, float]:
    """Run a job: its time, that of processors, and how much it shuffled."""
    before, used = _shuffled(spark), cpu_seconds(_processes(spark))
    start = perf_counter()
    frame.write.format("noop").mode("overwrite").save()
    seconds = perf_counter() - start
    used = cpu_seconds(_processes(spark)) - used
    rows, size = (after - earlier for after, earlier in zip(_shuffled(spark), before, strict=True))
    return {"seconds": seconds, "cpu_seconds": used, "shuffled_rows": rows, "shuffled_bytes": size}


def _processes(spark: Any) -> list[int]:
    """Spark's own process, and those of its Python workers, which stay from job to job."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it is over
            continue
    found = [spark.sparkContext._gateway.proc.pid]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def _shuffled(spark: Any) -> tuple[int, int]:
    """Rows and bytes that all stages so far have written for a shuffle."""
    context = spark.sparkContext
    nothing = context._gateway.new_array(context._jvm.double, 0)
    stages = context._jsc.sc().statusStore().stageList(None, False, False, nothing, None)
    found = [stages.apply(i) for i in range(stages.size())]
    return sum(stage.shuffleWriteRecords() for stage in found), sum(stage.shuffleWriteBytes() for stage in found)
