"""Files that executors read with DuckDB: the same groups as of a DataFrame, and of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import EVENTS, HOURLY, content, hourly, of_raw, table, write, write_events
from spark_rollups import EVERYTHING, KINDS, of_one_machine, of_spark, shuffled

from duckdb_sketch import spark as sketches
from duckdb_sketch.rollup import SourceError, Specification
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.spark import SparkError
from duckdb_sketch.spark import files as files_module
from duckdb_sketch.spark.files import Files
from duckdb_sketch.spark.job import Job
from duckdb_sketch.spark.load import Cluster

pytestmark = pytest.mark.spark

USERS = "SELECT date_trunc('day', ts) AS day, {}count(*) AS n, hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL"


def in_duckdb(statement: str, *paths: Path) -> tuple[list[Any], dict[str, str]]:
    """What a statement over bids is on one machine."""
    files = ", ".join(f"'{path}'" for path in paths)
    return of_one_machine(statement, "bids", f"read_parquet([{files}], union_by_name = true)")


def test_every_kind_of_column(spark: Any, tmp_path: Path) -> None:
    for number in range(3):
        write(
            tmp_path / f"{number}.parquet",
            f"SELECT * FROM ({KINDS}) WHERE i % 3 = {number}".replace("SELECT ts,", "SELECT i, ts,"),
        )
    expected, types = of_one_machine(EVERYTHING, "events", f"'{tmp_path}/*.parquet'")
    assert len(expected) > 300
    groups = sketches.rollup(spark, EVERYTHING, {"events": [tmp_path / "[01].parquet", str(tmp_path / "2*")]})
    assert repr(of_spark(groups, types)) == repr(expected)  # NaN is not itself


def test_a_large_file_is_read_in_parts(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part gives groups of its own, which are shuffled and nothing else."""
    path = tmp_path / "bids.parquet"
    rows = "SELECT TIMESTAMP '2024-01-01' + to_seconds(i) AS ts, i % 999 AS user_id FROM range(30_000) t(i)"
    duckdb.execute(f"COPY ({rows}) TO '{path}' (ROW_GROUP_SIZE 2048)")
    monkeypatch.setattr(files_module, "_LEAST", 4096)
    expected, types = in_duckdb(USERS.format(""), path)
    before = shuffled(spark)
    assert of_spark(sketches.rollup(spark, USERS.format(""), {"bids": path}), types) == expected
    groups, _ = (after - earlier for after, earlier in zip(shuffled(spark), before, strict=True))
    assert groups == 8, "eight parts of a day"


def test_columns_are_as_wide_as_the_widest(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And come from folders' names; a struct's field is a column like any other."""
    monkeypatch.setattr(files_module, "_LEAST", 1)  # a file a task
    rows = "SELECT TIMESTAMP '2024-01-01' AS ts, {} AS user_id, {{'id': i}} AS device FROM range(5) t(i)"
    small = write(tmp_path / "site=1" / "a.parquet", rows.format("i::SMALLINT"))
    large = write(tmp_path / "site=2" / "b.parquet", rows.format("i * 10_000_000_000"))
    statement = USERS.format("site, sum(device.id) AS devices, max(user_id) AS most, ")
    expected, types = in_duckdb(statement, small, large)
    assert types["site"] == "BIGINT"
    assert [row[1:5] for row in expected] == [(1, 10, 4, 5), (2, 10, 40_000_000_000, 5)]
    assert of_spark(sketches.rollup(spark, statement, {"bids": tmp_path / "*" / "*.parquet"}), types) == expected


def test_names_with_characters_of_patterns(spark: Any, tmp_path: Path) -> None:
    path = write_events(tmp_path / "a {1,2} [b] 'ü'%20.parquet", 0, 10)
    expected = in_duckdb(HOURLY, write_events(tmp_path / "b.parquet", 0, 10))
    assert of_spark(sketches.rollup(spark, HOURLY, {"bids": path.parent / "a *.parquet"}), expected[1]) == expected[0]


def test_text_is_counted_as_on_one_machine(spark: Any, tmp_path: Path) -> None:
    with hourly(tmp_path, "[ab].*", database=tmp_path / "mixed.duckdb") as mixed:
        write_events(tmp_path / "a.csv", 0, 100)
        assert mixed.refresh().rows == 100
        write_events(tmp_path / "b.csv", 90, 200)
        write_events(tmp_path / "a.jsonl", 150, 400)
        done = sketches.refresh(spark, mixed)
        assert (done.files, done.rows) == (2, 360)
        with hourly(tmp_path, "[ab].*", database=tmp_path / "clean.duckdb") as clean:
            clean.refresh()
            assert table(mixed) == table(clean)


def test_spark_reads_what_urls_stand_for(spark: Any, tmp_path: Path) -> None:
    path = write_events(tmp_path / "a {1,2} [b] ü%20.parquet", 0, 10)
    url = File(f"file://{path}", path.stat().st_size, 0)
    with hourly(tmp_path) as rollup:
        cluster = Cluster(spark, rollup, "1GB")
        types = {"ts": "TIMESTAMP", "publisher": "VARCHAR", "user_id": "BIGINT", "price": "DECIMAL(10,2)"}
        found = []
        for file in (url, File.at(str(path))):
            rollup.connection.register("groups", cluster._aggregate([file], types))
            found.append(content(rollup.connection, "FROM groups"))
        assert len(found[0]) == 10
        assert found[0] == found[1]
        with pytest.raises(SourceError, match=r"file:///a.csv is not Parquet"):
            cluster._aggregate([File("file:///a.csv", 1, 1)], types)


def test_a_file_that_executors_do_not_have_is_named(spark: Any, tmp_path: Path) -> None:
    path = write_events(tmp_path / "only on the driver.parquet", 0, 10)
    specification = Specification.parse(HOURLY)
    job = Job(specification, Files(spark, specification, [File.at(str(path))]), {}, None)
    groups = job.groups
    path.unlink()
    with pytest.raises(Exception, match=r"only on the driver\.parquet"):
        groups.toArrow()


def test_a_file_that_executors_cannot_read_counts_nothing(spark: Any, tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", 0, 10)
    write_events(tmp_path / "b.parquet", 10, 2000)
    damaged = bytearray((tmp_path / "b.parquet").read_bytes())
    damaged[4:2000] = bytes(1996)  # its end, where its columns are described, is whole
    (tmp_path / "b.parquet").write_bytes(damaged)
    with hourly(tmp_path) as rollup:
        with pytest.raises(SparkError):
            sketches.refresh(spark, rollup)
        write_events(tmp_path / "b.parquet", 10, 2000)
        assert sketches.refresh(spark, rollup).rows == 2000
        assert table(rollup) == of_raw(rollup, str(tmp_path / "*.parquet"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "the source bids is a int: give paths of files, or a DataFrame of Spark"),
        ("s3://bucket/bids/*.parquet", "the source bids is the URL s3://bucket"),
        ("nowhere/*.parquet", r"nowhere/\*\.parquet: there is no such file"),
    ],
)
def test_other_sources_are_refused(spark: Any, source: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        sketches.rollup(spark, HOURLY, {"bids": source})


def test_files_of_other_columns_are_named(spark: Any, tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", 0, 10)
    write(tmp_path / "b.parquet", f"SELECT * REPLACE (price::DOUBLE AS price) FROM ({EVENTS.format(first=0, last=9)})")
    with pytest.raises(SourceError, match=r"b\.parquet: column price is DOUBLE, and .* DECIMAL"):
        sketches.rollup(spark, HOURLY, {"bids": tmp_path / "*.parquet"})
