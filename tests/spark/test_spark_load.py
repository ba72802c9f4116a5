"""What a cluster made goes into the same table as what one machine made, each batch once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import EVENTS, HOURLY, content, everything, hourly, table, write, write_events

from duckdb_sketch import spark as sketches
from duckdb_sketch.rollup import LateDataError, Rollup, RollupError, SourceError
from duckdb_sketch.spark import SparkError

pytestmark = pytest.mark.spark


@pytest.fixture
def rollup() -> Iterator[Rollup]:
    with Rollup.from_sql(HOURLY, name="hourly") as rollup:
        yield rollup


def events(spark: Any, path: Path, first: int, last: int) -> Any:
    return spark.read.parquet(str(write_events(path, first, last)))


def test_refreshes_of_both_kinds_alternate(spark: Any, tmp_path: Path) -> None:
    """Files of all hours in any order; days and months above; the result is that of one run on one machine."""
    ends = [0, 700, 800, 2500, 2600, 4000]
    spans = list(itertools.pairwise(ends))
    files = tmp_path / "files"
    with hourly(files, database=tmp_path / "a.duckdb", allowed_lateness="90 days") as mixed:
        for number, (first, last) in enumerate(reversed(spans)):
            write_events(files / f"{number}.parquet", first, last)
            done = sketches.refresh(spark, mixed) if number % 2 == 0 else mixed.refresh()
            assert (done.files, done.rows) == (1, last - first)
            if number == 0:
                mixed.coarsen("day", "daily").coarsen("month", "monthly")
        assert sketches.refresh(spark, mixed).batches == mixed.refresh().batches == []
        assert mixed.verify().ok
        status = mixed.status()
        with hourly(files, database=tmp_path / "b.duckdb", allowed_lateness="90 days") as clean:
            clean.refresh()
            days = clean.coarsen("day", "daily")
            months = days.coarsen("month", "monthly")
            for name, level in (("hourly", clean), ("daily", days), ("monthly", months)):
                assert content(mixed.connection, f"FROM {name}") == table(level), name
            assert (status[0].files, status[0].rows, status[0].watermark) == (5, 4000, clean.status()[0].watermark)
            assert mixed.replay().rows == 4000
            assert content(mixed.connection, "FROM hourly") == table(clean)


def test_an_appended_batch_counts_once(spark: Any, rollup: Rollup, tmp_path: Path) -> None:
    bids = events(spark, tmp_path / "a.parquet", 0, 900)
    first = sketches.append(rollup, bids, batch_id="monday")
    before = everything(rollup.connection)
    again = sketches.append(rollup, bids, batch_id="monday")
    assert (first.rows, first.batches, again.rows, again.batches) == (900, [1], 0, [])
    assert again.watermark == first.watermark
    assert everything(rollup.connection) == before
    rollup.append(write_events_relation(900, 1000), batch_id="tuesday")
    sketches.append(rollup, events(spark, tmp_path / "b.parquet", 1000, 1500), batch_id="wednesday")
    with Rollup.from_sql(HOURLY, name="hourly") as clean:
        clean.append(write_events_relation(0, 1500))
        assert table(rollup) == table(clean)
        assert rollup.status()[0].watermark == clean.status()[0].watermark
    with pytest.raises(RollupError, match="3 batches of hourly were appended"):
        rollup.replay()


def write_events_relation(first: int, last: int) -> Any:
    return duckdb.sql(EVENTS.format(first=first, last=last)).to_arrow_table()


def test_late_rows_follow_the_rule(spark: Any, tmp_path: Path) -> None:
    with hourly(tmp_path / "files", late="drop") as rollup:
        write_events(tmp_path / "files" / "a.parquet", 500, 1000)
        sketches.refresh(spark, rollup)
        write_events(tmp_path / "files" / "b.parquet", 0, 100)
        assert sketches.refresh(spark, rollup).dropped_rows == 100
    with Rollup.from_sql(HOURLY, name="hourly", late="error") as rollup:
        sketches.append(rollup, events(spark, tmp_path / "c.parquet", 500, 1000), batch_id="a")
        with pytest.raises(LateDataError, match="100 rows are late"):
            sketches.append(rollup, events(spark, tmp_path / "d.parquet", 0, 100), batch_id="b")


def test_absurd_times_are_kept_out(spark: Any, tmp_path: Path) -> None:
    sane = EVENTS.format(first=0, last=10)
    absurd = "unnest(['0001-01-01'::TIMESTAMP, NULL, '2300-01-01']) AS ts, 'a' AS publisher, 1 AS user_id, 1 AS price"
    write(tmp_path / "a.parquet", f"{sane} UNION ALL SELECT {absurd}")
    with hourly(tmp_path) as rollup:
        done = sketches.refresh(spark, rollup)
        assert (done.rows, done.rejected_rows) == (10, 3)


def test_lookup_tables_of_the_database(spark: Any, tmp_path: Path) -> None:
    statement = "SELECT ts::DATE AS day, country, count(*) AS n FROM bids JOIN sites USING (publisher) GROUP BY ALL"
    bids = events(spark, tmp_path / "a.parquet", 0, 900)
    with Rollup.from_sql(statement, name="daily", database=tmp_path / "a.duckdb") as rollup:
        with pytest.raises(SourceError, match=r"lookup table.* sites"):
            sketches.append(rollup, bids, batch_id="a")
        rollup.connection.execute("CREATE TABLE sites AS SELECT 'a' AS publisher, 'DE' AS country")
        assert sketches.append(rollup, bids, batch_id="a").rows == 300


@pytest.mark.parametrize(
    ("columns", "message"),
    [("* EXCLUDE (price)", "price"), ("* REPLACE (price::DOUBLE AS price)", "price is DOUBLE, and .* DECIMAL")],
)
def test_events_of_other_columns_are_refused(
    spark: Any, rollup: Rollup, tmp_path: Path, columns: str, message: str
) -> None:
    rollup.append(write_events_relation(0, 10))
    before = everything(rollup.connection)
    path = write(tmp_path / "a.parquet", f"SELECT {columns} FROM ({EVENTS.format(first=0, last=10)})")
    with pytest.raises(RollupError, match=message):
        sketches.append(rollup, spark.read.parquet(str(path)), batch_id="a")
    assert everything(rollup.connection) == before


def test_what_fails_on_the_cluster_says_why(spark: Any, tmp_path: Path) -> None:
    """And leaves everything as it was."""
    statement = "SELECT date_trunc('hour', ts) AS hour, sum(publisher::INTEGER) AS n FROM bids GROUP BY ALL"
    files = tmp_path / "files"
    write(files / "a.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, '1' AS publisher")
    with hourly(files, statement=statement, database=tmp_path / "a.duckdb") as rollup:
        sketches.refresh(spark, rollup)
        before = everything(rollup.connection)
        path = write(files / "b.parquet", "SELECT TIMESTAMP '2024-01-01' AS ts, 'many' AS publisher")
        with pytest.raises(SparkError, match="Could not convert string 'many'"):
            sketches.refresh(spark, rollup)
        with pytest.raises(SparkError, match="Could not convert string 'many'"):
            sketches.append(rollup, spark.read.parquet(str(path)), batch_id="b")
        assert everything(rollup.connection) == before
