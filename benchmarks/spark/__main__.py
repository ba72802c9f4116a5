"""The command line: `python -m benchmarks.spark --help`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.folders import COMMITTED_RESULTS, data_folder
from benchmarks.progress import Progress
from benchmarks.rollups.events import write_bids
from benchmarks.scale import THREADS
from benchmarks.spark import jobs
from benchmarks.spark.report import render

_FULL_ROWS = 100_000_000
_QUICK_ROWS = 4_000_000
_PUBLISHERS = 1_000
_ROWS_A_FILE = 1_000_000
_FEW_FILES = 4  # of which the ways to merge are compared: one of them is slow
_ROWS_A_GROUP = 600  # of an hour and publisher, so that the days are as many as give this


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    rows = _QUICK_ROWS if options.quick else options.rows
    full = rows == _FULL_ROWS
    data = data_folder("rollups" if full else f"rollups-{rows}")
    output: Path = options.output or (COMMITTED_RESULTS if full else data / "results")
    output.mkdir(parents=True, exist_ok=True)
    if not options.render:
        found = _measure(data, rows, options.runs)
        (output / "spark.json").write_text(json.dumps(found, indent=1) + "\n")
    text = render(json.loads((output / "spark.json").read_text()))
    (output / "spark.md").write_text(text)
    print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--rows", type=int, default=_FULL_ROWS, help=f"bids to generate (default: {_FULL_ROWS:,})")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK_ROWS:,} bids")
    parser.add_argument("--runs", type=int, default=2, help="runs of each job, of which the best counts (default: 2)")
    parser.add_argument("--output", type=Path, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="only write the table again, from the JSON")
    return parser


def _measure(data: Path, rows: int, runs: int) -> dict[str, Any]:
    progress = Progress()
    files = max(rows // _ROWS_A_FILE, 4)
    with progress.step("the bids"):
        write_bids(data / "bids", rows, files, _PUBLISHERS, rows / (_ROWS_A_GROUP * _PUBLISHERS * 24))
    found: dict[str, Any] = {"rows": rows, "files": files, "runs": runs, "threads": THREADS}
    found["few_rows"] = min(_FEW_FILES, files) * (rows // files)
    with jobs.session(data) as spark:
        for kind, work, number in (("jobs", jobs.JOBS, files), ("merging", jobs.WAYS_TO_MERGE, _FEW_FILES)):
            paths = [str(path) for path in sorted((data / "bids").glob("*.parquet"))[:number]]
            events, one_file = spark.read.parquet(*paths), spark.read.parquet(paths[0])
            found[kind] = {group: {"groups": jobs.groups(paths, by)} for group, by in jobs.GROUPS.items()}
            for group, by in jobs.GROUPS.items():
                for job in work.values():
                    jobs.measure(spark, job(one_file, by))  # so that compilers and workers are warm
                measured: dict[str, list[dict[str, float]]] = {name: [] for name in work}
                for _ in range(runs):  # in turn, so that what else the machine does disturbs all of them
                    for name, job in work.items():
                        with progress.step(f"{name}, {group}, {len(paths)} files"):
                            measured[name].append(jobs.measure(spark, job(events, by)))
                for name, each in measured.items():
                    found[kind][group][name] = min(each, key=lambda one: one["seconds"])
    return {**found, "machine": machine.describe()}


if __name__ == "__main__":
    main()
