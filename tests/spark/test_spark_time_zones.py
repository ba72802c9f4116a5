"""Buckets do not depend on the zone of Spark's session, nor on that of an executor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import content

import duckdb_sketch
from duckdb_sketch import spark as sketches
from duckdb_sketch.rollup import Rollup, SpecificationError

pytestmark = pytest.mark.spark

#: Around the days on which clocks change in Europe and in America, each half hour.
EVENTS = """
SELECT {time} AS ts, i % 40 AS user_id FROM (
    SELECT i, TIMESTAMP '2024-03-09 00:00:00' + to_minutes(i * 30) AS t FROM range(1200) r(i)
    UNION ALL SELECT i, TIMESTAMP '2024-10-26 00:00:00' + to_minutes(i * 30) FROM range(400) r(i))
"""
DAILY = """
SELECT date_trunc('{unit}', ts) AS bucket, count(*) AS n, hll_sketch_agg(user_id) AS users FROM events GROUP BY ALL
"""


def written(path: Path, time: str) -> Path:
    duckdb.sql(EVENTS.format(time=time)).write_parquet(str(path))
    return path


@pytest.mark.parametrize("unit", ["hour", "day", "month"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_instants_are_truncated_in_the_zone_that_is_given(spark: Any, tmp_path: Path, zone: str, unit: str) -> None:
    path = written(tmp_path / "events.parquet", "timezone('UTC', t)")
    statement = DAILY.format(unit=unit)
    events = spark.read.parquet(str(path))
    assert dict(events.dtypes)["ts"] == "timestamp"
    with Rollup.from_sql(statement, name="one", sources={"events": path}, time_zone=zone) as one:
        one.refresh()
        expected = content(one.connection, "SELECT epoch_us(bucket) AS bucket, n, users FROM one")
    groups = sketches.rollup(spark, statement, {"events": events}, time_zone=zone)
    assert dict(groups.dtypes)["bucket"] == "timestamp"
    rows = groups.toArrow()
    with duckdb_sketch.connect() as connection:
        connection.register("rows", rows)
        assert content(connection, "SELECT epoch_us(bucket) AS bucket, n, users FROM rows") == expected


@pytest.mark.parametrize("unit", ["hour", "day"])
def test_times_without_a_zone_are_truncated_as_they_stand(spark: Any, tmp_path: Path, unit: str) -> None:
    path = written(tmp_path / "events.parquet", "t")
    statement = DAILY.format(unit=unit)
    events = spark.read.parquet(str(path))
    assert dict(events.dtypes)["ts"] == "timestamp_ntz"
    rows = sketches.rollup(spark, statement, {"events": events}).toArrow()
    with duckdb_sketch.connect() as connection:
        connection.execute(f"CREATE VIEW events AS FROM '{path}'")
        connection.register("rows", rows)
        assert content(connection, "SELECT * FROM rows") == content(connection, statement)


def test_a_zone_is_asked_for(spark: Any, tmp_path: Path) -> None:
    events = spark.read.parquet(str(written(tmp_path / "events.parquet", "timezone('UTC', t)")))
    with pytest.raises(SpecificationError, match="time_zone='UTC'"):
        sketches.rollup(spark, DAILY.format(unit="hour"), {"events": events})


def test_groups_of_another_zone_are_refused(spark: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "events.parquet", "timezone('UTC', t)")
    statement = DAILY.format(unit="day")
    groups = sketches.rollup(spark, statement, {"events": spark.read.parquet(str(path))}, time_zone="Europe/Berlin")
    with Rollup.from_sql(statement, name="one", sources={"events": path}, time_zone="Asia/Tokyo") as one:
        one.refresh()
        with pytest.raises(Exception, match="is where no day of one begins"):
            one.append_groups(groups.toArrow())


@pytest.mark.parametrize("kind", ["INT96", "TIMESTAMP_MICROS"])
def test_groups_that_spark_wrote_as_parquet(spark: Any, tmp_path: Path, kind: str) -> None:
    """Spark's default is a type that has no zone."""
    path = written(tmp_path / "events.parquet", "timezone('UTC', t)")
    statement = DAILY.format(unit="day")
    events = {"events": spark.read.parquet(str(path))}
    spark.conf.set("spark.sql.parquet.outputTimestampType", kind)
    try:
        groups = sketches.rollup(spark, statement, events, time_zone="Europe/Berlin")
        groups.write.parquet(str(tmp_path / "groups"))
    finally:
        spark.conf.unset("spark.sql.parquet.outputTimestampType")
    with (
        Rollup.from_sql(statement, name="one", sources={"events": path}, time_zone="Europe/Berlin") as one,
        Rollup.from_sql(statement, name="one", time_zone="Europe/Berlin") as other,
    ):
        one.refresh()
        other.append_groups(
            duckdb.read_parquet(f"{tmp_path}/groups/*.parquet"), events=duckdb.read_parquet(str(path)), batch_id="a"
        )
        rows = "SELECT epoch_us(bucket) AS bucket, n, users FROM one"
        assert content(other.connection, rows) == content(one.connection, rows)
