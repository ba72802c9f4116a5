"""Files of events, and what is in a database, as it can be compared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.rollup import Level, Rollup

#: Sketches and sums of whole numbers, so that every column but the histogram's bytes has to be identical.
HOURLY = """
SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, count(price) AS prices, sum(price) AS revenue,
    min(price) AS lowest, max(price) AS highest, hll_sketch_agg(user_id) AS users,
    approx_histogram_agg(price::DOUBLE) AS histogram
FROM bids GROUP BY ALL
"""
#: A few rows of every hour, of days and months that differ in length: a leap February among them.
EVENTS = """
SELECT TIMESTAMP '2024-02-27 00:10:00' + to_minutes(i * 40) AS ts,
    CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' END AS publisher, (i * 7919) % 50 AS user_id,
    ((i % 37) / 4)::DECIMAL(10, 2) AS price
FROM range({first}, {last}) t(i)
"""


_LEFT_OUT = {"batches": "EXCLUDE (finished)", "sources": "EXCLUDE (moved, waiting, error, failed)"}


def write(path: Path, query: str, *, age: int = 0) -> Path:
    """Write a file of a query's rows, as whole as a mover of files would leave it.

    Two writes of one path within the file system's clock tick must not look like one: `age` tells them apart.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    away = path.with_name(f".{path.name}")
    with duckdb.cursor() as connection:  # of one database in memory, as opening one takes longer
        kind = path.suffix[1:].replace("jsonl", "json")
        connection.execute(f"COPY ({query}) TO {quote(away)} (FORMAT {kind})")
    if age:
        os.utime(away, (age, age))
    away.rename(path)
    return path


def write_events(path: Path, first: int, last: int, *, age: int = 0) -> Path:
    """Write those of EVENTS from a number to another."""
    return write(path, EVENTS.format(first=first, last=last), age=age)


def hourly(folder: Path, pattern: str = "*.parquet", **options: Any) -> Rollup:
    """The rollup of HOURLY over a folder's files."""
    options = {"name": "hourly", "statement": HOURLY, **options}
    return Rollup.from_sql(options.pop("statement"), sources={"bids": folder / pattern}, **options)


def content(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query in order. Sketches are their hashes; of histograms only what every order of merging keeps."""
    items = []
    for name, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall():
        if name.startswith("histogram"):
            stats = f"approx_histogram_stats({name})"
            items.append(f"({stats}).count, ({stats}).min, ({stats}).max")
        elif kind == "BLOB":
            items.append(f'md5("{name}")')
        elif kind == "DATE":  # what DuckDB before 2.0 truncates a TIMESTAMP to days to
            items.append(f'"{name}"::TIMESTAMP::VARCHAR')
        elif kind.startswith("TIMESTAMP"):
            items.append(f'"{name}"::VARCHAR')
        else:
            items.append(f'"{name}"')
    rows = connection.execute(f"SELECT {', '.join(items)} FROM ({query})").fetchall()
    return sorted(rows, key=repr)


def table(level: Level) -> list[tuple[Any, ...]]:
    """The rows of a rollup's or a level's table."""
    return content(level.connection, f'SELECT * FROM "{level.name}"')


def of_raw(rollup: Rollup, files: Sequence[Path] | str, statement: str | None = None) -> list[tuple[Any, ...]]:
    """What a statement makes of files all at once, in the rollup's database and time zone."""
    paths = [str(path) for path in files] if not isinstance(files, str) else files
    text = (statement or rollup.specification.statement).replace("FROM bids", f"FROM read_parquet({paths!r})")
    return content(rollup.connection, text.strip())


def everything(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of a database, the manifest's among them, but for the clock, and what was wrong with a source."""
    found = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY ALL"
    ).fetchall()
    return {
        f"{schema}.{name}": content(connection, f'SELECT * {_LEFT_OUT.get(name, "")} FROM {schema}."{name}"')
        for schema, name in found
    }
