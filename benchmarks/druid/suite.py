"""Druid's own classes and ours."""

from __future__ import annotations

from typing import Any, ClassVar

from benchmarks.druid.accuracy import distinct_errors, histogram_errors
from benchmarks.druid.classes import class_path
from benchmarks.druid.folds import fold_histograms, fold_hyper_uniques
from benchmarks.druid.java import Java
from benchmarks.druid.report import render
from benchmarks.suite import Suite

_VALUES_AN_OBJECT = 4
_OBJECTS_A_TRIAL = 125
_DIFFERENT = (100, 1_000, 5_000, 10_000, 100_000)


class Druid(Suite):
    name = "druid"
    summary = "merges and errors of Druid's own classes and ours, on the same data; needs a JDK and Maven"
    file = "druid"
    parts = ("druid",)
    default_runs = 15
    sizes: ClassVar = {"full": 50_000, "quick": 5_000, "toy": 250}  # sketches

    def measure(self, part: str) -> dict[str, Any]:
        data, objects, progress = self.data, self.size, self.progress
        java = Java(class_path(data / "classes"))
        values, trials = objects * _VALUES_AN_OBJECT, max(objects // _OBJECTS_A_TRIAL, 2)
        found: dict[str, Any] = {"rounds": self.runs, "values": values, "trials": trials, "hyper_uniques": []}
        for kind in ("dense", "sparse"):
            with progress.step(f"{kind} hyperUniques"):
                found["hyper_uniques"].append(fold_hyper_uniques(java, data, kind, objects, self.runs))
        with progress.step("histograms"):
            found["histograms"] = fold_histograms(java, data, objects, self.runs)
        with progress.step("rank errors"):
            found["ranks"] = histogram_errors(java, data, values)
        with progress.step("errors of distinct counts"):
            found["distinct"] = distinct_errors(java, trials, _DIFFERENT)
        return {**found, "java": java.version()}

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        return render(sections["druid"])
