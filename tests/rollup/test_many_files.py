"""Many small files within a memory limit: batches have few enough of them, however few rows those have."""

from __future__ import annotations

from pathlib import Path

import pytest

from duckdb_sketch import Rollup
from duckdb_sketch.rollup.memory import files_that_fit

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
