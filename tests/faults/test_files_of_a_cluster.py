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


def planned(source: str, select: str, *files: Path) -> list[tuple[Any, ...]]:
    """What executors would run over files of a declared source, each of them in a process of its own."""
    statement = f"SELECT date_trunc('day', ts) AS d, {select} FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r", sources={"e": source}) as rollup:
        slices = [File.at(str(file)) for file in files]
        with rollup._source.reader().events(slices, {}) as events:
            made = Cluster(NO_CLUSTER, rollup, "1GB")._events(slices, events.plan)
        job = Job(rollup.specification, made, {}, None)
    with opened("UTC") as connection:
        made.show(connection)
        items = [row[1:-2] for row in connection.execute(job._statement).fetchall()]
        return sorted(items, key=str)


def test_executors_read_declared_text_as_it_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ts;x;n\n01.02.2026;1,5;7\n")
    (tmp_path / "b.csv").write_text("n;ts\n8;02.02.2026\n")
    source = f"read_csv('{tmp_path}/*.csv', delim = ';', decimal_separator = ',', dateformat = '%d.%m.%Y'"
    files = (tmp_path / "a.csv", tmp_path / "b.csv")
    found = planned(f"{source}, union_by_name = true)", "sum(x) AS x, sum(n) AS n", *files)
    assert found == [(1.5, 7), (None, 8)]
    with pytest.raises(SourceError, match=r"b\.csv: there is no column x"):
        planned(f"{source})", "sum(x) AS x, sum(n) AS n", *files)
    with pytest.raises(SourceError, match="ignore_errors = true is for files that this process reads alone"):
        planned(f"{source}, ignore_errors = true)", "sum(n) AS n", files[0])


def test_executors_read_partitions_and_nested_json_as_one_process_does(tmp_path: Path) -> None:
    for month, uid in (("09", "1"), ("10", "2")):
        folder = tmp_path / f"month={month}"
        folder.mkdir()
        (folder / "a.json").write_text(f'{{"ts": "2026-01-01 00:00:00", "p": {{"uid": {uid}}}, "x": null}}\n')
    files = sorted(tmp_path.glob("*/*.json"))
    assert planned(f"{tmp_path}/*/*.json", "month, max(p.uid) AS u, count(x) AS n", *files) == [(10, 2, 0), (9, 1, 0)]


def test_executors_read_a_part_of_a_file_by_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT TIMESTAMP '2026-01-01' AS ts, i AS x FROM range(10) t(i)) TO '{path}'")
    specification = Specification.parse("SELECT date_trunc('day', ts) AS d, sum(x) AS x FROM e GROUP BY ALL")
    file = File.at(str(path))
    events = Files(NO_CLUSTER, specification, [file])
    assert duckdb.sql(f"SELECT x FROM ({events._plan.sql([file], (3, 6))}) ORDER BY x").fetchall() == [(3,), (4,), (5,)]
