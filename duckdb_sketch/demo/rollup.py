"""Running the statements of `sql/`, and what they leave on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch._files import sql_folder
from duckdb_sketch._sql import quote

RAW = "flights.parquet"
DATABASE = "flights.duckdb"

ROLLUP = {
    "flights_hourly": "01_hourly_rollup.sql",
    "flights_daily": "02_days_from_hours.sql",
    "flights_monthly": "03_months_from_days.sql",
}
EXPORT = "07_export_parquet.sql"


@dataclass(frozen=True)
class LevelCost:
    """One rollup table.

    Attributes:
        table: Its name.
        rows: How many groups it holds.
        seconds: What it took to make.
        duckdb_bytes: By how much the database file grew; DuckDB allocates in blocks of 256 KiB.
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


def statement(name: str) -> str:
    """The text of a file in `sql/`."""
    return (sql_folder() / name).read_text(encoding="utf-8")


def roll_up(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[LevelCost]:
    """Make the hours from `flights`, the days from the hours, the months from the days; export all three.

    Args:
        connection: To `DATABASE` in `folder`, with a table or view `flights`.
        folder: Where the Parquet files go.
    """
    database = folder / DATABASE
    measured = {table: _make(connection, database, name) for table, name in ROLLUP.items()}
    with _working_in(folder):
        connection.execute(statement(EXPORT))
    return [
        LevelCost(
            table=table,
            rows=count(connection, table),
            seconds=seconds,
            duckdb_bytes=grown,
            parquet_bytes=(folder / f"{table}.parquet").stat().st_size,
        )
        for table, (seconds, grown) in measured.items()
    ]


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


def _make(connection: duckdb.DuckDBPyConnection, database: Path, name: str) -> tuple[float, int]:
    before = database.stat().st_size
    start = time.perf_counter()
    connection.execute(statement(name))
    seconds = time.perf_counter() - start
    connection.execute("CHECKPOINT")  # from the log into the file, whose size is asked
    return seconds, database.stat().st_size - before


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    # The statements name files without a folder, as one does in a shell.
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
