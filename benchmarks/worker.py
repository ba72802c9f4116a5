"""The process of one system: reads requests, a line of JSON each, from its input and answers on its output.

Run as `python -m benchmarks.worker SYSTEM SCALE`. The one that compares is at the other end: `benchmarks.child`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from benchmarks.cpu_time import cpu_seconds
from benchmarks.data import Data
from benchmarks.resident import PeakMemory
from benchmarks.scale import SCALES, THREADS
from benchmarks.systems import SYSTEMS, System


class Worker:
    """The requests that a system answers."""

    def __init__(self, system: System) -> None:
        self.system = system

    def prepare(self, dataset: str) -> dict[str, Any]:
        self.system.prepare(dataset)
        return {}

    def load(self, dataset: str, columns: list[str]) -> dict[str, Any]:
        self.system.load(dataset, columns)
        return {"stored": self.system.stored(dataset)}

    def load_for_memory(self, dataset: str, columns: list[str]) -> dict[str, Any]:
        self.system.load(dataset, columns)
        return {}

    def run(self, workload: str, contender: str) -> dict[str, Any]:
        question = self.system.questions[workload][contender]
        processes = self.system.processes()
        cpu, start = cpu_seconds(processes), time.perf_counter()
        answer = self.system.answer(question)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "cpu_seconds": cpu_seconds(processes) - cpu, "answer": answer}

    def memory(self, workload: str, contender: str) -> dict[str, Any]:
        question = self.system.questions[workload][contender]
        peak = PeakMemory(self.system.processes())
        self.system.answer(question)
        return {"bytes": peak.growth()}


def _reply(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    handle: Callable[..., dict[str, Any]] = getattr(worker, request.pop("request"))
    try:
        return {"ok": True, **handle(**request)}
    except Exception as error:  # Whatever a system throws is a result: it goes into the table.
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def _claim_output() -> TextIO:
    """Keep the standard output for the replies: what a system prints goes to the standard error."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return replies


def main() -> None:
    replies = _claim_output()
    name, scale = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    try:
        worker = Worker(SYSTEMS[name](Data(SCALES[scale]), THREADS))
        print(json.dumps({"ok": True}), file=replies)
    except Exception as error:
        print(json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"}), file=replies)
        return
    for line in sys.stdin:
        print(json.dumps(_reply(worker, json.loads(line))), file=replies)


if __name__ == "__main__":
    main()
