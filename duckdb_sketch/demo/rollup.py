"""The rollup of the flights and its coarser levels, and what they take on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup import Rollup, open_level

RAW = "flights.parquet"
DATABASE = "flights.duckdb"

SOURCE = "flights"
HOURS, DAYS, MONTHS = "flights_hourly", "flights_daily", "flights_monthly"
TABLES = (HOURS, DAYS, MONTHS)
STATEMENT = Path(__file__).with_name(f"{HOURS}.sql")


@dataclass(frozen=True)
class LevelCost:
    """One rollup table.

    Attributes:
        table: Its name.
        rows: How many groups it holds.
        seconds: What it took to make.
        duckdb_bytes: By how much the database file grew, what the rollup notes of files and buckets included; DuckDB
            allocates in blocks of 256 KiB.
        parquet_bytes: The size of the exported file.
    """

    table: str
    rows: int
    seconds: float
    duckdb_bytes: int
    parquet_bytes: int


@dataclass(frozen=True)
class Raw:
    """The raw flights.

    Attributes:
        rows: How many flights.
        columns: How many columns the file has.
        parquet_bytes: Its size.
        used_bytes: The part of it that the five columns of the rollup take.
    """

    rows: int
    columns: int
    parquet_bytes: int
    used_bytes: int


def roll_up(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[LevelCost]:
    """Make a rollup of the raw file by hours, of the hours days, of the days months; write each as Parquet.

    Args:
        connection: To `DATABASE` in `folder`.
        folder: Has `RAW`, and gets the other Parquet files.
    """
    rollup = Rollup.from_sql(STATEMENT, sources={SOURCE: folder / RAW}, database=connection)
    levels = [measured(connection, folder, HOURS, rollup.refresh)]
    levels.append(measured(connection, folder, DAYS, lambda: rollup.coarsen("day", DAYS)))
    days = open_level(DAYS, connection)
    levels.append(measured(connection, folder, MONTHS, lambda: days.coarsen("month", MONTHS)))
    return levels


def raw(connection: duckdb.DuckDBPyConnection, parquet: Path) -> Raw:
    """Measure the raw file."""
    used = "('time_hour', 'origin', 'carrier', 'tailnum', 'dep_delay')"
    row = connection.execute(
        f"""
        SELECT count(DISTINCT path_in_schema), sum(total_compressed_size) FILTER (path_in_schema IN {used})::BIGINT
        FROM parquet_metadata({quote(parquet)})
        """
    ).fetchone()
    assert row is not None
    return Raw(
        rows=count(connection, "flights"), columns=row[0], parquet_bytes=parquet.stat().st_size, used_bytes=row[1]
    )


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """How many rows `table` has."""
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def measured(connection: duckdb.DuckDBPyConnection, folder: Path, table: str, make: Callable[[], object]) -> LevelCost:
    """Make a table with `make`, write it as Parquet, and say what that took."""
    database, parquet = folder / DATABASE, folder / f"{table}.parquet"
    before = database.stat().st_size
    start = time.perf_counter()
    make()
    seconds = time.perf_counter() - start
    connection.execute("CHECKPOINT")  # from the log into the file, whose size is asked
    grown = database.stat().st_size - before
    # In the order of time, so that a filter on it skips whole row groups.
    connection.execute(f"COPY (FROM {table} ORDER BY ALL) TO {quote(parquet)} (FORMAT parquet, COMPRESSION zstd)")
    return LevelCost(table, count(connection, table), seconds, grown, parquet.stat().st_size)
