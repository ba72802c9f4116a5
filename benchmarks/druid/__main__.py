"""The command line: `python -m benchmarks.druid --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.druid.accuracy import distinct_errors, histogram_errors
from benchmarks.druid.classes import Unavailable, class_path
from benchmarks.druid.folds import fold_histograms, fold_hyper_uniques
from benchmarks.druid.java import Java
from benchmarks.druid.report import render
from benchmarks.folders import COMMITTED_RESULTS, data_folder
from benchmarks.progress import Progress

FULL_OBJECTS = 50_000
_VALUES_AN_OBJECT = 4
_OBJECTS_A_TRIAL = 125
_DIFFERENT = (100, 1_000, 5_000, 10_000, 100_000)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    is_full = options.objects == FULL_OBJECTS
    data = data_folder("druid" if is_full else f"druid-{options.objects}")
    output: Path = options.output or (COMMITTED_RESULTS if is_full else data / "results")
    output.mkdir(parents=True, exist_ok=True)
    if not options.render:
        try:
            java = Java(class_path(data / "classes"))
        except Unavailable as reason:
            print(f"Nothing was measured beside Druid: {reason}")
            return 1
        found = _measure(java, data, options.objects, options.rounds)
        (output / "druid.json").write_text(json.dumps(found, indent=1) + "\n")
    text = render(json.loads((output / "druid.json").read_text()))
    (output / "druid.md").write_text(text)
    print(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.druid", description=__doc__)
    parser.add_argument("--objects", type=int, default=FULL_OBJECTS, help=f"sketches (default: {FULL_OBJECTS:,})")
    parser.add_argument(
        "--rounds", type=int, default=15, help="runs of a merge, of which the best counts (default: 15)"
    )
    parser.add_argument("--output", type=Path, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="only write the tables again, from the JSON")
    return parser


def _measure(java: Java, data: Path, objects: int, rounds: int) -> dict[str, Any]:
    progress = Progress()
    values, trials = objects * _VALUES_AN_OBJECT, max(objects // _OBJECTS_A_TRIAL, 2)
    found: dict[str, Any] = {"rounds": rounds, "values": values, "trials": trials, "hyper_uniques": []}
    for kind in ("dense", "sparse"):
        with progress.step(f"{kind} hyperUniques"):
            found["hyper_uniques"].append(fold_hyper_uniques(java, data, kind, objects, rounds))
    with progress.step("histograms"):
        found["histograms"] = fold_histograms(java, data, objects, rounds)
    with progress.step("errors of rank"):
        found["ranks"] = histogram_errors(java, data, values)
    with progress.step("errors of distinct counts"):
        found["distinct"] = distinct_errors(java, trials, _DIFFERENT)
    return {**found, "java": java.version(), "machine": machine.describe()}


if __name__ == "__main__":
    sys.exit(main())
