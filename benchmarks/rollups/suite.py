"""What keeping a rollup costs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, ClassVar

from benchmarks.rollups import jobs
from benchmarks.rollups.events import write_bids
from benchmarks.rollups.late_files import late_files
from benchmarks.rollups.report import render
from benchmarks.rollups.small_files import small_files, write_small_files
from benchmarks.scale import THREADS
from benchmarks.suite import Suite

_PUBLISHERS = 1_000
_ROWS_A_FILE = 1_000_000
_ROWS_A_GROUP = 600  # so that the days are as many as give this
_YEAR = 365
_FEW_PUBLISHERS = (1, 10)
_MANY_FILES = {"full": 10_000, "quick": 1_000, "toy": 20}
_SMALL_FILES = {
    "full": {"parquet": 50_000, "csv": 3_000},
    "quick": {"parquet": 2_000, "csv": 200},
    "toy": {"parquet": 20, "csv": 10},
}
_HOURS = {"full": (34, 1_000), "quick": (34,), "toy": (2,)}  # of a thousand groups each
_LATE_FILES = {"full": 200, "quick": 20, "toy": 3}


class Rollups(Suite):
    name = "rollups"
    summary = "what keeping a rollup costs: refreshes, many small files, late files, coarser levels, memory"
    file = "rollups"
    parts = ("keeping", "small_files", "late_files")
    default_runs = 3
    sizes: ClassVar = {"full": 100_000_000, "quick": 4_000_000, "toy": 40_000}

    def measure(self, part: str) -> dict[str, Any]:
        measure = {"keeping": self._keeping, "small_files": self._small_files, "late_files": self._late_files}[part]
        return {"runs": self.runs, "threads": THREADS, **measure()}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        return render(sections)

    def _keeping(self) -> dict[str, Any]:
        data, rows, files = self.data, self.size, max(self.size // _ROWS_A_FILE, 4)
        days = rows / (_ROWS_A_GROUP * _PUBLISHERS * 24)
        bids, many = data / "bids", data / "many"
        with self.progress.step("the bids"):
            write_bids(bids, rows, files, _PUBLISHERS, days)
            many_files = _MANY_FILES[self.options.scale]
            write_bids(many, many_files * 20, many_files, max(_FEW_PUBLISHERS), 30)
        database = data / "hourly.duckdb"
        found: dict[str, Any] = {"rows": rows, "files": files, "publishers": _PUBLISHERS}
        found["group_by"] = self._best(jobs.group_by, bids, data / "bare.duckdb")
        found["refresh"] = self._best(jobs.refresh, bids, database, None)
        found["refresh_in_2gb"] = self._best(jobs.refresh, bids, data / "small.duckdb", "2GB")
        with self.progress.step("late files"):
            late = [_run(jobs.late_file, bids, database, size, rows, days, _PUBLISHERS) for size in (1_000, 100_000)]
        with self.progress.step("nothing new"):
            again = _run(jobs.refresh_again, many, data / "many.duckdb", self.runs)
        return {**found, "late": late, "nothing_new": again, "months": self._months(rows, files)}

    def _months(self, rows: int, files: int) -> list[dict[str, Any]]:
        found = []
        for publishers in _FEW_PUBLISHERS:
            year = self.data / f"year-{publishers}"
            with self.progress.step(f"months of {publishers} publishers"):
                write_bids(year, rows, files, publishers, _YEAR)
                months = _run(jobs.months, year, year.with_suffix(".duckdb"), self.runs)
            found.append({"publishers": publishers, **months})
        return found

    def _small_files(self) -> dict[str, Any]:
        """Of each kind the best bare query, and the best refresh."""
        found = []
        for suffix, files in _SMALL_FILES[self.options.scale].items():
            folder = self.data / f"small-{suffix}"
            with self.progress.step(f"{files:,} files of {suffix}"):
                write_small_files(folder, files, suffix)
                job = (small_files, folder, files, suffix, self.data / "small_files.duckdb")
                measured = [_run(*job) for _ in range(self.runs)]
            times = ("bare_seconds", "bare_processor", "seconds", "processor")
            best = {name: min(each[name] for each in measured) for name in times}
            found.append({"suffix": suffix, **measured[0], **best})
        return {"kinds": found}

    def _late_files(self) -> dict[str, Any]:
        """Of each size of table the best first, median, last and slowest time, each over all runs."""
        found = []
        files = _LATE_FILES[self.options.scale]
        for hours in _HOURS[self.options.scale]:
            with self.progress.step(f"{files} late files into {hours} hours"):
                measured = [_run(late_files, self.data, hours, files) for _ in range(self.runs)]
            best = {
                part: {name: min(each[part][name] for each in measured) for name in measured[0][part]}
                for part in ("refresh", "commit")
            }
            processor = min(each["processor"] for each in measured)
            found.append({**measured[0], **best, "processor": processor})
        return {"tables": found}

    def _best(self, job: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
        with self.progress.step(f"{job.__name__} {' '.join(str(each) for each in arguments[2:])}"):
            return min((_run(job, *arguments) for _ in range(self.runs)), key=lambda measured: measured["seconds"])


def _run(job: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run a job in a new process, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(job, *arguments).result()
