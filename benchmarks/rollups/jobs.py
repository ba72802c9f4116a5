"""What is timed. Each job runs in a process of its own, and gives what it measured as a dict."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb

import duckdb_sketch
from benchmarks.resident import PeakMemory
from benchmarks.rollups import events
from benchmarks.scale import THREADS
from duckdb_sketch.rollup import Rollup

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, sum(price) AS revenue,
           hll_sketch_agg(user_id) AS users, approx_histogram_agg(price) AS prices
    FROM bids GROUP BY ALL
"""
_OF_RAW = (
    "count(*), hll_sketch_estimate(hll_sketch_agg(user_id)), "
    "approx_histogram_quantile(approx_histogram_agg(price), 0.5)"
)
_OF_HOURS = (
    "sum(bids), hll_sketch_estimate(hll_union_agg(users)), "
    "approx_histogram_quantile(approx_histogram_union_agg(prices), 0.5)"
)


def group_by(folder: Path, database: Path) -> dict[str, Any]:
    """The bare statement, into a table of a new database."""
    remove(database)
    memory = PeakMemory([os.getpid()])
    with duckdb_sketch.connect(database) as connection:
        configure(connection)
        start = perf_counter()
        connection.execute(f"CREATE TABLE hourly AS {_over(folder)}")
        return _timed(start, memory, groups=count(connection, "hourly"))


def refresh(folder: Path, database: Path, memory_limit: str | None) -> dict[str, Any]:
    """A refresh into a new database."""
    remove(database)
    memory = PeakMemory([os.getpid()])
    with _rollup(folder, database, memory_limit) as rollup:
        start = perf_counter()
        refreshed = rollup.refresh()
        return _timed(start, memory, batches=len(refreshed.batches), groups=count(rollup.connection, "hourly"))


def refresh_again(folder: Path, database: Path, runs: int) -> dict[str, Any]:
    """A refresh that finds nothing new, in this process, and by the command line with all that starting takes."""
    with _rollup(folder, database, None) as rollup:
        rollup.refresh()
        seconds = min(seconds_of(rollup.refresh) for _ in range(runs))
        files = rollup.status()[0].files
    statement = database.with_suffix(".sql")
    statement.write_text(STATEMENT)
    command = [sys.executable, "-m", "duckdb_sketch", "rollup", "refresh", str(statement)]
    command += ["--name", "hourly", "--source", f"bids={folder}/*.parquet", "--database", str(database)]

    def run_command() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return {"seconds": seconds, "command_seconds": min(seconds_of(run_command) for _ in range(runs)), "files": files}


def late_file(folder: Path, database: Path, rows: int, total: int, days: float, publishers: int) -> dict[str, Any]:
    """One file more, of an hour in the middle that exists already, into a rollup that has everything else."""
    microseconds = days * 86_400e6 / total
    first = total // 2
    file = folder / f"late-{rows}.parquet"
    with duckdb.connect() as connection:
        events.write(connection, file, first, first + rows, microseconds, publishers)
    try:
        with _rollup(folder, database, None) as rollup:
            start = perf_counter()
            refreshed = rollup.refresh()
            seconds = perf_counter() - start
            return {"seconds": seconds, "rows": refreshed.rows, "groups": count(rollup.connection, "hourly")}
    finally:
        file.unlink()


def months(folder: Path, database: Path, runs: int) -> dict[str, Any]:
    """Uniques and the median of each month: from the raw rows, and from the hours."""
    with _rollup(folder, database, None) as rollup:
        rollup.refresh()
        connection = rollup.connection
        raw = f"SELECT date_trunc('month', ts) AS month, {_OF_RAW} FROM read_parquet('{folder}/*.parquet') GROUP BY ALL"
        hours = f"SELECT date_trunc('month', hour) AS month, {_OF_HOURS} FROM hourly GROUP BY ALL"
        seconds = {
            name: min(seconds_of(connection.execute, sql) for _ in range(runs)) for name, sql in _both(raw, hours)
        }
        return {"raw_seconds": seconds["raw"], "seconds": seconds["hours"], "groups": count(connection, "hourly")}


def _both(raw: str, hours: str) -> list[tuple[str, str]]:
    # Materialized, so that the time has everything in it.
    return [(name, f"CREATE OR REPLACE TEMP TABLE answer AS {sql}") for name, sql in (("raw", raw), ("hours", hours))]


def _rollup(folder: Path, database: Path, memory_limit: str | None) -> Rollup:
    rollup = Rollup.from_sql(
        STATEMENT,
        name="hourly",
        sources={"bids": f"{folder}/*.parquet"},
        database=database,
        memory_limit=memory_limit,
    )
    configure(rollup.connection)
    return rollup


def configure(connection: duckdb.DuckDBPyConnection) -> None:
    """Settings that are the same for all that is compared."""
    connection.execute(f"SET threads = {THREADS}")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")


def _over(folder: Path) -> str:
    return STATEMENT.replace("FROM bids", f"FROM read_parquet('{folder}/*.parquet') AS bids")


def _timed(start: float, memory: PeakMemory, **more: Any) -> dict[str, Any]:
    return {"seconds": perf_counter() - start, "peak_bytes": memory.growth(), **more}


def seconds_of(action: Callable[..., object], *arguments: Any) -> float:
    """How long a call takes."""
    start = perf_counter()
    action(*arguments)
    return perf_counter() - start


def times_of(action: Callable[..., object], *arguments: Any) -> tuple[float, float]:
    """How long a call takes, and the processor time that all threads of this process use for it, in seconds.

    The second is the one to look at where other work keeps the machine busy.
    """
    start, used = perf_counter(), process_time()
    action(*arguments)
    return perf_counter() - start, process_time() - used


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """The rows of a table."""
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def remove(database: Path) -> None:
    """Remove a database, and its log."""
    for file in (database, database.with_name(f"{database.name}.wal")):
        file.unlink(missing_ok=True)
