"""Speed, accuracy and size beside other systems: three suites, one report."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.columns.measuring import measure_columns
from benchmarks.data import Data
from benchmarks.folders import data_folder
from benchmarks.histogram_accuracy import measure_histograms
from benchmarks.hll_accuracy import measure_hll
from benchmarks.peers_report import render
from benchmarks.scale import SCALES, Scale
from benchmarks.sizes import measure_sizes
from benchmarks.speed import Speed
from benchmarks.suite import Suite
from benchmarks.systems import SYSTEMS
from benchmarks.workloads import BY_NAME


class _BesidePeers(Suite):
    file = "results"

    @property
    def is_full(self) -> bool:
        return bool(self.options.scale == "full")

    @property
    def scale(self) -> Scale:
        """The sizes of this run."""
        scale = SCALES[self.options.scale]
        return replace(scale, runs=self.runs) if self.runs else scale

    @property
    def data(self) -> Path:
        return data_folder(self.scale.name)

    @staticmethod
    def render(sections: dict[str, Any]) -> str:
        return render(sections)

    @staticmethod
    def draw(sections: dict[str, Any], folder: Path) -> Iterator[Path]:
        from benchmarks.charts import draw_charts

        yield from draw_charts(sections, folder)


class SpeedBesidePeers(_BesidePeers):
    name = "speed"
    summary = "time and memory of aggregates and merges, beside DuckDB, ClickHouse, DataFusion, Polars and Spark"
    parts = ("speed",)

    @classmethod
    def add_options(cls, group: Any) -> None:
        group.add_argument(
            "--workloads", type=_known(BY_NAME), default=tuple(BY_NAME), metavar="NAME,…", help=", ".join(BY_NAME)
        )
        group.add_argument("--systems", type=_known(SYSTEMS), metavar="NAME,…", help=", ".join(SYSTEMS))
        group.add_argument("--with-spark", action="store_true", help="Spark too, where the scale leaves it out")

    def measure(self, part: str) -> dict[str, Any]:
        return Speed(Data(self.scale), self._systems(), self.options.workloads, self.progress).run()

    def _systems(self) -> tuple[str, ...]:
        if self.options.systems:
            return tuple(self.options.systems)
        left_out = set(self.scale.left_out) - ({"spark"} if self.options.with_spark else set())
        return tuple(name for name in SYSTEMS if name not in left_out)


class Accuracy(_BesidePeers):
    name = "accuracy"
    summary = "rank errors and of distinct counts, beside DuckDB, ClickHouse and DataSketches"
    parts = ("accuracy", "columns")

    def measure(self, part: str) -> dict[str, Any]:
        if part == "columns":
            return measure_columns(self.scale, self.progress)
        return {
            "histograms": measure_histograms(self.scale, self.progress),
            "hll": measure_hll(self.scale, self.progress),
        }


class Sizes(_BesidePeers):
    name = "sizes"
    summary = "bytes of stored states, as they are and in Parquet"
    parts = ("sizes",)

    def measure(self, part: str) -> dict[str, Any]:
        return measure_sizes(self.scale, self.progress)


def _known(names: Any) -> Any:
    def parse(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return chosen

    return parse
