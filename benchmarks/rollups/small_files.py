"""Many small files: what a refresh of them costs beside the bare query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

import duckdb_sketch
from benchmarks.rollups.events import write_bids
from benchmarks.rollups.jobs import STATEMENT, configure, count, remove, times_of
from duckdb_sketch.rollup import Rollup

ROWS_A_FILE = 10
PUBLISHERS = 10
DAYS = 30


def write_small_files(folder: Path, files: int, suffix: str) -> None:
    """Write bids as Parquet or CSV, `ROWS_A_FILE` in each file; what is there already is kept."""
    if suffix == "parquet":
        write_bids(folder, files * ROWS_A_FILE, files, PUBLISHERS, DAYS)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.csv"))) == files:
        return
    apart = DAYS * 86_400 / (files * ROWS_A_FILE)
    rows = duckdb.execute(
        f"""
        SELECT i // {ROWS_A_FILE}, TIMESTAMP '2024-01-01' + to_seconds(i * {apart}), hash(i + 1) % {PUBLISHERS},
            hash(i * 7 + 1) % 2_000_000, round(exp((hash(i * 13) % 10_000) / 2_000.0), 2)
        FROM range({files * ROWS_A_FILE}) AS t(i) ORDER BY i
        """
    ).fetchall()
    for number in range(files):
        lines = [",".join(str(value) for value in row[1:]) for row in rows[number * ROWS_A_FILE :][:ROWS_A_FILE]]
        (folder / f"{number:06}.csv").write_text("ts,publisher,user_id,price\n" + "\n".join(lines) + "\n")


def small_files(folder: Path, files: int, suffix: str, database: Path) -> dict[str, Any]:
    """The bare statement and a refresh over the same files, each into a new database."""
    pattern = f"{folder}/*.{suffix}"
    remove(database)
    with duckdb_sketch.connect(database) as connection:
        configure(connection)
        reader = "read_parquet" if suffix == "parquet" else "read_csv"
        query = STATEMENT.replace("FROM bids", f"FROM {reader}('{pattern}') AS bids")
        bare, bare_processor = times_of(connection.execute, f"CREATE TABLE hourly AS {query}")
        groups = count(connection, "hourly")
    remove(database)
    with Rollup.from_sql(STATEMENT, name="hourly", sources={"bids": pattern}, database=database) as rollup:
        configure(rollup.connection)
        seconds, processor = times_of(rollup.refresh)
        assert count(rollup.connection, "hourly") == groups
    return {
        "files": files,
        "rows": files * ROWS_A_FILE,
        "groups": groups,
        "bare_seconds": bare,
        "bare_processor": bare_processor,
        "seconds": seconds,
        "processor": processor,
    }
