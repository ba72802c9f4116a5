"""The raw data: bids in Parquet files, in the order of time, with a few seconds of disorder."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.scale import THREADS

START = "TIMESTAMP '2024-01-01'"
USERS = 2_000_000


def write_bids(folder: Path, rows: int, files: int, publishers: int, days: float) -> None:
    """Write bids that are spread evenly over some days; existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    per_file = rows // files
    missing = [number for number in range(files) if not (folder / f"{number:06}.parquet").exists()]
    apart = days * 86_400e6 / rows
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute("SET enable_progress_bar = false")
        for number in missing:
            first = number * per_file
            write(connection, folder / f"{number:06}.parquet", first, first + per_file, apart, publishers)


def write(
    connection: duckdb.DuckDBPyConnection, file: Path, first: int, last: int, microseconds: float, publishers: int
) -> None:
    """Write the bids of numbers `first` to `last`, each some microseconds after the one before it."""
    partial = file.with_suffix(".partial")
    connection.execute(
        f"""
        COPY (
            SELECT
                {START} + to_microseconds((i * {microseconds} + hash(i) % 5_000_000)::BIGINT) AS ts,
                (hash(i + 1) % {publishers})::INTEGER AS publisher,
                (hash(i * 7 + 1) % {USERS})::BIGINT AS user_id,
                exp((hash(i * 13) % 10_000) / 2_000.0) AS price
            FROM range({first}, {last}) AS t(i)
        ) TO '{partial}' (FORMAT parquet)
        """
    )
    partial.rename(file)
