"""Late files: each touches a thousand groups of a table that has been checkpointed."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

import duckdb_sketch
from benchmarks.rollups.jobs import configure, count, remove, times_of
from duckdb_sketch.rollup import Rollup
from duckdb_sketch.rollup.pipeline import refresh

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, count(price) AS priced,
           hll_sketch_agg(user_id, 12) AS users, approx_histogram_agg(price, 50) AS prices
    FROM bids GROUP BY ALL
"""
PUBLISHERS = 1_000
START = "TIMESTAMP '2024-01-01'"
_TOUCHED = 1_000
_ROWS = 100_000
_FILES_A_CHECKPOINT = 10
# A group's sketch has its 2 kB from that many users, and its histogram its 0.5 kB. A million groups of them would be
# 5 billion events, so the groups are made of a few.
_EVENTS_A_GROUP = 5_000
_KINDS = 50
_OWN_EVENTS = 8
_HOURS_AT_ONCE = 50
_KIND = f"""
    SELECT kind, count(*) AS bids, count(price) AS priced, hll_sketch_agg(user_id, 12) AS users,
        approx_histogram_agg(price, 50) AS prices
    FROM (SELECT i % {_KINDS} AS kind, hash(i) AS user_id, exp((hash(i * 13) % 10_000) / 2_000.0) AS price
          FROM range({_KINDS * _EVENTS_A_GROUP}) AS t(i))
    GROUP BY kind
"""


def make_table(database: Path, hours: int) -> None:
    """Make the rollup: `hours` times `PUBLISHERS` groups, checkpointed.

    The last hour is counted; the others are put into its table, some at a time, because nothing but the table's size
    and bytes matters here.
    """
    if database.exists():
        return
    partial = database.with_suffix(".partial")
    remove(partial)
    with duckdb_sketch.connect() as source, _rollup(partial, database.parent) as rollup:
        columns = f"{START} AS ts, 0 AS publisher, 0::BIGINT AS user_id, 0.0::DOUBLE AS price"
        events = source.sql(f"SELECT {columns}").to_arrow_table()
        source.execute(f"CREATE TABLE kinds AS {_KIND}")
        last = source.sql(_groups(hours - 1, hours)).to_arrow_table()
        rollup.append_groups(last, events=events, batch_id="the last hour")
        connection = rollup.connection
        connection.execute(f"CREATE TEMPORARY TABLE kinds AS {_KIND}")
        for first in range(0, hours - 1, _HOURS_AT_ONCE):
            groups = _groups(first, min(first + _HOURS_AT_ONCE, hours - 1))
            connection.execute(f"INSERT INTO hourly BY NAME {groups}")
        connection.execute("CHECKPOINT")
    partial.rename(database)


def _groups(first: int, last: int) -> str:
    """The groups of some hours: copies of a few, each united with events of its own, as equal ones take no room."""
    return f"""
        WITH own AS (
            SELECT i // {_OWN_EVENTS} AS g, hll_sketch_agg(hash(i), 12) AS users,
                approx_histogram_agg(exp((hash(i * 13) % 10_000) / 2_000.0), 50) AS prices
            FROM range({first * PUBLISHERS * _OWN_EVENTS}, {last * PUBLISHERS * _OWN_EVENTS}) AS t(i) GROUP BY g
        )
        SELECT {START} + to_hours((g // {PUBLISHERS})::INTEGER) AS hour, (g % {PUBLISHERS})::INTEGER AS publisher,
            bids + {_OWN_EVENTS} AS bids, priced + {_OWN_EVENTS} AS priced,
            hll_union(kinds.users, own.users) AS users, approx_histogram_union(kinds.prices, own.prices) AS prices
        FROM own JOIN kinds ON kind = g % {_KINDS}
    """


def late_files(folder: Path, hours: int, files: int) -> dict[str, Any]:
    """Count late files one after the other, each with a refresh of its own, with a CHECKPOINT after every tenth."""
    made = folder / f"late-{hours}.duckdb"
    make_table(made, hours)
    database = folder / "late.duckdb"
    remove(database)
    shutil.copyfile(made, database)
    arriving = folder / "late"
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir()
    with _rollup(database, arriving) as rollup:
        groups = count(rollup.connection, "hourly")
        with timed_commits() as commits:
            seconds, processor = zip(*_refreshes(rollup, arriving, hours, files), strict=True)
        assert len(commits) == files
        assert count(rollup.connection, "hourly") == groups
    remove(database)
    shutil.rmtree(arriving)
    return {
        "groups": groups,
        "files": files,
        "rows": _ROWS,
        "touched": _TOUCHED,
        "processor": statistics.median(processor),
        "refresh": _summary(seconds),
        "commit": _summary(commits),
    }


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    """The slowest has one of DuckDB's own checkpoints in it, which it makes once its log has 16 MB."""
    found = {"first": seconds[0], "median": statistics.median(seconds), "last": seconds[-1]}
    return {**found, "slowest": max(seconds)}


@contextmanager
def timed_commits() -> Iterator[list[float]]:
    """How long each commit of a refresh takes: the part that merges, and writes, in one transaction."""
    commit, seconds = refresh.commit, []

    def timed(*arguments: Any) -> Any:
        start = perf_counter()
        try:
            return commit(*arguments)
        finally:
            seconds.append(perf_counter() - start)

    refresh.commit = timed
    try:
        yield seconds
    finally:
        refresh.commit = commit


def _refreshes(rollup: Rollup, arriving: Path, hours: int, files: int) -> Iterator[tuple[float, float]]:
    for number in range(files):
        _write_late_file(arriving / f"{number:04}.parquet", number, hours)
        yield times_of(rollup.refresh)
        if number % _FILES_A_CHECKPOINT == _FILES_A_CHECKPOINT - 1:
            rollup.connection.execute("CHECKPOINT")


def _write_late_file(file: Path, number: int, hours: int) -> None:
    """Write bids for a thousand groups that are spread over the whole table; each file has others."""
    groups = hours * PUBLISHERS
    apart = max(groups // _TOUCHED, 1)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (
                SELECT
                    {START} + to_hours((g // {PUBLISHERS})::INTEGER) + to_seconds(i % 3_600) AS ts,
                    (g % {PUBLISHERS})::INTEGER AS publisher,
                    (hash(i + {number * _ROWS}) % 2_000_000)::BIGINT AS user_id,
                    exp((hash(i * 13) % 10_000) / 2_000.0) AS price
                FROM (
                    SELECT i, (i % {_TOUCHED} * {apart} + hash(i % {_TOUCHED} + {number}) % {apart})::BIGINT AS g
                    FROM range({_ROWS}) AS t(i)
                )
            ) TO '{file}' (FORMAT parquet)
            """
        )


def _rollup(database: Path, arriving: Path) -> Rollup:
    rollup = Rollup.from_sql(
        STATEMENT, name="hourly", sources={"bids": f"{arriving}/*.parquet"}, database=database, late="merge"
    )
    configure(rollup.connection)
    return rollup
