"""An executor that is killed in the middle changes nothing in the result."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import EVENTS, HOURLY, table
from slowly import Slowly

from duckdb_sketch import spark as sketches
from duckdb_sketch.rollup import Rollup
from duckdb_sketch.spark.frame import Frame
from duckdb_sketch.spark.job import Job

pytestmark = pytest.mark.spark

_PARTITIONS = 6
_LIMIT = 60  # seconds until a test is given up


def executors(spark: Any) -> dict[int, int]:
    """The processes of this session's executors, which are children of its driver, and of their Python daemons."""
    driver = spark.sparkContext._gateway.proc.pid
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    children = {pid for pid, parent in parents.items() if parent == driver}
    return {daemon: parent for daemon, parent in parents.items() if parent in children}


@pytest.mark.parametrize("stage", ["aggregating", "merging"])
def test_an_executor_is_killed(spark: Any, tmp_path: Path, stage: str) -> None:
    path = tmp_path / "bids.parquet"
    duckdb.sql(EVENTS.format(first=0, last=6000)).write_parquet(str(path))
    markers = tmp_path / "markers"
    markers.mkdir()
    events = spark.read.parquet(str(path)).repartition(_PARTITIONS)
    slowly = Slowly(str(markers), 1.0)
    done: list[Any] = []
    with Rollup.from_sql(HOURLY, name="hourly") as rollup, Rollup.from_sql(HOURLY, name="hourly") as one:
        if stage == "aggregating":
            slow = events.mapInArrow(slowly, events.schema)
            work = threading.Thread(target=lambda: done.append(sketches.append(rollup, slow, batch_id="a")))
        else:
            # When groups merge, the first stage is over: what the killed executor had of it has to be made again.
            groups = Job(rollup.specification, Frame(rollup.specification, events), {}, None).groups
            slow = groups.mapInArrow(slowly, groups.schema)
            sample = duckdb.sql(EVENTS.format(first=0, last=0)).to_arrow_table()
            work = threading.Thread(
                target=lambda: done.append(rollup.append_groups(slow.toArrow(), events=sample, batch_id="a"))
            )
        # Rollups are of the thread that made them, as DuckDB's connections are, as long as nobody else uses them.
        work.start()
        killed = kill_one(spark, markers)
        work.join(_LIMIT)
        assert done, "the job ended"
        assert done[0].rows == 6000
        attempts = [marker.name.split("-") for marker in markers.iterdir()]
        assert any(int(daemon) == killed for _, _, daemon in attempts), "it had been at work"
        partitions = [int(partition) for partition, _, _ in attempts]
        assert len(partitions) > len(set(partitions)), "and its work was done again"
        one.append(duckdb.read_parquet(str(path)))
        assert table(rollup) == table(one)


def kill_one(spark: Any, markers: Path) -> int:
    """Kill an executor that is at work; return its Python daemon."""
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline:
        at_work = {int(marker.name.split("-")[2]) for marker in markers.iterdir()}
        running = executors(spark)
        if at_work & running.keys():
            daemon = min(at_work & running.keys())
            os.kill(running[daemon], signal.SIGKILL)
            return daemon
        time.sleep(0.05)
    raise AssertionError("no executor was at work")
