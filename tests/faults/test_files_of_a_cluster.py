"""On a cluster: text is typed by all of its values, and nanoseconds are truncated."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch.rollup import Rollup, SourceError, Specification
from duckdb_sketch.rollup.sources.file import File

pytest.importorskip("pyspark")

from duckdb_sketch.spark.files import Files
from duckdb_sketch.spark.job import Job
from duckdb_sketch.spark.load import Cluster
from duckdb_sketch.spark.worker import opened

NO_CLUSTER: Any = None  # what is asked here, the driver answers by itself


def rows(statement: str, *files: Path) -> list[tuple[Any, ...]]:
    """What each task would run, over all of the files."""
    specification = Specification.parse(statement)
    events = Files(NO_CLUSTER, specification, [File.at(str(file)) for file in files])
    job = Job(specification, events, {}, None)
    with opened("UTC") as connection:
        events.show(connection)
        return connection.execute(job._statement).fetchall()


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_fraction_far_down_a_file_is_not_rounded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        path.write_text("ts,price\n" + "2026-01-01 00:00:00,1\n" * 25_000 + "2026-01-01 00:00:00,.6\n" * 5_000)
    else:
        line = '{{"ts": "2026-01-01 00:00:00", "price": {}}}\n'
        path.write_text(line.format(1) * 25_000 + line.format(0.6) * 5_000)
    ((_, total, *_),) = rows("SELECT date_trunc('day', ts) AS day, sum(price) AS s FROM e GROUP BY ALL", path)
    assert total == pytest.approx(28_000)


def test_nanoseconds_are_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT '2026-01-01 10:59:59.999999999'::TIMESTAMP_NS AS ts) TO '{path}'")
    statement = "SELECT date_trunc('hour', ts) AS hour, ts::DATE AS day, count(*) AS n FROM e GROUP BY ALL"
    ((hour, *_),) = rows(statement, path)
    assert hour == datetime(2026, 1, 1, 10)


@pytest.mark.parametrize(("options", "taken"), [("delim = ';'", False), ("types = {'x': 'BIGINT'}", True)])
def test_text_that_is_written_in_another_way_is_not_read_by_executors(
    tmp_path: Path, options: str, taken: bool
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ts,x\n2026-01-01 00:00:00,1\n")
    statement = "SELECT date_trunc('hour', ts) AS hour, sum(x) AS x FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r", sources={"e": f"read_csv('{path}', {options})"}) as rollup:
        cluster = Cluster(NO_CLUSTER, rollup, "1GB")
        types = {"ts": "TIMESTAMP", "x": "BIGINT"}
        if taken:
            assert isinstance(cluster._events([File.at(str(path))], types), Files)
        else:
            with pytest.raises(SourceError, match="executors do not know how its files are written"):
                cluster._events([File.at(str(path))], types)
