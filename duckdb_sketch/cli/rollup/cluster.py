"""A Spark cluster, as the command line gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.progress import tasks_done
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.rollup import Refreshed, Rollup
from duckdb_sketch.rollup.pipeline.refresh import OnChange

EngineName = Literal["duckdb", "spark"]


@dataclass(frozen=True)
class Cluster:
    """Where Spark runs, and how.

    Attributes:
        master: As for spark-submit; None as Spark is configured.
        conf: Settings of Spark.
        worker_memory: DuckDB's memory limit in each Python worker, such as `1GB`.
    """

    master: str | None
    conf: Mapping[str, str]
    worker_memory: str

    def refresh(self, rollup: Rollup, output: Output, on_change: OnChange, levels: bool) -> Refreshed:
        """Refresh a rollup, with Spark as the engine."""
        from duckdb_sketch import spark  # only here: PySpark is an extra
        from duckdb_sketch.cli.rollup.spark_session import spark_session
        from duckdb_sketch.spark.tasks import watched

        with (
            spark_session(self.master, self.conf, quiet=output.json) as session,
            tasks_done(output) as tell,
            watched(session, tell),
        ):
            return spark.refresh(session, rollup, on_change=on_change, levels=levels, memory_limit=self.worker_memory)


def cluster_of(
    engine: EngineName, master: str | None, conf: Sequence[str], worker_memory: str | None
) -> Cluster | None:
    """The cluster of some options; None if the engine is DuckDB.

    Raises:
        InvalidInputError: If the engine is DuckDB and an option is for Spark, or a setting is not `KEY=VALUE`.
    """
    if engine == "duckdb":
        for option, given in (("--master", master), ("--conf", conf), ("--worker-memory", worker_memory)):
            if given:
                raise InvalidInputError(f"{option} is for Spark: add --engine spark, or leave it out")
        return None
    settings = {}
    for text in conf:
        key, separator, value = text.partition("=")
        if not separator:
            raise InvalidInputError(f"--conf {text}: write KEY=VALUE, such as spark.executor.memory=4g")
        settings[key.strip()] = value
    return Cluster(master, settings, worker_memory or "1GB")
