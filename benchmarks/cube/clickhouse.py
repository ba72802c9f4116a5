"""The same tables in ClickHouse, of the engine AggregatingMergeTree, asked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.chdb_local import LocalClickHouse
from benchmarks.cube.questions import QUESTIONS
from benchmarks.scale import THREADS

_COLUMNS = """publisher Int32, country LowCardinality(String), device LowCardinality(String),
    bids SimpleAggregateFunction(sum, UInt64), cents SimpleAggregateFunction(sum, Int64),
    users AggregateFunction(uniqHLL12, Int64), prices AggregateFunction(quantileTDigest, Float64)"""
_EVENTS = "ts DateTime64(6), publisher Int32, country String, device String, user_id Int64, price Float64, cents Int64"
_KEYS = "publisher, country, device"
_METRICS = "count(), sum(cents), uniqHLL12State(user_id), quantileTDigestState(price)"
_MERGED = "sum(bids), sum(cents), uniqHLL12MergeState(users), quantileTDigestMergeState(prices)"


def measure(folder: Path, runs: int) -> Iterator[tuple[str, float]]:
    """Build the tables from the Parquet files; how many seconds each question takes, by its name.

    Raises:
        ModuleNotFoundError: If chdb is not installed.
    """
    house = LocalClickHouse()
    for name, time, start in (("hourly", "hour", "Hour"), ("daily", "day", "Day"), ("monthly", "month", "Month")):
        house.query(
            f"CREATE TABLE b.{name} ({time} DateTime('UTC'), {_COLUMNS}) ENGINE = AggregatingMergeTree "
            f"ORDER BY ({time}, {_KEYS})"
        )
        truncated = f"toStartOf{start}"
        if name == "hourly":
            events = f"file('{folder}/*.parquet', Parquet, '{_EVENTS}')"
            rows = f"SELECT {truncated}(toDateTime(ts, 'UTC')) AS t, {_KEYS}, {_METRICS} FROM {events}"
        else:
            rows = f"SELECT toDateTime({truncated}(hour), 'UTC') AS t, {_KEYS}, {_MERGED} FROM b.hourly"
        house.query(f"INSERT INTO b.{name} {rows} GROUP BY t, {_KEYS} SETTINGS max_threads = {THREADS}")
        house.query(f"OPTIMIZE TABLE b.{name} FINAL")
    for question in QUESTIONS:
        query = f"{question.clickhouse} SETTINGS max_threads = {THREADS}"
        house.query(query)
        yield question.name, min(_seconds(house, query) for _ in range(runs))


def _seconds(house: LocalClickHouse, query: str) -> float:
    start = perf_counter()
    house.query(query)
    return perf_counter() - start
