"""Event times in nanoseconds: buckets are those of the truncated time, never of the rounded one."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duckdb_sketch import Rollup
from duckdb_sketch.rollup import SpecificationError

HOURLY = (
    "SELECT {bucket} AS bucket, count(*) AS events, hll_sketch_agg(ts) AS times, max(ts) AS last FROM e GROUP BY ALL"
)
LATE = 1_767_265_199_999_999_999  # 2026-01-01 10:59:59.999999999
MIDNIGHT = 1_767_311_999_999_999_999  # 2026-01-01 23:59:59.999999999


def _times(values: list[int], zone: str | None = None) -> pa.Table:
    return pa.table({"ts": pa.array(values, pa.timestamp("ns", zone))})


MAKE: dict[str, Any] = {
    "Arrow": lambda: _times([LATE]),
    "pandas": lambda: pd.DataFrame({"ts": pd.to_datetime([LATE]).as_unit("ns")}),
    "Polars": lambda: pl.DataFrame({"ts": pl.Series([LATE], dtype=pl.Datetime("ns"))}),
}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_nanoseconds_are_truncated_not_rounded_up(make: Any) -> None:
    with Rollup.from_sql(HOURLY.format(bucket="date_trunc('hour', ts)"), name="r") as rollup:
        rollup.append(make())
        assert rollup.connection.sql("SELECT bucket, events FROM r").fetchall() == [(datetime(2026, 1, 1, 10), 1)]


@pytest.mark.parametrize(
    ("bucket", "start"),
    [
        ("date_trunc('hour', ts)", datetime(2026, 1, 1, 23)),
        ("time_bucket(INTERVAL '15 minutes', ts)", datetime(2026, 1, 1, 23, 45)),
        ("date_trunc('hour', e.ts - INTERVAL 1 HOUR)", datetime(2026, 1, 1, 22)),
        ("date_trunc('microsecond', ts)", datetime(2026, 1, 1, 23, 59, 59, 999999)),
        ("ts::DATE", date(2026, 1, 1)),
        ("ts::TIMESTAMP::DATE", date(2026, 1, 1)),
    ],
)
def test_nanoseconds_of_a_file_are_truncated_by_every_truncation(tmp_path: Path, bucket: str, start: date) -> None:
    pq.write_table(_times([MIDNIGHT, MIDNIGHT - 1]), tmp_path / "a.parquet")
    sources = {"e": str(tmp_path / "*.parquet")}
    with Rollup.from_sql(HOURLY.format(bucket=bucket), name="r", sources=sources) as rollup:
        rollup.refresh()
        found = rollup.connection.sql("SELECT bucket, events, hll_sketch_estimate(times), epoch_ns(last) FROM r")
        # The other columns keep their nanoseconds: two times, and the last one whole.
        assert found.fetchall() == [(start, 2, 2, MIDNIGHT)]
        assert rollup.verify().ok
        rollup.replay()
        assert rollup.connection.sql("SELECT bucket FROM r").fetchall() == [(start,)]


@pytest.mark.newest_duckdb  # before 2.0, epoch_us cuts towards 1970
def test_nanoseconds_before_1970_are_truncated_downwards() -> None:
    statement = "SELECT date_trunc('hour', ts) AS bucket, count(*) AS events FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r") as rollup:
        rollup.append(_times([-1]))
        assert rollup.connection.sql("SELECT bucket FROM r").fetchall() == [(datetime(1969, 12, 31, 23),)]


@pytest.mark.parametrize("bucket", ["date_trunc('hour', ts)", "ts::DATE"])
def test_nanoseconds_with_a_zone_ask_for_the_time_zone(bucket: str) -> None:
    statement = f"SELECT {bucket} AS bucket, count(*) AS events FROM e GROUP BY ALL"
    with (
        Rollup.from_sql(statement, name="r") as rollup,
        pytest.raises(SpecificationError, match="depend on the time zone"),
    ):
        rollup.append(_times([LATE], "UTC"))


def test_nanoseconds_with_a_zone_are_truncated() -> None:
    statement = "SELECT date_trunc('hour', ts) AS bucket, count(*) AS events FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r", time_zone="UTC") as rollup:
        rollup.append(_times([LATE], "UTC"))
        rows = rollup.connection.sql("SELECT timezone('UTC', bucket) FROM r").fetchall()
        assert rows == [(datetime(2026, 1, 1, 10),)]


@pytest.mark.parametrize("first", ["us", "ns"])
def test_nanoseconds_next_to_microseconds_are_truncated(first: str) -> None:
    """The types of the first batch are those that later ones are compared with; each batch is read as it is."""
    statement = "SELECT date_trunc('hour', ts) AS bucket, count(*) AS events FROM e GROUP BY ALL"
    batches = [pa.table({"ts": pa.array([LATE // 1000], pa.timestamp("us"))}), _times([LATE])]
    with Rollup.from_sql(statement, name="r") as rollup:
        for batch in batches if first == "us" else reversed(batches):
            rollup.append(batch)
        assert rollup.connection.sql("SELECT bucket, events FROM r").fetchall() == [(datetime(2026, 1, 1, 10), 2)]


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_files_of_nanoseconds_next_to_those_of_microseconds_are_truncated(tmp_path: Path, zone: str | None) -> None:
    statement = "SELECT date_trunc('hour', ts) AS bucket, count(*) AS events FROM e GROUP BY ALL"
    for unit, last in (("us", LATE // 1000), ("ns", LATE)):
        pq.write_table(pa.table({"ts": pa.array([last], pa.timestamp(unit, zone))}), tmp_path / f"{unit}.parquet")
        pq.write_table(pa.table({"ts": pa.array([last], pa.timestamp(unit, zone))}), tmp_path / f"z{unit}.parquet")
    with Rollup.from_sql(statement, name="r", sources={"e": str(tmp_path / "*s.parquet")}, time_zone=zone) as rollup:
        rollup.refresh()
        bucket = "timezone('UTC', bucket)" if zone else "bucket"
        rows = rollup.connection.sql(f"SELECT {bucket}, events FROM r").fetchall()
    assert rows == [(datetime(2026, 1, 1, 10), 4)]


def test_a_statement_is_kept_as_it_was_given(tmp_path: Path) -> None:
    """Truncation of nanoseconds is how it is run, and no part of the definition that later ones are compared with."""
    statement = "SELECT date_trunc('hour', ts) AS bucket, count(*) AS events FROM e GROUP BY ALL"
    database = tmp_path / "r.duckdb"
    for batch in (1, 2):
        with Rollup.from_sql(statement, name="r", database=database) as rollup:
            rollup.append(_times([LATE]), batch_id=str(batch))
    with duckdb.connect(database) as connection:
        ((kept,),) = connection.execute("SELECT statement FROM rollup_manifest.rollups").fetchall()
    assert "epoch_us" not in kept


def test_every_truncated_column_is_truncated() -> None:
    """Hours of the day beside minutes, of which only the finer ones are the buckets."""
    statement = """
        SELECT date_trunc('minute', ts) AS minute, date_trunc('hour', ts) AS hour, ts::DATE AS day, count(*) AS events
        FROM e GROUP BY ALL
    """
    with Rollup.from_sql(statement, name="r") as rollup:
        rollup.append(_times([LATE, MIDNIGHT]))
        rows = rollup.connection.sql("FROM r ORDER BY ALL").fetchall()
    at = [datetime(2026, 1, 1, 10, 59), datetime(2026, 1, 1, 23, 59)]
    assert rows == [(each, each.replace(minute=0), each.date(), 1) for each in at]
