"""The same question, asked of the raw and of the rolled-up files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from duckdb_sketch._sql import quote

REPEATS = 7
_SECONDS = 1.0  # after which a question is not asked again: the portable backend takes as long


@dataclass(frozen=True)
class Question:
    """A question in two spellings, each with `{file}` for what it reads.

    Attributes:
        text: In English.
        exact: For the raw flights.
        estimated: For a rollup, with `{time}` for its time column.
    """

    text: str
    exact: str
    estimated: str


QUESTIONS = (
    Question(
        "aircraft by carrier",
        "SELECT carrier, count(DISTINCT tailnum) FROM {file} GROUP BY carrier",
        "SELECT carrier, hll_sketch_estimate(hll_union_agg(aircraft)) FROM {file} GROUP BY carrier",
    ),
    Question(
        "delays by month",
        "SELECT month(time_hour), quantile_cont(dep_delay, [0.5, 0.9, 0.99]) FROM {file} GROUP BY ALL",
        """
        SELECT month({time}), approx_histogram_quantile(approx_histogram_union_agg(delays), [0.5, 0.9, 0.99])
        FROM {file} GROUP BY ALL
        """,
    ),
)
ROLLUPS = {"flights_hourly": "hour", "flights_daily": "day", "flights_monthly": "month"}


@dataclass(frozen=True)
class Timing:
    """How long a question takes, in seconds: the best of `REPEATS`, or of as many as a second has.

    Attributes:
        question: In English.
        raw: Exactly, from the raw flights.
        rolled_up: From each rollup, by its table's name.
    """

    question: str
    raw: float
    rolled_up: dict[str, float]


def time_question(connection: duckdb.DuckDBPyConnection, question: Question, raw: Path, folder: Path) -> Timing:
    """Ask `question` of the Parquet file `raw` and of those of the rollups in `folder`."""
    rolled_up = {
        table: _best(connection, question.estimated.format(file=quote(folder / f"{table}.parquet"), time=column))
        for table, column in ROLLUPS.items()
    }
    return Timing(question.text, _best(connection, question.exact.format(file=quote(raw))), rolled_up)


def _best(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        connection.execute(query).fetchall()
        seconds.append(time.perf_counter() - start)
        if sum(seconds) > _SECONDS:
            break
    return min(seconds)
