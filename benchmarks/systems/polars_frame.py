"""Polars."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from benchmarks.data import Data
from benchmarks.systems.system import Questions, System
from benchmarks.workloads import ROWS

_DISTINCT = "Polars approx_n_unique"


class Polars(System):
    """`approx_n_unique`. Its quantiles are exact, and it has no states that could be stored."""

    name = "polars"
    title = "Polars"
    distribution = "polars"
    kept = "Polars DataFrame"
    questions: ClassVar[Questions] = {
        "hll_bigint": {_DISTINCT: "u"},
        "hll_varchar": {_DISTINCT: "us"},
        "hll_groups": {_DISTINCT: "u by g"},
        "hll_small_groups": {_DISTINCT: "u by g2"},
    }

    def __init__(self, data: Data, threads: int) -> None:
        super().__init__(data, threads)
        self.frame: Any = None

    def load(self, dataset: str, columns: Iterable[str]) -> None:
        import polars

        if dataset == ROWS:
            self.frame = polars.read_parquet(self.data.rows, columns=list(columns))

    def answer(self, question: str) -> float | None:
        import polars

        column, _, by = question.partition(" by ")
        distinct = polars.col(column).approx_n_unique()
        if not by:
            return float(self.frame.select(distinct).item())
        return float(self.frame.group_by(by).agg(distinct)[column].sum())
