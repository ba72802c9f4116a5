"""The storage study: raw rows against rollups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

from benchmarks.markdown import bytes_text
from benchmarks.progress import Progress
from benchmarks.scale import THREADS
from benchmarks.study.bids import Bids
from benchmarks.study.flights import Flights
from benchmarks.study.report import render
from benchmarks.study.stores import describe, raw_store, rollup_stores
from benchmarks.study.subject import Subject
from benchmarks.study.timing import ask_everything
from benchmarks.suite import Suite


class Study(Suite):
    name = "study"
    summary = "raw rows against rollups: bytes, and the time of a question; 150 s and 1.5 GB of disk on two cores"
    file = "study"
    parts = ("study",)
    default_runs = 3
    sizes: ClassVar = {"full": 100_000_000, "quick": 4_000_000, "toy": 5_000}

    def measure(self, part: str) -> dict[str, Any]:
        start = perf_counter()
        data, subjects = self.data, (Flights(), Bids(self.size))
        measured = [_study(subject, data / subject.name, self.runs, self.progress) for subject in subjects]
        used = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
        seconds = perf_counter() - start
        self.progress.line(f"took {seconds:.0f} s and {bytes_text(used)} of disk")
        return {"threads": THREADS, "runs": self.runs, "seconds": seconds, "disk_bytes": used, "subjects": measured}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        return render(sections["study"])

    @staticmethod
    def draw(sections: dict[str, Any], folder: Path) -> Iterator[Path]:
        from benchmarks.study.chart import draw_study

        draw_study(folder / "study.png", sections["study"])
        yield folder / "study.png"


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
