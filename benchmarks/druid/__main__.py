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

_OBJECTS = 50_000
_QUICK_OBJECTS = 2_000
_VALUES = 200_000
_TRIALS = 400
_QUICK_TRIALS = 20
_ROUNDS = 15


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    data = data_folder("druid-quick" if options.quick else "druid")
    output: Path = options.output or (data / "results" if options.quick else COMMITTED_RESULTS)
    output.mkdir(parents=True, exist_ok=True)
    if not options.render:
        try:
            java = Java(class_path(data / "classes"))
        except Unavailable as reason:
            print(f"Nothing was measured beside Druid: {reason}")
            return 1
        (output / "druid.json").write_text(json.dumps(_measure(java, data, options.quick), indent=1) + "\n")
    text = render(json.loads((output / "druid.json").read_text()))
    (output / "druid.md").write_text(text)
    print(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.druid", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little data")
    parser.add_argument("--output", type=Path, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="only write the tables again, from the JSON")
    return parser


def _measure(java: Java, data: Path, quick: bool) -> dict[str, Any]:
    progress = Progress()
    objects, trials = (_QUICK_OBJECTS, _QUICK_TRIALS) if quick else (_OBJECTS, _TRIALS)
    found: dict[str, Any] = {"rounds": _ROUNDS, "values": _VALUES, "trials": trials, "hyper_uniques": []}
    for kind in ("dense", "sparse"):
        with progress.step(f"{kind} hyperUniques"):
            found["hyper_uniques"].append(fold_hyper_uniques(java, data, kind, objects, _ROUNDS))
    with progress.step("histograms"):
        found["histograms"] = fold_histograms(java, data, objects, _ROUNDS)
    with progress.step("errors of rank"):
        found["ranks"] = histogram_errors(java, data, _VALUES)
    with progress.step("errors of distinct counts"):
        counts = [100, 1_000, 5_000, 10_000] if quick else [100, 1_000, 5_000, 10_000, 100_000]
        found["distinct"] = distinct_errors(java, trials, counts)
    return {**found, "java": java.version(), "machine": machine.describe()}


if __name__ == "__main__":
    sys.exit(main())
