"""Rollups on Spark."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, ClassVar

from benchmarks.rollups.events import write_bids
from benchmarks.scale import THREADS
from benchmarks.spark import jobs
from benchmarks.spark.report import render
from benchmarks.suite import Suite, Unavailable

_PUBLISHERS = 1_000
_ROWS_A_FILE = 1_000_000
_FEW_FILES = 4  # of which the ways to merge are compared: one of them is slow
_ROWS_A_GROUP = 600  # of an hour and publisher, so that the days are as many as give this


class Spark(Suite):
    name = "spark"
    summary = "rollups on Spark beside its own aggregates; needs Java 17"
    file = "spark"
    generated = "rollups"
    parts = ("jobs", "merging")
    default_runs = 2
    sizes: ClassVar = {"full": 100_000_000, "quick": 4_000_000, "toy": 40_000}

    def measure(self, part: str) -> dict[str, Any]:
        if find_spec("pyspark") is None:
            raise Unavailable("pyspark is not installed")
        rows, bids = self.size, self.data / "bids"
        files = max(rows // _ROWS_A_FILE, _FEW_FILES)
        with self.progress.step("the bids"):
            write_bids(bids, rows, files, _PUBLISHERS, rows / (_ROWS_A_GROUP * _PUBLISHERS * 24))
        work, number = (jobs.JOBS, files) if part == "jobs" else (jobs.WAYS_TO_MERGE, _FEW_FILES)
        paths = [str(path) for path in sorted(bids.glob("*.parquet"))[:number]]
        return {
            "rows": number * (rows // files),
            "files": number,
            "runs": self.runs,
            "threads": THREADS,
            "groups": self._groups(paths, work),
        }

    def _groups(self, paths: list[str], work: Mapping[str, jobs.Work]) -> dict[str, Any]:
        """What each job takes, by what it groups by."""
        found: dict[str, Any] = {}
        with jobs.session(self.data) as spark:
            events, one_file = spark.read.parquet(*paths), spark.read.parquet(paths[0])
            for group, by in jobs.GROUPS.items():
                for job in work.values():
                    jobs.measure(spark, job(one_file, by))  # so that compilers and workers are warm
                measured: dict[str, list[dict[str, float]]] = {name: [] for name in work}
                for _ in range(self.runs):  # in turn, so that what else the machine does disturbs all of them
                    for name, job in work.items():
                        with self.progress.step(f"{name}, {group}, {len(paths)} files"):
                            measured[name].append(jobs.measure(spark, job(events, by)))
                best = {name: min(each, key=lambda one: one["seconds"]) for name, each in measured.items()}
                found[group] = {"groups": jobs.groups(paths, by), **best}
        return found

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        return render(sections)
