"""`duckdb-sketch rollup refresh --engine spark`, as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from events import HOURLY, hourly, table, write_events
from processes import PROJECT

pytestmark = pytest.mark.spark


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duckdb_sketch", "rollup", *arguments, "--database", "rollups.duckdb"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "SPARK_LOCAL_IP": "127.0.0.1"}
    environment.pop("SPARK_HOME", None)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_it_counts_what_is_new_and_leaves_the_rest_to_a_refresh(tmp_path: Path) -> None:
    (tmp_path / "hourly.sql").write_text(HOURLY)
    sources = ["hourly.sql", "--source", "bids=files/*.parquet"]
    write_events(tmp_path / "files" / "1.parquet", 0, 100)
    assert run(tmp_path, "refresh", *sources).stdout.startswith("hourly: 1 file, 100 rows")
    write_events(tmp_path / "files" / "2.parquet", 50, 650)
    settings = ["--master", "local[1]", "--conf", "spark.sql.shuffle.partitions=2"]
    done = run(tmp_path, "refresh", *sources, "--engine", "spark", *settings, "--json")
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, 600)
    assert {json.loads(line)["event"] for line in done.stderr.splitlines()} <= {"spark"}
    write_events(tmp_path / "files" / "3.parquet", 600, 700)
    assert run(tmp_path, "refresh", *sources).stdout.startswith("hourly: 1 file, 100 rows")
    with (
        hourly(tmp_path / "files", database=tmp_path / "rollups.duckdb") as mixed,
        hourly(tmp_path / "files") as clean,
    ):
        clean.refresh()
        assert table(mixed) == table(clean)
        assert mixed.status()[0].files == 3


def test_what_goes_wrong_has_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "hourly.sql").write_text(HOURLY)
    write_events(tmp_path / "a.parquet", 0, 10)
    sources = ["hourly.sql", "--source", "bids=*.parquet"]
    done = run(tmp_path, "spark", *sources, "--conf", "nonsense")
    assert (done.returncode, done.stderr) == (
        1,
        "duckdb-sketch: --conf nonsense: write KEY=VALUE, such as spark.executor.memory=4g\n",
    )
    with duckdb.connect(str(tmp_path / "rollups.duckdb")):
        done = run(tmp_path, "spark", *sources, "--json")
        assert done.returncode == 75
        assert json.loads(done.stderr)["kind"] == "LockedError"
