"""Bids, their rollups, and the time that queries over them take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import duckdb

import duckdb_sketch
from benchmarks.cube.questions import QUESTIONS, Question
from benchmarks.scale import THREADS
from duckdb_sketch.cube import Cube
from duckdb_sketch.rollup import Rollup

_DAYS = 366  # of 2024
_PLANNED = 21  # queries of each kind, of which the median counts
STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, publisher, country, device, count(*) AS bids, sum(cents) AS cents,
           count(cents) AS priced, hll_sketch_agg(user_id) AS users, approx_histogram_agg(price) AS prices
    FROM bids GROUP BY ALL
"""


def write_bids(folder: Path, rows: int, files: int) -> None:
    """Write bids of a year; existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    each = rows // files
    apart = _DAYS * 86_400e6 / rows
    with duckdb.connect(config={"threads": THREADS}) as connection:
        for number in range(files):
            path = folder / f"{number:04}.parquet"
            if path.exists():
                continue
            partial = path.with_suffix(".partial")
            connection.execute(f"""
                COPY (
                    SELECT TIMESTAMP '2024-01-01' + to_microseconds((i * {apart})::BIGINT) AS ts,
                        (hash(i + 1) % 10)::INTEGER AS publisher, 'c' || hash(i + 2) % 4 AS country,
                        'd' || hash(i + 3) % 2 AS device, (hash(i * 7 + 1) % 2_000_000)::BIGINT AS user_id,
                        exp((hash(i * 13) % 10_000) / 2_000.0) AS price, (hash(i * 13) % 10_000)::BIGINT AS cents
                    FROM range({number * each}, {(number + 1) * each}) AS t(i)
                ) TO '{partial}' (FORMAT parquet)
            """)
            partial.rename(path)


def build(folder: Path, database: Path) -> dict[str, int]:
    """Roll the bids up to hours, days and months; how many rows each table has."""
    database.unlink(missing_ok=True)
    sources = {"bids": f"{folder}/*.parquet"}
    with Rollup.from_sql(STATEMENT, name="hourly", sources=sources, database=database) as hourly:
        hourly.refresh()
        hourly.coarsen("day", "daily").coarsen("month", "monthly")
        return {status.rollup: status.groups for status in hourly.status()}


def ask(folder: Path, database: Path, runs: int, raw_runs: int) -> list[dict[str, Any]]:
    """Time each question: planned, answered, by hand, and from the raw files."""
    with duckdb_sketch.connect(database) as connection, Cube(connection, {"bids": f"{folder}/*.parquet"}) as cube:
        connection.execute(f"SET threads = {THREADS}")
        connection.execute(f"CREATE TEMP VIEW bids AS FROM read_parquet('{folder}/*.parquet')")
        return [_ask(cube, connection, question, runs, raw_runs) for question in QUESTIONS]


def _ask(
    cube: Cube, connection: duckdb.DuckDBPyConnection, question: Question, runs: int, raw_runs: int
) -> dict[str, Any]:
    explanation = cube.explain(question.events)
    return {
        "name": question.name,
        "of_months": question.of_months,
        "tables": [part.name or "raw" for part in explanation.parts],
        "planning": _planning(cube, question.events, max(runs, _PLANNED)),
        "again": median(_seconds(lambda: cube.explain(question.events)) for _ in range(max(runs, 5))),
        "seconds": min(_seconds(lambda: cube.sql(question.events).fetchall()) for _ in range(runs)),
        "routed": min(_execute(connection, explanation.sql) for _ in range(runs)),
        "by_hand": min(_execute(connection, question.by_hand) for _ in range(runs)),
        "raw": min(_execute(connection, question.events) for _ in range(raw_runs)),
    }


def _planning(cube: Cube, query: str, runs: int) -> float:
    """The seconds that it takes to plan a query that was not asked before: of other days, or with another comment."""
    return median(_seconds(lambda query=other: cube.explain(query)) for other in _others(query, runs))  # type: ignore[misc]


def _others(query: str, count: int) -> list[str]:
    """Queries that differ from one in the days that they name, as a dashboard's do, or in a comment."""
    if "-01'" not in query:
        return [f"{query} -- {number}" for number in range(count)]
    return [query.replace("-01'", f"-{2 + number % 27:02}'") + " " * (number // 27) for number in range(count)]


def many_rollups(database: Path, rollups: int, runs: int) -> dict[str, Any]:
    """Time planning where a database has many rollups of one source."""
    database.unlink(missing_ok=True)
    with duckdb_sketch.connect(database) as connection:
        bid = connection.sql("SELECT TIMESTAMP '2024-01-01' AS ts, 1 AS publisher, 2 AS user_id, 3 AS cents")
        for number in range(rollups):
            statement = (
                f"SELECT date_trunc('hour', ts) AS hour, publisher + {number} AS p, count(*) AS bids, "
                "sum(cents) AS cents, hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL"
            )
            with Rollup.from_sql(statement, name=f"r{number}", database=connection) as rollup:
                rollup.append(bid, batch_id="one")
        query = "SELECT date_trunc('day', ts) AS day, sum(cents), count(DISTINCT user_id) FROM bids GROUP BY ALL"
        with Cube(connection) as cube:
            cube.explain(query)
            return {"rollups": rollups, "planning": _planning(cube, query, max(runs, _PLANNED))}


def _execute(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    return _seconds(lambda: connection.execute(query).fetchall())


def _seconds(action: Callable[[], object]) -> float:
    start = perf_counter()
    action()
    return perf_counter() - start
