"""The command line: `python -m benchmarks.rollups --help`."""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.folders import COMMITTED_RESULTS, data_folder
from benchmarks.progress import Progress
from benchmarks.rollups import jobs
from benchmarks.rollups.events import write_bids
from benchmarks.rollups.report import render
from benchmarks.scale import THREADS

FULL_ROWS = 100_000_000
_PUBLISHERS = 1_000
_ROWS_A_FILE = 1_000_000
_ROWS_A_GROUP = 600  # so that the days are as many as give this
_MANY_FILES = 10_000
_YEAR = 365
_FEW_PUBLISHERS = (1, 10)


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    name = "rollups" if options.rows == FULL_ROWS else f"rollups-{options.rows}"
    data = data_folder(name)
    output: Path = options.output or (COMMITTED_RESULTS if options.rows == FULL_ROWS else data / "results")
    output.mkdir(parents=True, exist_ok=True)
    if not options.render:
        found = _measure(data, options.rows, options.many_files, options.runs)
        (output / "rollups.json").write_text(json.dumps(found, indent=1) + "\n")
    text = render(json.loads((output / "rollups.json").read_text()))
    (output / "rollups.md").write_text(text)
    print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rollups", description=__doc__)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help=f"bids to generate (default: {FULL_ROWS:,})")
    parser.add_argument("--many-files", type=int, default=_MANY_FILES, help="files of the refresh with nothing new")
    parser.add_argument("--runs", type=int, default=3, help="runs of each job, of which the best counts (default: 3)")
    parser.add_argument("--output", type=Path, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="only write the table again, from the JSON")
    return parser


def _measure(data: Path, rows: int, many_files: int, runs: int) -> dict[str, Any]:
    progress = Progress()
    files = max(rows // _ROWS_A_FILE, 4)
    days = rows / (_ROWS_A_GROUP * _PUBLISHERS * 24)
    bids, many = data / "bids", data / "many"
    years = {publishers: data / f"year-{publishers}" for publishers in _FEW_PUBLISHERS}
    with progress.step("the bids"):
        write_bids(bids, rows, files, _PUBLISHERS, days)
        write_bids(many, many_files * 20, many_files, max(_FEW_PUBLISHERS), 30)
        for publishers, year in years.items():
            write_bids(year, rows, files, publishers, _YEAR)
    found: dict[str, Any] = {"rows": rows, "files": files, "publishers": _PUBLISHERS, "runs": runs, "threads": THREADS}

    def best(job: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
        with progress.step(f"{job.__name__} {' '.join(str(each) for each in arguments[2:])}"):
            return min((_run(job, *arguments) for _ in range(runs)), key=lambda measured: measured["seconds"])

    database = data / "hourly.duckdb"
    found["group_by"] = best(jobs.group_by, bids, data / "bare.duckdb")
    found["refresh"] = best(jobs.refresh, bids, database, None)
    found["refresh_in_2gb"] = best(jobs.refresh, bids, data / "small.duckdb", "2GB")
    with progress.step("late files"):
        late = [_run(jobs.late_file, bids, database, size, rows, days, _PUBLISHERS) for size in (1_000, 100_000)]
    found["late"] = late
    with progress.step("nothing new"):
        found["nothing_new"] = _run(jobs.refresh_again, many, data / "many.duckdb", runs)
    with progress.step("months"):
        found["months"] = [
            {"publishers": publishers, **_run(jobs.months, year, year.with_suffix(".duckdb"), runs)}
            for publishers, year in years.items()
        ]
    return {**found, "machine": machine.describe()}


def _run(job: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run a job in a new process, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(job, *arguments).result()


if __name__ == "__main__":
    main()
