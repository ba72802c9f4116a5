"""The command line of the storage study: `python -m benchmarks.study --help`."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import machine
from benchmarks.folders import COMMITTED_RESULTS, data_folder
from benchmarks.markdown import bytes_text
from benchmarks.progress import Progress
from benchmarks.scale import THREADS
from benchmarks.study.bids import Bids
from benchmarks.study.flights import Flights
from benchmarks.study.report import render
from benchmarks.study.stores import describe, raw_store, rollup_stores
from benchmarks.study.subject import Subject
from benchmarks.study.timing import ask_everything

FULL_ROWS = 100_000_000
_WHAT = "Raw rows against rollups. A hundred million bids took 150 s on two cores, and 1.5 GB of disk."


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    name = "study" if options.rows == FULL_ROWS else f"study-{options.rows}"
    data = data_folder(name)
    output: Path = options.output or (COMMITTED_RESULTS if options.rows == FULL_ROWS else data / "results")
    output.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    if not options.render:
        subjects: list[Subject] = [Flights(), Bids(options.rows)]
        _write(output, _measure(subjects, data, options.runs, progress))
    _show(output, progress)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study",
        description=_WHAT,
    )
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help=f"bids to generate (default: {FULL_ROWS:,})")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each question (default: 3)")
    parser.add_argument("--output", type=Path, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="only write table and chart again, from the JSON")
    return parser


def _measure(subjects: list[Subject], data: Path, runs: int, progress: Progress) -> dict[str, Any]:
    start = perf_counter()
    measured = [_study(subject, data / subject.name, runs, progress) for subject in subjects]
    used = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    return {
        "threads": THREADS,
        "runs": runs,
        "machine": machine.describe(),
        "seconds": perf_counter() - start,
        "disk_bytes": used,
        "subjects": measured,
    }


def _study(subject: Subject, folder: Path, runs: int, progress: Progress) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    progress.title(subject.title)
    with progress.step("the raw rows"):
        raw = raw_store(subject, folder)
    free = shutil.disk_usage(folder).free
    progress.line(f"raw: {bytes_text(raw.bytes)}; free on the disk: {bytes_text(free)}")
    with progress.step("the rollups"):
        stores = [raw, *rollup_stores(subject, raw, folder)]
    with progress.step("the questions"):
        questions = ask_everything(subject, stores, runs)
    return {
        "name": subject.name,
        "title": subject.title,
        "source": subject.source,
        "dimensions": list(subject.dimensions),
        "counted": subject.counted,
        "measured": subject.measured,
        "stores": {store.name: describe(store, raw) for store in stores},
        "questions": questions,
    }


def _write(output: Path, study: dict[str, Any]) -> None:
    (output / "study.json").write_text(json.dumps(study, indent=1, ensure_ascii=False) + "\n")


def _show(output: Path, progress: Progress) -> None:
    study = json.loads((output / "study.json").read_text())
    text = render(study)
    (output / "study.md").write_text(text)
    print(text)
    progress.line(f"took {study['seconds']:.0f} s and {bytes_text(study['disk_bytes'])} of disk")
    try:
        from benchmarks.study.chart import draw_study
    except ImportError as error:
        progress.line(f"no chart: {error}")
        return
    draw_study(output / "study.png", study)
    progress.line(f"wrote {output / 'study.png'}")


if __name__ == "__main__":
    main()
