"""Many small files within a memory limit: batches have few enough of them, however few rows those have."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from duckdb_sketch import Rollup
from duckdb_sketch.rollup import SourceError
from duckdb_sketch.rollup.memory import files_that_fit
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.parquet_files import _by_schema

STATEMENT = "SELECT date_trunc('day', ts) AS d, count(*) AS n FROM e GROUP BY ALL"


def write(folder: Path, files: int) -> str:
    for number in range(files):
        (folder / f"{number:03}.ndjson").write_text('{"ts":"2026-01-01 00:00:00"}\n')
    return str(folder / "*.ndjson")


def test_a_batch_has_a_limited_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.rollup.files_that_fit", lambda *_: 2)
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": write(tmp_path, 5)}) as rollup:
        assert len(rollup.refresh().batches) == 3
        assert rollup.table().fetchall()[0][1] == 5
        assert rollup.replay().rows == 5


def test_less_memory_is_fewer_files(tmp_path: Path) -> None:
    with Rollup.from_sql(STATEMENT, name="r", sources={"e": write(tmp_path, 1)}) as rollup:
        fitting = [files_that_fit(rollup.connection, limit) for limit in ("1MB", "200MB", "1GB", "-1")]
    assert fitting == sorted(fitting)
    assert 100 == fitting[0] < fitting[1] < 5000


def test_small_json_files_are_read_within_little_memory(tmp_path: Path) -> None:
    """DuckDB takes 32 MiB for a buffer of JSON, several in each thread."""
    sources = {"e": write(tmp_path, 300)}
    with Rollup.from_sql(
        STATEMENT, name="r", sources=sources, database=tmp_path / "r.duckdb", memory_limit="200MB"
    ) as rollup:
        assert rollup.refresh().rows == 300


@pytest.mark.parametrize("is_damaged", [False, True])
def test_footers_are_read_by_several_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_damaged: bool
) -> None:
    """Files of two schemas in turns, so that each connection has both."""
    monkeypatch.setattr("duckdb_sketch.rollup.sources.parquet_files._FOOTERS_AT_ONCE", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    for number in range(7):
        kind = "INTEGER" if number % 3 else "BIGINT"
        query = f"SELECT TIMESTAMP '2026-01-01' AS ts, {number}::{kind} AS x"
        duckdb.sql(query).write_parquet(str(tmp_path / f"{number}.parquet"))
    if is_damaged:
        (tmp_path / "4.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    statement = "SELECT date_trunc('day', ts) AS d, count(*) AS n, sum(x) AS x FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r", sources={"e": tmp_path / "*.parquet"}) as rollup:
        if is_damaged:
            with pytest.raises(SourceError, match=r"4\.parquet"):
                rollup.refresh()
        else:
            rollup.refresh()
            assert rollup.table().fetchall()[0][1:] == (7, 21)
            files = [File.at(str(path)) for path in sorted(tmp_path.iterdir())]
            schemas = _by_schema(rollup.connection, files)
            assert [[Path(file.path).stem for file in alike] for alike in schemas] == [["0", "3", "6"], [*"1245"]]
