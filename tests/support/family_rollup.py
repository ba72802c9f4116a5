"""Events in files that overlap, and a rollup of them in which states were merged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from duckdb_sketch.rollup import Rollup


def write_events(folder: Path, number: int, name: str, *, events: int = 4000, odd: str = "'odd'") -> None:
    """Write a file of events of an hour and a half, in two parts; each file overlaps the next.

    Args:
        folder: The folder of the files.
        number: The number of the file, which is its first hour.
        name: SQL of the column `name`, by the event's number `i`.
        events: How many.
        odd: SQL of the part of events with odd numbers.
    """
    duckdb.sql(f"""
        COPY (
            SELECT TIMESTAMP '2026-03-01' + INTERVAL ({number}) HOUR + INTERVAL (i * 5400 // {events}) SECOND AS ts,
                CASE WHEN i % 2 = 0 THEN 'even' ELSE {odd} END AS part, i, {name} AS name
            FROM range({events}) t(i)
        ) TO '{folder}/{number}.parquet'
    """)


@contextmanager
def hourly(folder: Path, statement: str, names: list[str], *, odd: str = "'odd'") -> Iterator[Rollup]:
    """A rollup of one file per name, refreshed after each; see `write_events`."""
    sources = {"events": f"{folder}/*.parquet"}
    with Rollup.from_sql(statement, name="hourly", sources=sources, database=folder / "r.duckdb") as rollup:
        for number, name in enumerate(names):
            write_events(folder, number, name, odd=odd)
            rollup.refresh()
        yield rollup
