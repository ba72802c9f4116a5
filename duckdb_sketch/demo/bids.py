"""Generated bids, of which thousands share a row: where a rollup pays."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.cube import Answer, Cube
from duckdb_sketch.demo.rollup import LevelCost, measured
from duckdb_sketch.rollup import Rollup

SOURCE = "bids"
RAW_BIDS = "bids.parquet"
BID_HOURS, BID_DAYS = "bids_hourly", "bids_daily"
BID_TABLES = (BID_HOURS, BID_DAYS)
STATEMENT = Path(__file__).with_name(f"{BID_HOURS}.sql")
BIDS, BIDS_PORTABLE = 2_000_000, 200_000  # the portable backend is many times slower

#: Begins within a day, so that hours and days answer it together.
QUERY = """\
SELECT date_trunc('day', ts) AS day, count(*) AS bids,
       count(DISTINCT user_id) AS users, quantile_cont(price, 0.95) AS p95
FROM bids
WHERE country <> 'it' AND ts >= TIMESTAMP '2026-03-03 12:00'
GROUP BY ALL ORDER BY day"""


@dataclass(frozen=True)
class RawBids:
    """The generated file: its rows and bytes."""

    rows: int
    parquet_bytes: int


@dataclass(frozen=True)
class Asked:
    """A query over the bids.

    Attributes:
        answer: From the rollups.
        seconds: What that took, planning included.
        raw_seconds: What the same query took on the raw file, exactly.
    """

    answer: Answer
    seconds: float
    raw_seconds: float


def write_bids(connection: duckdb.DuckDBPyConnection, parquet: Path) -> RawBids:
    """Write a week of bids: a user's share falls as one over its rank, prices are lognormal, in hundredths of a cent.

    Args:
        connection: With the functions loaded; they decide how many bids there are.
        parquet: The file, in a folder that exists.
    """
    rows = BIDS if _is_native(connection) else BIDS_PORTABLE
    connection.execute(
        f"""
        COPY (
            SELECT
                TIMESTAMP '2026-03-02' + to_milliseconds((i * {7 * 86_400_000 / rows})::BIGINT) AS ts,
                floor(1_000_000 ** {_uniform(1)})::BIGINT AS user_id,
                round(exp(sqrt(-2 * ln({_uniform(2)})) * cos(2 * pi() * {_uniform(3)})) / 2, 4) AS price,
                ['de', 'es', 'fr', 'it', 'pl'][1 + (hash(i + 4) % 5)::INTEGER] AS country
            FROM range({rows}) AS t(i)
        ) TO {quote(parquet)} (FORMAT parquet, COMPRESSION zstd)
        """
    )
    return RawBids(rows, parquet.stat().st_size)


def roll_up_bids(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[LevelCost]:
    """Make a rollup of the bids by hours, and of the hours days; write each as Parquet."""
    rollup = Rollup.from_sql(STATEMENT, sources={SOURCE: folder / RAW_BIDS}, database=connection)
    return [
        measured(connection, folder, BID_HOURS, rollup.refresh),
        measured(connection, folder, BID_DAYS, lambda: rollup.coarsen("day", BID_DAYS)),
    ]


def ask(connection: duckdb.DuckDBPyConnection, folder: Path) -> Asked:
    """Ask `QUERY` of the raw file, and of the rollups."""
    raw = QUERY.replace("FROM bids", f"FROM {quote(folder / RAW_BIDS)}")
    start = time.perf_counter()
    connection.execute(raw).fetchall()
    raw_seconds = time.perf_counter() - start
    start = time.perf_counter()
    answer = Cube(connection).answer(QUERY)
    answer.relation.fetchall()
    return Asked(answer, time.perf_counter() - start, raw_seconds)


def _uniform(salt: int) -> str:
    """A number in (0, 1] for each row `i`, in SQL: the same on every machine."""
    return f"(((hash({20131028 + salt} + 8 * i) >> 11) + 1) / 9007199254740992)"


def _is_native(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the aggregates are the extension's: those of the portable backend are macros."""
    row = connection.execute(
        "SELECT count(*) FROM duckdb_functions() WHERE (function_name, function_type) = ('hll_sketch_agg', 'aggregate')"
    ).fetchone()
    assert row is not None
    return bool(row[0])
