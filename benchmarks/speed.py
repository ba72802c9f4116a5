"""Every workload by every contender: seconds, peak memory, answers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from benchmarks.bandwidth import measure_bandwidth
from benchmarks.child import Child, WorkerError
from benchmarks.data import Data, generate
from benchmarks.progress import Progress
from benchmarks.scale import THREADS
from benchmarks.systems import SYSTEMS, System
from benchmarks.workloads import DATASETS, ROWS, WORKLOADS, Workload

Cell = dict[str, Any]
"""What is known of one contender in one workload: `seconds`, `answer`, `memory`, …, or `failed` or `left_out`."""


class Speed:
    """One run: every system in its own process, turn by turn."""

    def __init__(self, data: Data, systems: Iterable[str], workloads: Iterable[str], progress: Progress) -> None:
        self.data = data
        self.scale = data.scale
        self.progress = progress
        self.workloads = [workload for workload in WORKLOADS if workload.name in set(workloads)]
        self.cells: dict[str, dict[str, Cell]] = {workload.name: {} for workload in self.workloads}
        self.stored: dict[str, dict[str, float]] = {}
        self.absent: dict[str, str] = {}
        self.systems: dict[str, type[System]] = {}
        asked_for = set(systems)
        for name, system in SYSTEMS.items():
            reason = "not part of this run" if name not in asked_for else system.missing()
            if reason is None:
                self.systems[name] = system
            else:
                self.absent[system.title] = reason

    def run(self) -> dict[str, Any]:
        """Measure everything.

        Returns:
            By workload and contender the cells; the bytes of the stored states; the bandwidth of memory.
        """
        with self.progress.step("the rows, and the exact answers"):
            generate(self.data)
        for dataset in DATASETS:
            workloads = [workload for workload in self.workloads if workload.dataset == dataset]
            if workloads:
                self._compare(dataset, workloads)
        with self.progress.step("a plain copy of memory"):
            bandwidth = measure_bandwidth(self.scale)
        self._score()
        return {
            "rows": self.scale.rows,
            "runs": self.scale.runs,
            "threads": THREADS,
            "workloads": self.cells,
            "stored": self.stored,
            "bandwidth": bandwidth,
            "absent": self.absent,
            "kept": {system.title: system.kept for system in self.systems.values()},
        }

    def _compare(self, dataset: str, workloads: list[Workload]) -> None:
        entering = [name for name in self.systems if self._enters(name, workloads)]
        with ExitStack() as stack:
            children = {}
            for name in entering:
                child = self._start(name, dataset, workloads)
                if child is not None:
                    children[name] = stack.enter_context(child)
            for workload in workloads:
                self._take_turns(workload, children)
        for workload in workloads:
            if "*" in self.scale.memory_of or workload.name in self.scale.memory_of:
                for name in entering:
                    self._measure_memory(workload, name)

    def _enters(self, name: str, workloads: list[Workload]) -> bool:
        return any(workload.name in self.systems[name].questions for workload in workloads)

    def _start(self, name: str, dataset: str, workloads: list[Workload]) -> Child | None:
        """Start a system with a dataset in its memory; where that fails, so have all its contenders."""
        columns = list(dict.fromkeys(column for workload in workloads for column in workload.columns))
        title = self.systems[name].title
        try:
            if self.systems[name].prepare is not System.prepare and dataset != ROWS:
                with self.progress.step(f"{title}: its stored states"), Child(name, self.scale.name) as child:
                    child.ask("prepare", dataset=dataset)
            with self.progress.step(f"{title}: loads {dataset.replace('_', ' ')}"):
                child = Child(name, self.scale.name)
                try:
                    self.stored.update(child.ask("load", dataset=dataset, columns=columns)["stored"])
                except WorkerError:
                    child.close()
                    raise
            child.pause()
            return child
        except WorkerError as error:
            self.progress.line(f"{title} failed: {error}")
            for workload in workloads:
                for contender in self.systems[name].questions.get(workload.name, {}):
                    self.cells[workload.name][contender] = {"system": name, "failed": str(error)}
            return None

    def _take_turns(self, workload: Workload, children: dict[str, Child]) -> None:
        """A warm-up each, then the timed runs: in every round each contender once, another one first every time."""
        cells = self.cells[workload.name]
        entries = []
        for name in children:
            for contender in self.systems[name].questions.get(workload.name, {}):
                reason = self.systems[name].left_out.get((workload.name, contender))
                cells[contender] = {"system": name, "all_seconds": [], "all_cpu_seconds": []}
                if reason is None:
                    entries.append((name, contender))
                else:
                    cells[contender] = {"system": name, "left_out": reason}
        with self.progress.step(f"{workload.title}: {len(entries)} contenders, {self.scale.runs} runs"):
            for turn in range(self.scale.runs + 1):
                first = turn % len(entries) if entries else 0
                for name, contender in entries[first:] + entries[:first]:
                    if "failed" not in cells[contender]:
                        self._run_once(workload, contender, children[name], cells[contender], warm_up=turn == 0)

    def _run_once(self, workload: Workload, contender: str, child: Child, cell: Cell, *, warm_up: bool) -> None:
        child.resume()
        try:
            reply = child.ask("run", workload=workload.name, contender=contender)
        except WorkerError as error:
            cell["failed"] = str(error)
            return
        finally:
            child.pause()
        cell["answer"] = reply["answer"]
        if not warm_up:
            cell["all_seconds"].append(reply["seconds"])
            cell["all_cpu_seconds"].append(reply["cpu_seconds"])

    def _measure_memory(self, workload: Workload, name: str) -> None:
        """The growth of the peak in a fresh process that holds nothing but what the workload reads."""
        for contender in self.systems[name].questions.get(workload.name, {}):
            cell = self.cells[workload.name][contender]
            if "failed" in cell or "left_out" in cell:
                continue
            try:
                with (
                    self.progress.step(f"{workload.title}: memory of {contender}"),
                    Child(name, self.scale.name) as child,
                ):
                    child.ask("load_for_memory", dataset=workload.dataset, columns=list(workload.columns))
                    reply = child.ask("memory", workload=workload.name, contender=contender)
                    cell["memory"] = reply["bytes"]
            except WorkerError as error:
                cell["memory_failed"] = str(error)

    def _score(self) -> None:
        truths = self.data.truths()
        for workload, cells in self.cells.items():
            for contender, cell in cells.items():
                if cell.get("all_seconds"):
                    cell["seconds"] = min(cell["all_seconds"])
                    cell["cpu_seconds"] = min(cell["all_cpu_seconds"])
                truth, answer = truths.get(workload), cell.get("answer")
                unscored = SYSTEMS[cell["system"]].unscored
                if truth and answer is not None and contender not in unscored:
                    cell["error"] = answer / truth - 1
